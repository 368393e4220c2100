// bare-uv-naive: echo on libuv's streams as libuv's guide writes it ("Networking"). Each read allocates a
// buffer of the suggested 64 KiB, which then belongs to the write request until it is written. One thing is
// added: the guide's server keeps reading from a peer that does not read, so its memory grows without bound.
// This one stops reading until everything is written.
#define _GNU_SOURCE
#include "peer.h"

#include <signal.h>
#include <uv.h>

struct reply {
    uv_write_t request;
    uv_buf_t buf;
};

static void on_closed(uv_handle_t* handle) {
    free(handle);
}

static void end(uv_stream_t* stream) {
    if (!uv_is_closing((uv_handle_t*)stream)) uv_close((uv_handle_t*)stream, on_closed);
}

static void on_alloc(uv_handle_t* handle, size_t suggested, uv_buf_t* buf) {
    (void)handle;
    buf->base = malloc(suggested);
    buf->len = suggested;
}

static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buf);

static void start_reading(uv_stream_t* stream) {
    const int started = uv_read_start(stream, on_alloc, on_read);
    if (started != 0 && started != UV_EALREADY) end(stream);
}

static void on_written(uv_write_t* request, int status) {
    uv_stream_t* stream = request->handle;
    struct reply* reply = (struct reply*)request;
    free(reply->buf.base);
    free(reply);
    if (status < 0) {
        end(stream);
    } else if (!uv_is_closing((uv_handle_t*)stream) &&
               uv_stream_get_write_queue_size(stream) == 0) {
        start_reading(stream);
    }
}

static void on_read(uv_stream_t* stream, ssize_t got, const uv_buf_t* buf) {
    if (got <= 0) {
        free(buf->base);
        if (got < 0) end(stream);
        return;
    }
    struct reply* reply = malloc(sizeof *reply);
    if (reply == NULL) fail("malloc");
    reply->buf = uv_buf_init(buf->base, (unsigned)got);
    if (uv_write(&reply->request, stream, &reply->buf, 1, on_written) != 0) {
        free(reply->buf.base);
        free(reply);
        end(stream);
    } else if (uv_stream_get_write_queue_size(stream) > 0) {
        uv_read_stop(stream);
    }
}

static void on_connection(uv_stream_t* listener, int status) {
    if (status < 0) return;
    uv_tcp_t* tcp = malloc(sizeof *tcp);
    if (tcp == NULL) fail("malloc");
    uv_tcp_init(listener->loop, tcp);
    if (uv_accept(listener, (uv_stream_t*)tcp) == 0) {
        start_reading((uv_stream_t*)tcp);
    } else {
        end((uv_stream_t*)tcp);
    }
}

int main(int argc, char** argv) {
    uv_tcp_t listener;
    signal(SIGPIPE, SIG_IGN);  // libuv writes without MSG_NOSIGNAL
    uv_tcp_init(uv_default_loop(), &listener);
    check(uv_tcp_open(&listener, listen_as_told(argc, argv, "bare-uv-naive")), "uv_tcp_open");
    check(uv_listen((uv_stream_t*)&listener, kBacklog, on_connection), "uv_listen");
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
