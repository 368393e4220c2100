// bare-uv-poll: echo on one uv_poll_t per connection, with recv(2) and send(2). This is the limit for a
// server that uses libuv for readiness and makes its own system calls, as the reactor does.
#define _GNU_SOURCE
#include "peer.h"

#include <uv.h>

// Keeps the bytes that the peer has not taken yet. Nothing is read until they are sent.
struct conn {
    uv_poll_t poll;
    int fd;
    char* rest;
    size_t size, sent;
};

static char buffer[kReadSize];

static void on_closed(uv_handle_t* handle) {
    struct conn* conn = handle->data;
    close(conn->fd);
    free(conn->rest);
    free(conn);
}

static void end(struct conn* conn) {
    uv_close((uv_handle_t*)&conn->poll, on_closed);
}

static void on_ready(uv_poll_t* poll, int status, int events);

static void keep(struct conn* conn, const char* from, size_t size) {
    conn->rest = malloc(size);
    if (conn->rest == NULL) fail("malloc");
    memcpy(conn->rest, from, size);
    conn->size = size;
    conn->sent = 0;
    uv_poll_start(&conn->poll, UV_WRITABLE, on_ready);
}

static void on_readable(struct conn* conn) {
    const ssize_t got = recv(conn->fd, buffer, sizeof buffer, 0);
    if (got < 0 && would_block(errno)) return;
    if (got <= 0) {
        end(conn);
        return;
    }
    ssize_t sent = send(conn->fd, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && would_block(errno)) sent = 0;
    if (sent < 0) {
        end(conn);
    } else if (sent < got) {
        keep(conn, buffer + sent, (size_t)(got - sent));
    }
}

static void on_writable(struct conn* conn) {
    const ssize_t sent =
        send(conn->fd, conn->rest + conn->sent, conn->size - conn->sent, MSG_NOSIGNAL);
    if (sent < 0) {
        if (!would_block(errno)) end(conn);
        return;
    }
    conn->sent += (size_t)sent;
    if (conn->sent < conn->size) return;
    free(conn->rest);
    conn->rest = NULL;
    uv_poll_start(&conn->poll, UV_READABLE, on_ready);
}

static void on_ready(uv_poll_t* poll, int status, int events) {
    (void)events;
    struct conn* conn = poll->data;
    if (status < 0) {
        end(conn);
    } else if (conn->rest != NULL) {
        on_writable(conn);
    } else {
        on_readable(conn);
    }
}

static void open_connection(uv_loop_t* loop, int fd) {
    struct conn* conn = calloc(1, sizeof *conn);
    if (conn == NULL) fail("calloc");
    conn->fd = fd;
    conn->poll.data = conn;
    check(uv_poll_init(loop, &conn->poll, fd), "uv_poll_init");
    uv_poll_start(&conn->poll, UV_READABLE, on_ready);
}

static void on_acceptable(uv_poll_t* poll, int status, int events) {
    (void)status;
    (void)events;
    const int listener = *(const int*)poll->data;
    for (int fd; (fd = next_connection(listener)) >= 0;) {
        open_connection(poll->loop, fd);
    }
}

int main(int argc, char** argv) {
    uv_poll_t poll;
    int listener = listen_as_told(argc, argv, "bare-uv-poll");
    poll.data = &listener;
    check(uv_poll_init(uv_default_loop(), &poll, listener), "uv_poll_init");
    uv_poll_start(&poll, UV_READABLE, on_acceptable);
    return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
