// io-uring: echo on completions, with a multishot accept, and a multishot receive for each connection. One
// io_uring_enter(2) submits everything that a turn sends. Buffers are lent to the kernel, which takes one if
// bytes arrive, so an idle connection has none. There are few buffers, so that they stay in the cache.
#define _GNU_SOURCE
#include "peer.h"

#include <liburing.h>
#include <poll.h>
#include <stdint.h>

enum { kEntries = 4096, kBuffers = 128 };

// Bytes to be sent back.
struct piece {
    char* bytes;  // in a lent buffer or one of its own; NULL: there is no piece
    size_t size;
};

// An operation in the kernel. Its address identifies the completion.
struct operation {
    struct conn* conn;
    bool under_way;
};

struct conn {
    int fd;
    struct operation receive, send;
    bool stops, ended;  // of receiving
    char* own;          // its own receive buffer, if all lent ones were taken
    struct piece sending, next;
};

static struct io_uring ring;
static bool repeats;  // multishot; Linux 6.18 may not report the end of a unix socket to it
static struct operation accepting, stopping, sigterm;  // belong to no connection
static _Alignas(4096) struct io_uring_buf lent_entries[kBuffers];
static struct io_uring_buf_ring* const lent = (struct io_uring_buf_ring*)lent_entries;
static char memory[kBuffers * kReadSize];  // the lent buffers, one after the other

static void lend(size_t id) {
    io_uring_buf_ring_add(lent, memory + id * kReadSize, kReadSize, (unsigned short)id,
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(lent, 1);
}

static bool is_lent(const char* bytes) {
    return bytes >= memory && bytes < memory + sizeof memory;
}

static void give_back(char* bytes) {
    if (is_lent(bytes)) {
        lend((size_t)(bytes - memory) / kReadSize);
    } else {
        free(bytes);
    }
}

static struct io_uring_sqe* begin(struct operation* operation) {
    struct io_uring_sqe* entry;
    while ((entry = io_uring_get_sqe(&ring)) == NULL)
        check(io_uring_submit(&ring), "io_uring_submit");
    io_uring_sqe_set_data(entry, operation);
    operation->under_way = true;
    return entry;
}

static void accept_all(int listener) {
    io_uring_prep_multishot_accept(begin(&accepting), listener, NULL, NULL, SOCK_CLOEXEC);
}

// Most likely nothing has arrived yet, so the kernel waits first instead of trying to receive.
static void receive(struct conn* conn) {
    struct io_uring_sqe* entry = begin(&conn->receive);
    io_uring_prep_recv(entry, conn->fd, NULL, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST | (repeats ? IORING_RECV_MULTISHOT : 0);
    conn->stops = false;
}

static void receive_into_own(struct conn* conn) {
    conn->own = malloc(kReadSize);
    if (conn->own == NULL) fail("malloc");
    io_uring_prep_recv(begin(&conn->receive), conn->fd, conn->own, kReadSize, 0);
}

static void send_next(struct conn* conn) {
    conn->sending = conn->next;
    conn->next = (struct piece){0};
    // With MSG_WAITALL the kernel continues until everything is sent.
    io_uring_prep_send(begin(&conn->send), conn->fd, conn->sending.bytes, conn->sending.size,
                       MSG_NOSIGNAL | MSG_WAITALL);
}

// A single piece waits in its buffer. Several are copied together, to free the lent buffers for others.
static void keep(struct conn* conn, char* bytes, size_t size) {
    const struct piece first = conn->next;
    conn->next = (struct piece){bytes, size};
    if (first.bytes == NULL) return;
    char* both = realloc(is_lent(first.bytes) ? NULL : first.bytes, first.size + size);
    if (both == NULL) fail("realloc");
    if (is_lent(first.bytes)) {
        memcpy(both, first.bytes, first.size);
        give_back(first.bytes);
    }
    memcpy(both + first.size, bytes, size);
    give_back(bytes);
    conn->next = (struct piece){both, first.size + size};
}

static void on_accepted(int result, unsigned flags, int listener) {
    if (result >= 0) {
        struct conn* conn = calloc(1, sizeof *conn);
        if (conn == NULL) fail("calloc");
        conn->fd = result;
        conn->receive.conn = conn->send.conn = conn;
        receive(conn);
    } else if (result != -ECONNABORTED && result != -EINTR) {
        check(result, "accept");
    }
    if ((flags & IORING_CQE_F_MORE) == 0) accept_all(listener);
}

static void on_received(struct conn* conn, int result, unsigned flags) {
    char* bytes = conn->own;
    conn->own = NULL;
    if ((flags & IORING_CQE_F_BUFFER) != 0)
        bytes = memory + (size_t)(flags >> IORING_CQE_BUFFER_SHIFT) * kReadSize;
    if (result > 0) {
        keep(conn, bytes, (size_t)result);
        return;
    }
    give_back(bytes);
    if (result == -ENOBUFS) receive_into_own(conn);
    if (result != -ENOBUFS && result != -ECANCELED) conn->ended = true;
}

static void on_sent(struct conn* conn, int result) {
    const bool whole = result >= 0 && (size_t)result == conn->sending.size;
    give_back(conn->sending.bytes);
    conn->sending.bytes = NULL;
    if (whole) return;
    conn->ended = true;
    shutdown(conn->fd, SHUT_RDWR);  // ends pending receives and sends
}

// Starts what is possible now: a piece is sent while the next one is received.
static void go_on(struct conn* conn) {
    if (conn->sending.bytes == NULL && conn->next.bytes != NULL) send_next(conn);
    const bool has_room = conn->next.size <= kReadSize;
    if (!conn->receive.under_way && has_room && !conn->ended) receive(conn);
    if (conn->receive.under_way && !has_room && !conn->stops) {
        io_uring_prep_cancel(begin(&stopping), &conn->receive, 0);
        conn->stops = true;
    }
    if (!conn->ended || conn->receive.under_way || conn->send.under_way) return;
    close(conn->fd);
    free(conn);
}

static void on_completion(const struct io_uring_cqe* done, int listener) {
    struct operation* operation = io_uring_cqe_get_data(done);
    operation->under_way = (done->flags & IORING_CQE_F_MORE) != 0;
    if (operation == &sigterm) let_through(SIGTERM);
    if (operation == &accepting) on_accepted(done->res, done->flags, listener);
    struct conn* conn = operation->conn;
    if (conn == NULL) return;
    if (operation == &conn->send) on_sent(conn, done->res);
    if (operation == &conn->receive) on_received(conn, done->res, done->flags);
    go_on(conn);
}

static void open_ring(void) {
    struct io_uring_params how = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    check(io_uring_queue_init_params(kEntries, &ring, &how), "io_uring as of Linux 6.1");
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)lent, .ring_entries = kBuffers};
    check(io_uring_register_buf_ring(&ring, &group, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(lent);
    for (size_t id = 0; id < kBuffers; ++id) lend(id);
}

int main(int argc, char** argv) {
    open_ring();
    const int listener = listen_as_told(argc, argv, "io-uring");
    repeats = argc == 1;
    accept_all(listener);
    io_uring_prep_poll_add(begin(&sigterm), held_signal(SIGTERM), POLLIN);
    for (;;) {
        const int entered = io_uring_submit_and_wait(&ring, 1);
        if (entered != -EINTR) check(entered, "io_uring_enter");
        struct io_uring_cqe* done;
        unsigned head, count = 0;
        io_uring_for_each_cqe(&ring, head, done) {
            on_completion(done, listener);
            ++count;
        }
        io_uring_cq_advance(&ring, count);
    }
}
