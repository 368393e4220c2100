// bare-epoll-et: like bare-epoll, but edge-triggered. A connection is registered once. One more epoll_ctl(2)
// is needed only if the peer does not take its bytes. The difference is the cost of level triggering, which
// is small.
#define _GNU_SOURCE
#include "peer.h"

#include <sys/epoll.h>

// A peer that sends endlessly must not keep the others waiting.
enum { kReadsPerTurn = 4 };

// Keeps the bytes that the peer has not taken yet. Nothing is read until they are sent.
struct conn {
    int fd;
    bool ending;  // an end or an error follows the bytes that are still to be read
    bool watches_output;
    char* rest;
    size_t size, sent;
};

static int epoll_fd;
static char buffer[kReadSize];

// Watching a ready socket again causes a new edge.
static void watch(int operation, int fd, uint32_t events, struct conn* conn) {
    struct epoll_event event = {.events = events | EPOLLET, .data.ptr = conn};
    if (epoll_ctl(epoll_fd, operation, fd, &event) != 0) fail("epoll_ctl");
}

static void watch_again(const struct conn* conn) {
    const uint32_t output = conn->watches_output ? EPOLLOUT : 0;
    watch(EPOLL_CTL_MOD, conn->fd, EPOLLIN | EPOLLRDHUP | output, (struct conn*)conn);
}

static void accept_all(int listener) {
    for (int fd; (fd = next_connection(listener)) >= 0;) {
        struct conn* conn = calloc(1, sizeof *conn);
        if (conn == NULL) fail("calloc");
        conn->fd = fd;
        watch(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLRDHUP, conn);
    }
}

static bool end(struct conn* conn) {
    close(conn->fd);
    free(conn->rest);
    free(conn);
    return false;
}

static void keep(struct conn* conn, const char* from, size_t size) {
    conn->rest = malloc(size);
    if (conn->rest == NULL) fail("malloc");
    memcpy(conn->rest, from, size);
    conn->size = size;
    conn->sent = 0;
    if (conn->watches_output) return;
    conn->watches_output = true;
    watch_again(conn);
}

// This function and the next return whether there is more to do now.
static bool write_rest(struct conn* conn) {
    while (conn->sent < conn->size) {
        const ssize_t sent =
            send(conn->fd, conn->rest + conn->sent, conn->size - conn->sent, MSG_NOSIGNAL);
        if (sent < 0) return would_block(errno) ? false : end(conn);
        conn->sent += (size_t)sent;
    }
    free(conn->rest);
    conn->rest = NULL;
    return true;
}

// A read that did not fill the buffer has emptied the queue (man 7 epoll), except for an end, which
// EPOLLRDHUP reports. So no second read, which would fail with EAGAIN, is needed.
static bool read_once(struct conn* conn) {
    const ssize_t got = recv(conn->fd, buffer, sizeof buffer, 0);
    if (got < 0 && would_block(errno)) return false;
    if (got <= 0) return end(conn);
    ssize_t sent = send(conn->fd, buffer, (size_t)got, MSG_NOSIGNAL);
    if (sent < 0 && would_block(errno)) sent = 0;
    if (sent < 0) return end(conn);
    if (sent < got) keep(conn, buffer + sent, (size_t)(got - sent));
    return sent < got || conn->ending || (size_t)got == sizeof buffer;
}

static void on_ready(struct conn* conn, uint32_t events) {
    if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) conn->ending = true;
    for (int i = 0; i < kReadsPerTurn; ++i) {
        if (conn->rest != NULL && !write_rest(conn)) return;
        if (!read_once(conn)) return;
    }
    watch_again(conn);
}

int main(int argc, char** argv) {
    struct epoll_event events[512];
    const int listener = listen_as_told(argc, argv, "bare-epoll-et");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1");
    watch(EPOLL_CTL_ADD, listener, EPOLLIN, NULL);
    for (;;) {
        const int count = epoll_wait(epoll_fd, events, 512, -1);
        for (int i = 0; i < count; ++i) {
            if (events[i].data.ptr == NULL) {
                accept_all(listener);
            } else {
                on_ready(events[i].data.ptr, events[i].events);
            }
        }
    }
}
