// io-uring: echo on completions. Whatever one turn has to send and to receive enters the kernel in
// one io_uring_enter(2); what has been sent comes back from it, what is received from the next, which
// waits. Connections come by a multishot accept. Buffers are lent to the kernel, which takes one when
// bytes are there, so that an idle connection has none; there are few, so that they stay in the cache.
#define _GNU_SOURCE
#include "peer.h"

#include <liburing.h>
#include <stdint.h>

enum { kEntries = 4096, kBuffers = 128 };

// Bytes that are on their way back.
struct piece {
    char* bytes;  // in a buffer that was lent, or in one of its own; NULL: there is no piece
    unsigned size;
};

// What is under way in the kernel, by the address of which it is known.
struct operation {
    struct conn* conn;
    bool is_send;
};

// Received is on while one piece is sent, so at most two are held of what a peer does not read.
struct conn {
    int fd;
    struct operation receive, send;
    int under_way;  // of them
    bool ended;
    char* own;  // while it receives into one of its own, as all lent ones were taken
    struct piece sending, next;
};

static struct io_uring ring;
static struct io_uring_buf_ring* lent;
static char* memory;  // of the lent ones

static void check(int result, const char* what) {
    if (result >= 0) return;
    errno = -result;
    fail(what);
}

static void lend(size_t id) {
    io_uring_buf_ring_add(lent, memory + id * kReadSize, kReadSize, (unsigned short)id,
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(lent, 1);
}

static void give_back(struct piece* piece) {
    if (piece->bytes >= memory && piece->bytes < memory + (size_t)kBuffers * kReadSize) {
        lend((size_t)(piece->bytes - memory) / kReadSize);
    } else {
        free(piece->bytes);
    }
    piece->bytes = NULL;
}

static struct io_uring_sqe* next_entry(void) {
    struct io_uring_sqe* entry = io_uring_get_sqe(&ring);
    if (entry != NULL) return entry;
    check(io_uring_submit(&ring), "io_uring_submit");
    return io_uring_get_sqe(&ring);
}

static void accept_all(int listener) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept(entry, listener, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data(entry, NULL);
}

static void begin(struct operation* operation, struct io_uring_sqe* entry) {
    io_uring_sqe_set_data(entry, operation);
    ++operation->conn->under_way;
}

// Nothing is there yet, most likely: so it is waited for, without an attempt before.
static void receive(struct conn* conn) {
    struct io_uring_sqe* entry = next_entry();
    io_uring_prep_recv(entry, conn->fd, NULL, kReadSize, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    begin(&conn->receive, entry);
}

static void receive_into_own(struct conn* conn) {
    struct io_uring_sqe* entry = next_entry();
    conn->own = malloc(kReadSize);
    if (conn->own == NULL) fail("malloc");
    io_uring_prep_recv(entry, conn->fd, conn->own, kReadSize, 0);
    begin(&conn->receive, entry);
}

static void send_next(struct conn* conn) {
    struct io_uring_sqe* entry = next_entry();
    conn->sending = conn->next;
    conn->next.bytes = NULL;
    // With MSG_WAITALL the kernel goes on until all is sent.
    io_uring_prep_send(entry, conn->fd, conn->sending.bytes, conn->sending.size,
                       MSG_NOSIGNAL | MSG_WAITALL);
    begin(&conn->send, entry);
    receive(conn);
}

static void on_accepted(int result, unsigned flags, int listener) {
    if (result >= 0) {
        struct conn* conn = calloc(1, sizeof *conn);
        if (conn == NULL) fail("calloc");
        conn->fd = result;
        conn->receive.conn = conn->send.conn = conn;
        conn->send.is_send = true;
        receive(conn);
    } else if (result != -ECONNABORTED && result != -EINTR) {
        check(result, "accept");
    }
    if ((flags & IORING_CQE_F_MORE) == 0) accept_all(listener);
}

static void on_received(struct conn* conn, int result, unsigned flags) {
    if (result == -ENOBUFS && conn->own == NULL) {
        receive_into_own(conn);
        return;
    }
    const bool was_lent = (flags & IORING_CQE_F_BUFFER) != 0;
    const size_t id = flags >> IORING_CQE_BUFFER_SHIFT;
    conn->next.bytes = was_lent ? memory + id * kReadSize : conn->own;
    conn->own = NULL;
    if (result <= 0) {
        conn->ended = true;
        return;
    }
    conn->next.size = (unsigned)result;
    if (conn->sending.bytes == NULL && !conn->ended) send_next(conn);
}

static void on_sent(struct conn* conn, int result) {
    const bool whole = result >= 0 && (unsigned)result == conn->sending.size;
    give_back(&conn->sending);
    if (!whole) {
        conn->ended = true;
        shutdown(conn->fd, SHUT_RDWR);  // ends what is received
    } else if (conn->next.bytes != NULL && !conn->ended) {
        send_next(conn);
    }
}

static void end_if_done(struct conn* conn) {
    if (!conn->ended || conn->under_way > 0) return;
    give_back(&conn->next);
    close(conn->fd);
    free(conn);
}

static void on_completion(const struct io_uring_cqe* done, int listener) {
    const struct operation* operation = io_uring_cqe_get_data(done);
    if (operation == NULL) {
        on_accepted(done->res, done->flags, listener);
        return;
    }
    struct conn* conn = operation->conn;
    --conn->under_way;
    if (operation->is_send) {
        on_sent(conn, done->res);
    } else {
        on_received(conn, done->res, done->flags);
    }
    end_if_done(conn);
}

static void open_ring(void) {
    struct io_uring_params how = {.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN};
    const size_t size = kBuffers * sizeof(struct io_uring_buf);
    check(io_uring_queue_init_params(kEntries, &ring, &how), "io_uring as of Linux 6.1");
    lent = aligned_alloc(4096, size);
    memory = malloc((size_t)kBuffers * kReadSize);
    if (lent == NULL || memory == NULL) fail("malloc");
    struct io_uring_buf_reg group = {.ring_addr = (uintptr_t)lent, .ring_entries = kBuffers};
    check(io_uring_register_buf_ring(&ring, &group, 0), "io_uring_register_buf_ring");
    io_uring_buf_ring_init(lent);
    for (size_t id = 0; id < kBuffers; ++id) lend(id);
}

int main(int argc, char** argv) {
    open_ring();
    const int listener = listen_as_told(argc, argv, "io-uring");
    accept_all(listener);
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
