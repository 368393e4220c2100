// What the peers share: a listening socket on a free loopback port, announced as `switchboard
// serve` announces its own, so that switchboard-bench starts both in the same way.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { kBacklog = 4096, kReadSize = 64 * 1024 };

static inline void fail(const char* what) {
    perror(what);
    exit(1);
}

static inline void announce(int fd, const char* name) {
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
    printf("listening on tcp://127.0.0.1:%d (echo, %s)\n", ntohs(address.sin_port), name);
    fflush(stdout);
}

// Non-blocking, with TCP_NODELAY, which accepted sockets inherit (man 7 tcp).
static inline int listen_on_loopback(const char* name) {
    const int one = 1;
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind(fd, (struct sockaddr*)&address, sizeof address) != 0) fail("bind");
    if (listen(fd, kBacklog) != 0) fail("listen");
    announce(fd, name);
    return fd;
}
