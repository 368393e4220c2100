// bare-epoll: echo on level-triggered epoll, with recv(2) and send(2) only. This is the least that a
// single-threaded server on Linux can do, and so the limit for every other.
#define _GNU_SOURCE
#include "peer.h"

#include <sys/epoll.h>

// Keeps the bytes that the peer has not taken yet. Nothing is read until they are sent.
struct conn {
    int fd;
    char* rest;
    size_t size, sent;
};

static int epoll_fd;
static char buffer[kReadSize];

static void watch(int operation, int fd, uint32_t events, struct conn* conn) {
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0) fail("epoll_ctl");
}

static void end(struct conn* conn) {
    close(conn->fd);
    free(conn->rest);
    free(conn);
}

static void accept_all(int listener) {
    for (int fd; (fd = next_connection(listener)) >= 0;) {
        struct conn* conn = calloc(1, sizeof *conn);
        if (conn == NULL) fail("calloc");
        conn->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN, conn);
    }
}

static void keep(struct conn* conn, const char* from, size_t size) {
    conn->rest = malloc(size);
    if (conn->rest == NULL) fail("malloc");
    memcpy(conn->rest, from, size);
    conn->size = size;
    conn->sent = 0;
    watch(EPOLL_CTL_MOD, conn->fd, EPOLLOUT, conn);
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
    watch(EPOLL_CTL_MOD, conn->fd, EPOLLIN, conn);
}

int main(int argc, char** argv) {
    struct epoll_event events[512];
    const int listener = listen_as_told(argc, argv, "bare-epoll");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1");
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        const int count = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            struct conn* conn = events[i].data.ptr;
            if (conn == NULL) {
                accept_all(listener);
            } else if (conn->rest != NULL) {
                on_writable(conn);
            } else {
                on_readable(conn);
            }
        }
    }
}
