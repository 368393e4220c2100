// libevent: echo on events only, with recv(2) and send(2), as a careful user writes it. The base has no
// locks, and collects changes of events until its next turn, so that changes that cancel each other cost
// nothing.
#define _GNU_SOURCE
#include "peer.h"

#include <event2/event.h>

// Keeps the bytes that the peer has not taken yet. Nothing is read until they are sent.
struct conn {
    int fd;
    struct event* event;
    char* rest;
    size_t size, sent;
};

static struct event_base* base;
static char buffer[kReadSize];

static void end(struct conn* conn) {
    event_free(conn->event);
    close(conn->fd);
    free(conn->rest);
    free(conn);
}

static void watch(struct conn* conn, short what, event_callback_fn callback) {
    event_del(conn->event);
    if (event_assign(conn->event, base, conn->fd, what | EV_PERSIST, callback, conn) != 0 ||
        event_add(conn->event, NULL) != 0) {
        fail("event_add");
    }
}

static void on_readable(int fd, short what, void* context);

static void on_writable(int fd, short what, void* context) {
    (void)what;
    struct conn* conn = context;
    const ssize_t sent = send(fd, conn->rest + conn->sent, conn->size - conn->sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!would_block(errno)) end(conn);
        return;
    }
    conn->sent += (size_t)sent;
    if (conn->sent < conn->size) return;
    free(conn->rest);
    conn->rest = NULL;
    watch(conn, EV_READ, on_readable);
}

static void keep(struct conn* conn, const char* from, size_t size) {
    conn->rest = malloc(size);
    if (conn->rest == NULL) fail("malloc");
    memcpy(conn->rest, from, size);
    conn->size = size;
    conn->sent = 0;
    watch(conn, EV_WRITE, on_writable);
}

static void on_readable(int fd, short what, void* context) {
    (void)what;
    struct conn* conn = context;
    const ssize_t got = recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && would_block(errno)) return;
    if (got <= 0) {
        end(conn);
        return;
    }
    ssize_t sent = send(fd, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && would_block(errno)) sent = 0;
    if (sent < 0) {
        end(conn);
    } else if (sent < got) {
        keep(conn, buffer + sent, (size_t)(got - sent));
    }
}

static struct event* new_event(int fd, event_callback_fn callback, void* context) {
    struct event* event = event_new(base, fd, EV_READ | EV_PERSIST, callback, context);
    if (event == NULL || event_add(event, NULL) != 0) fail("event_new");
    return event;
}

static void on_acceptable(int listener, short what, void* context) {
    (void)what;
    (void)context;
    for (int fd; (fd = next_connection(listener)) >= 0;) {
        struct conn* conn = calloc(1, sizeof *conn);
        if (conn == NULL) fail("calloc");
        conn->fd = fd;
        conn->event = new_event(fd, on_readable, conn);
    }
}

static struct event_base* new_base(void) {
    struct event_config* config = event_config_new();
    if (config == NULL) fail("event_config_new");
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
    struct event_base* made = event_base_new_with_config(config);
    if (made == NULL) fail("event_base_new");
    event_config_free(config);
    return made;
}

int main(int argc, char** argv) {
    base = new_base();
    new_event(listen_as_told(argc, argv, "libevent"), on_acceptable, NULL);
    return event_base_dispatch(base);
}
