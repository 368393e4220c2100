// Shared by the peers: a socket that listens on a free loopback port, or at PATH for the argument unix:PATH.
// It is announced like that of `switchboard serve`, so that switchboard-bench starts both in the same way.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { kBacklog = 4096, kReadSize = 64 * 1024 };

static inline void fail(const char* what) {
    perror(what);
    exit(1);
}

// For results of libuv and liburing, where a negative result is an error number.
static inline void check(int result, const char* what) {
    if (result >= 0) return;
    errno = -result;
    fail(what);
}

// Holds back a signal, for a program that waits in a call that signals do not interrupt, such as
// io_uring_enter(2) under valgrind. Returns a descriptor that becomes readable when the signal arrives.
static inline int held_signal(int number) {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, number);
    sigprocmask(SIG_BLOCK, &held, NULL);
    const int fd = signalfd(-1, &held, SFD_CLOEXEC);
    if (fd < 0) fail("signalfd");
    return fd;
}

static inline void let_through(int number) {
    sigset_t held;
    sigemptyset(&held);
    sigaddset(&held, number);
    sigprocmask(SIG_UNBLOCK, &held, NULL);
}

static inline void announce(const char* endpoint, const char* name) {
    printf("listening on %s (%s)\n", endpoint, name);
    fflush(stdout);
}

static inline int bound_socket(int family, const void* address, socklen_t size) {
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (bind(fd, (const struct sockaddr*)address, size) != 0) fail("bind");
    if (listen(fd, kBacklog) != 0) fail("listen");
    return fd;
}

static inline struct sockaddr_un address_of_path(const char* endpoint) {
    struct sockaddr_un address;
    const char* path = endpoint + strlen("unix:");
    memset(&address, 0, sizeof address);
    address.sun_family = AF_UNIX;
    if (strncmp(endpoint, "unix:", strlen("unix:")) != 0 ||
        strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "%s: the argument is unix:PATH\n", endpoint);
        exit(2);
    }
    strcpy(address.sun_path, path);
    return address;
}

static inline int listen_at_path(const char* endpoint, const char* name) {
    const struct sockaddr_un address = address_of_path(endpoint);
    const int fd = bound_socket(AF_UNIX, &address, sizeof address);
    announce(endpoint, name);
    return fd;
}

// Sets TCP_NODELAY, which accepted sockets inherit (man 7 tcp).
static inline int listen_on_loopback(const char* name) {
    const int one = 1;
    char endpoint[64];
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = bound_socket(AF_INET, &address, size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (getsockname(fd, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    announce(endpoint, name);
    return fd;
}

// Like switchboard-bench, for a peer that is started by hand.
static inline void raise_descriptor_limit(const char* name) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail(name);
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail(name);
}

// Returns a non-blocking listening socket.
static inline int listen_as_told(int argc, char** argv, const char* name) {
    raise_descriptor_limit(name);
    return argc > 1 ? listen_at_path(argv[1], name) : listen_on_loopback(name);
}

// Returns a non-blocking connection; -1 if none waits to be accepted.
static inline int next_connection(int listener) {
    for (;;) {
        const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0 || errno == EAGAIN) return fd;
        if (errno != EINTR && errno != ECONNABORTED) fail("accept4");
    }
}

static inline bool would_block(int error) {
    return error == EAGAIN || error == EINTR;
}
