// What the peers share: a listening socket on a free loopback port, or at the path of "unix:PATH" if
// that is their argument, announced as `switchboard serve` announces its own, so that
// switchboard-bench starts both in the same way.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { kBacklog = 4096, kReadSize = 64 * 1024 };

static inline void fail(const char* what) {
    perror(what);
    exit(1);
}

static inline void announce(const char* endpoint, const char* name) {
    printf("listening on %s (echo, %s)\n", endpoint, name);
    fflush(stdout);
}

static inline int bound_socket(int family, const void* address, socklen_t size) {
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) fail("socket");
    if (bind(fd, (const struct sockaddr*)address, size) != 0) fail("bind");
    if (listen(fd, kBacklog) != 0) fail("listen");
    return fd;
}

static inline int listen_at_path(const char* endpoint, const char* name) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char* path = endpoint + strlen("unix:");
    if (strncmp(endpoint, "unix:", strlen("unix:")) != 0 ||
        strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "%s: the argument is unix:PATH\n", endpoint);
        exit(2);
    }
    strcpy(address.sun_path, path);
    const int fd = bound_socket(AF_UNIX, &address, sizeof address);
    announce(endpoint, name);
    return fd;
}

// With TCP_NODELAY, which accepted sockets inherit (man 7 tcp).
static inline int listen_on_loopback(const char* name) {
    const int one = 1;
    char endpoint[64];
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = bound_socket(AF_INET, &address, size);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (getsockname(fd, (struct sockaddr*)&address, &size) != 0) fail("getsockname");
    snprintf(endpoint, sizeof endpoint, "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    announce(endpoint, name);
    return fd;
}

// Non-blocking. The descriptor.
static inline int listen_as_told(int argc, char** argv, const char* name) {
    return argc > 1 ? listen_at_path(argv[1], name) : listen_on_loopback(name);
}
