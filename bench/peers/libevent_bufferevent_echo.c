// libevent-bufferevent: echo on bufferevents, which moves bytes from the input to the output buffer without a
// copy. A bufferevent asks how many bytes there are before it reads, reads 4 KiB at a time, and writes when
// the loop reports that the socket is writable. This peer shows what that costs.
#define _GNU_SOURCE
#include "peer.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>

// Reading stops with this many bytes queued for the peer, and resumes at the lower mark.
enum { kHighWater = 64 * 1024, kLowWater = 32 * 1024 };

static void on_drained(struct bufferevent* peer, void* context);
static void on_event(struct bufferevent* peer, short what, void* context);

static void on_input(struct bufferevent* peer, void* context) {
    struct evbuffer* output = bufferevent_get_output(peer);
    evbuffer_add_buffer(output, bufferevent_get_input(peer));
    if (evbuffer_get_length(output) < kHighWater) return;
    bufferevent_disable(peer, EV_READ);
    bufferevent_setwatermark(peer, EV_WRITE, kLowWater, 0);
    bufferevent_setcb(peer, on_input, on_drained, on_event, context);
}

static void on_drained(struct bufferevent* peer, void* context) {
    bufferevent_setcb(peer, on_input, NULL, on_event, context);
    bufferevent_enable(peer, EV_READ);
}

static void on_all_written(struct bufferevent* peer, void* context) {
    (void)context;
    bufferevent_free(peer);
}

static void on_event(struct bufferevent* peer, short what, void* context) {
    const bool sends_no_more = (what & BEV_EVENT_EOF) != 0 && (what & BEV_EVENT_READING) != 0;
    if (!sends_no_more || evbuffer_get_length(bufferevent_get_output(peer)) == 0) {
        bufferevent_free(peer);
    } else {
        bufferevent_setwatermark(peer, EV_WRITE, 0, 0);
        bufferevent_setcb(peer, NULL, on_all_written, on_event, context);
    }
}

static void on_connection(struct evconnlistener* listener, evutil_socket_t fd,
                          struct sockaddr* address, int size, void* context) {
    (void)address;
    (void)size;
    (void)context;
    struct event_base* base = evconnlistener_get_base(listener);
    struct bufferevent* peer = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (peer == NULL) fail("bufferevent_socket_new");
    bufferevent_setcb(peer, on_input, NULL, on_event, NULL);
    bufferevent_enable(peer, EV_READ | EV_WRITE);
}

static void on_accept_error(struct evconnlistener* listener, void* context) {
    (void)listener;
    (void)context;
    fail("accept4");
}

int main(int argc, char** argv) {
    signal(SIGPIPE, SIG_IGN);  // libevent writes with writev(2)
    struct event_base* base = event_base_new();
    if (base == NULL) fail("event_base_new");
    const int fd = listen_as_told(argc, argv, "libevent-bufferevent");
    const unsigned flags = LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC;
    // A backlog of 0 means that the socket is listening already.
    struct evconnlistener* listener = evconnlistener_new(base, on_connection, NULL, flags, 0, fd);
    if (listener == NULL) fail("evconnlistener_new");
    evconnlistener_set_error_cb(listener, on_accept_error);
    return event_base_dispatch(base);
}
