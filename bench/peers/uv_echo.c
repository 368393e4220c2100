// bare-uv: echo on libuv's streams as a careful user writes it. It has one read buffer for the loop, because
// a buffer per read doubles the CPU time. It calls uv_try_write first, because uv_write costs an epoll_ctl
// per reply.
#define _GNU_SOURCE
#include "peer.h"

#include <signal.h>
#include <string.h>
#include <uv.h>

struct rest {
    uv_write_t request;
    char bytes[];
};

static char buffer[kReadSize];

static void on_closed(uv_handle_t* handle) {
    free(handle);
}

static void end(uv_stream_t* stream) {
    if (!uv_is_closing((uv_handle_t*)stream)) uv_close((uv_handle_t*)stream, on_closed);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
    (void)handle;
    (void)suggested;
    *buf = uv_buf_init(buffer, sizeof buffer);
}

static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buf);

static void on_written(uv_write_t* request, int status) {
    uv_stream_t* stream = request->handle;
    free(request);
    if (status < 0 || uv_read_start(stream, on_alloc, on_read) != 0) end(stream);
}

// Keeps the bytes that the peer has not taken yet. Nothing is read until they are sent.
static void keep(uv_stream_t* stream, const char* from, size_t size) {
    struct rest* rest = malloc(sizeof *rest + size);
    if (rest == NULL) fail("malloc");
    memcpy(rest->bytes, from, size);
    uv_buf_t buf = uv_buf_init(rest->bytes, (unsigned)size);
    uv_read_stop(stream);
    if (uv_write(&rest->request, stream, &buf, 1, on_written) != 0) {
        free(rest);
        end(stream);
    }
}

static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buf) {
    if (got < 0) {
        end(stream);
        return;
    }
    if (got == 0) return;
    uv_buf_t reply = uv_buf_init(buf->base, (unsigned)got);
    int sent = uv_try_write(stream, &reply, 1);
    if (sent == UV_EAGAIN) sent = 0;
    if (sent < 0) {
        end(stream);
    } else if (sent < got) {
        keep(stream, buf->base + sent, (size_t)(got - sent));
    }
}

static void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) return;
    uv_tcp_t* tcp = malloc(sizeof *tcp);
    if (tcp == NULL) fail("malloc");
    uv_tcp_init(listener->loop, tcp);
    if (uv_accept(listener, (uv_stream_t*)tcp) != 0 ||
        uv_read_start((uv_stream_t*)tcp, on_alloc, on_read) != 0) {
        end((uv_stream_t*)tcp);
    }
}

int main(int argc, char** argv) {
    uv_tcp_t listener;
    signal(SIGPIPE, SIG_IGN);  // libuv writes without MSG_NOSIGNAL
    uv_tcp_init(uv_default_loop(), &listener);
    check(uv_tcp_open(&listener, listen_as_told(argc, argv, "bare-uv")), "uv_tcp_open");
    check(uv_listen((uv_stream_t*)&listener, kBacklog, on_connection), "uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
