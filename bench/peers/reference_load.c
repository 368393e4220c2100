// bare-load: the closed loop of `switchboard-bench load`, with epoll, recv(2) and send(2) only. Each
// connection has DEPTH messages of SIZE bytes in flight, and sends the next when a reply is complete. Every
// byte is checked, and each exchange is timed. This is the most that one thread can request from a server,
// and so the reference for `load`, which does the same.
//
//   bare-load tcp://127.0.0.1:PORT|unix:PATH CONNECTIONS SIZE SECONDS [DEPTH]
#define _GNU_SOURCE
#include "peer.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <time.h>

// Messages are consecutive parts of an endless repetition of kPeriod bytes. The period is prime, so messages
// differ. Each connection starts at its own place.
enum { kPeriod = 65521, kPerOctave = 64 };

struct conn {
    int fd;
    uint32_t events;            // that are watched
    uint64_t from;              // its place in the pattern
    uint64_t asked, sent, got;  // bytes; asked exceeds sent if the socket is full
    uint64_t done;              // exchanges
    uint64_t* began;            // start times of the last `depth` exchanges
};

static char pattern[kPeriod + kReadSize], buffer[kReadSize];
static uint64_t counts[64 * kPerOctave];  // of latencies, see bucket_of()
static uint64_t size, depth, exchanges, window_opens, window_closes, latest;
static int epoll_fd;

static void stop(const char* what) {
    fprintf(stderr, "bare-load: %s\n", what);
    exit(1);
}

static uint64_t now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

// 64 buckets for each doubling, so a latency is precise to 1.6%.
static unsigned bucket_of(uint64_t ns) {
    const unsigned doublings = ns < kPerOctave ? 0 : 57 - (unsigned)__builtin_clzll(ns);
    return doublings * kPerOctave + (unsigned)(ns >> doublings);
}

static double percentile_us(double percent) {
    uint64_t left = (uint64_t)((double)exchanges * percent / 100);
    unsigned bucket = 0;
    while (counts[bucket] <= left && bucket < 64 * kPerOctave - 1) left -= counts[bucket++];
    const unsigned doublings = bucket < kPerOctave ? 0 : bucket / kPerOctave - 1;
    return (double)((uint64_t)(bucket - doublings * kPerOctave) << doublings) / 1000;
}

static void fill_pattern(void) {
    uint32_t random = 2463534242;
    for (size_t i = 0; i < kPeriod; ++i) {
        random ^= random << 13;
        random ^= random >> 17;
        random ^= random << 5;
        pattern[i] = (char)random;
    }
    for (size_t i = kPeriod; i < sizeof pattern; ++i) pattern[i] = pattern[i - kPeriod];
}

static void watch(int operation, struct conn* conn, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = conn};
    if (epoll_ctl(epoll_fd, operation, conn->fd, &event) != 0) fail("epoll_ctl");
    conn->events = events;
}

static void send_what_was_asked(struct conn* conn) {
    while (conn->sent < conn->asked) {
        const uint64_t left = conn->asked - conn->sent;
        const ssize_t sent = send(conn->fd, pattern + (conn->from + conn->sent) % kPeriod,
                                  left < kReadSize ? left : kReadSize, MSG_NOSIGNAL);
        if (sent < 0 && !would_block(errno)) fail("bare-load: send");
        if (sent < 0) break;
        conn->sent += (uint64_t)sent;
    }
    const uint32_t events = conn->sent < conn->asked ? EPOLLIN | EPOLLOUT : EPOLLIN;
    if (events != conn->events) watch(EPOLL_CTL_MOD, conn, events);
}

static void ask(struct conn* conn, uint64_t messages) {
    for (uint64_t i = 0; i < messages; ++i) {
        conn->began[conn->asked / size % depth] = latest;
        conn->asked += size;
    }
    send_what_was_asked(conn);
}

static void count(uint64_t began) {
    if (latest < window_opens || latest >= window_closes) return;
    ++exchanges;
    ++counts[bucket_of(latest - began)];
}

static void on_readable(struct conn* conn) {
    const ssize_t got = recv(conn->fd, buffer, sizeof buffer, 0);
    if (got < 0 && would_block(errno)) return;
    if (got < 0) fail("bare-load: recv");
    if (got == 0) stop("the server closed a connection");
    const char* expected = pattern + (conn->from + conn->got) % kPeriod;
    if ((uint64_t)got > conn->sent - conn->got || memcmp(buffer, expected, (size_t)got) != 0)
        stop("wrong bytes came back");
    conn->got += (uint64_t)got;
    latest = now();
    const uint64_t whole = conn->got / size - conn->done;
    for (uint64_t i = 0; i < whole; ++i) count(conn->began[conn->done++ % depth]);
    if (whole > 0) ask(conn, whole);
}

// TCP_NODELAY fails on a unix socket, without effect. Connections are reset at the end, so that their ports
// do not stay in TIME_WAIT.
static int connected(int family, const void* address, socklen_t length) {
    const int one = 1;
    const struct linger reset = {.l_onoff = 1};
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (connect(fd, address, length) != 0) fail("bare-load: connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail("fcntl");
    return fd;
}

static int connected_to(const char* endpoint) {
    struct sockaddr_in address = {.sin_family = AF_INET};
    char host[16];
    uint16_t port;
    if (strncmp(endpoint, "unix:", strlen("unix:")) == 0) {
        const struct sockaddr_un path = address_of_path(endpoint);
        return connected(AF_UNIX, &path, sizeof path);
    }
    if (sscanf(endpoint, "tcp://%15[0-9.]:%" SCNu16, host, &port) != 2 ||
        inet_pton(AF_INET, host, &address.sin_addr) != 1)
        stop("the endpoint is tcp://ADDRESS:PORT or unix:PATH");
    address.sin_port = htons(port);
    return connected(AF_INET, &address, sizeof address);
}

static void open_connection(struct conn* conn, const char* endpoint) {
    conn->fd = connected_to(endpoint);
    conn->began = calloc(depth, sizeof *conn->began);
    if (conn->began == NULL) fail("calloc");
    watch(EPOLL_CTL_ADD, conn, EPOLLIN);
}

static void run(void) {
    struct epoll_event events[512];
    while (latest < window_closes) {
        const int ready = epoll_wait(epoll_fd, events, 512, 10);
        if (ready == 0) latest = now();
        for (int i = 0; i < ready; ++i) {
            if ((events[i].events & EPOLLOUT) != 0) send_what_was_asked(events[i].data.ptr);
            if ((events[i].events & ~(uint32_t)EPOLLOUT) != 0) on_readable(events[i].data.ptr);
        }
    }
}

int main(int argc, char** argv) {
    const size_t connections = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
    size = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    const double seconds = argc > 4 ? strtod(argv[4], NULL) : 0;
    depth = argc > 5 ? strtoul(argv[5], NULL, 10) : 1;
    if (argc > 6 || connections == 0 || size == 0 || depth == 0 || !(seconds > 0)) {
        fprintf(stderr, "usage: bare-load ENDPOINT CONNECTIONS SIZE SECONDS [DEPTH]\n");
        return 2;
    }
    raise_descriptor_limit("bare-load");
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) fail("epoll_create1");
    fill_pattern();
    struct conn* all = calloc(connections, sizeof *all);
    if (all == NULL) fail("calloc");
    for (size_t i = 0; i < connections; ++i) {
        all[i].from = i * 251 % kPeriod;
        open_connection(&all[i], argv[1]);
    }
    latest = now();
    window_opens = latest + (uint64_t)(seconds / 4 * 1e9);
    window_closes = window_opens + (uint64_t)(seconds * 1e9);
    for (size_t i = 0; i < connections; ++i) ask(&all[i], depth);
    run();
    if (exchanges == 0) stop("no reply came within the time");
    printf("exchanges/s %.0f p50 %.1f us p99 %.1f us\n", (double)exchanges / seconds,
           percentile_us(50), percentile_us(99));
    return 0;
}
