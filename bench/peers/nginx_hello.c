// nginx: one worker that answers every request with a page of SIZE bytes. With the argument
// tls:CERTIFICATE,KEY it encrypts. This program listens, and nginx inherits the socket: the environment
// variable NGINX names it, as when a new nginx replaces an old one.
#define _GNU_SOURCE
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "peer.h"

// The directive `return` serves pages up to this size. A larger page is a file that nginx keeps open.
enum { kLargestText = 2048 };

static char folder[PATH_MAX];

static void write_page(FILE* file, size_t size) {
    const char text[] = "Hello, world!\n";
    for (size_t i = 0; i < size; ++i) fputc(text[i % (sizeof text - 1)], file);
}

static FILE* open_file(const char* name) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE* const file = fopen(path, "w");
    if (file == NULL) fail(path);
    return file;
}

static void write_location(FILE* conf, size_t size) {
    if (size <= kLargestText) {
        fprintf(conf, "return 200 \"");
        write_page(conf, size);
        fprintf(conf, "\";");
        return;
    }
    FILE* const page = open_file("page");
    write_page(page, size);
    fclose(page);
    fprintf(conf, "root %s; try_files /page =404; open_file_cache max=1; sendfile on;", folder);
}

static void write_tls(FILE* conf, const char* certificate) {
    const char* const key = strchr(certificate, ',') + 1;
    fprintf(conf, "ssl_certificate %.*s; ssl_certificate_key %s; ssl_protocols TLSv1.3;\n",
            (int)(key - 1 - certificate), certificate, key);
}

static void write_conf(const char* listen, const char* certificate, size_t size) {
    FILE* const conf = open_file("conf");
    fprintf(conf,
            "%sdaemon off; worker_processes 1; pid %s/pid; error_log stderr error;\n"
            "worker_rlimit_nofile 20000;\n"
            "events { worker_connections 19000; accept_mutex off; multi_accept on; }\n"
            "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;\n"
            "  tcp_nodelay on; default_type text/plain; server_tokens off;\n"
            "  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
            "  uwsgi_temp_path %s; scgi_temp_path %s;\n"
            "  server { listen %s%s backlog=%d; ",
            geteuid() == 0 ? "user root; " : "", folder, folder, folder, folder, folder, folder,
            listen, certificate == NULL ? "" : " ssl", kBacklog);
    if (certificate != NULL) write_tls(conf, certificate);
    fprintf(conf, "location / { ");
    write_location(conf, size);
    fprintf(conf, " } } }\n");
    fclose(conf);
}

static void address_of(int fd, const char* path, char* text, size_t size) {
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    if (path != NULL) {
        snprintf(text, size, "%s", path);
        return;
    }
    if (getsockname(fd, (struct sockaddr*)&address, &length) != 0) fail("getsockname");
    snprintf(text, size, "127.0.0.1:%d", ntohs(address.sin_port));
}

static void remove_files(void) {
    const char* const names[] = {"conf", "page", "pid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; ++i) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

static void become_nginx(int listener) {
    char inherited[16], conf[PATH_MAX + 16];
    snprintf(inherited, sizeof inherited, "%d;", listener);
    snprintf(conf, sizeof conf, "%s/conf", folder);
    setenv("NGINX", inherited, 1);
    let_through(SIGTERM);
    let_through(SIGCHLD);
    execl("/usr/sbin/nginx", "nginx", "-p", folder, "-c", conf, (char*)NULL);
    fail("/usr/sbin/nginx");
}

// Waits until nginx ends, or this process is asked to end. Returns what main() returns.
static int run_nginx(int listener, const sigset_t* signals) {
    int number = 0, status = 0;
    const pid_t nginx = fork();
    if (nginx < 0) fail("fork");
    if (nginx == 0) become_nginx(listener);
    sigwait(signals, &number);
    if (number == SIGTERM) kill(nginx, SIGTERM);
    waitpid(nginx, &status, 0);
    remove_files();
    return number == SIGTERM ? 0 : 1;
}

int main(int argc, char** argv) {
    char listen[PATH_MAX];
    sigset_t signals;
    const char* const temporary = getenv("TMPDIR");
    const bool tls = argc > 2 && strncmp(argv[2], "tls:", 4) == 0;
    if (access("/usr/sbin/nginx", X_OK) != 0) fail("/usr/sbin/nginx");
    snprintf(folder, sizeof folder, "%s/switchboard-bench-nginx-XXXXXX",
             temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0) fail(folder);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGCHLD);
    // Before the endpoint is announced: from then on, this process must live to remove its files.
    sigprocmask(SIG_BLOCK, &signals, NULL);
    // The duplicate is not closed by exec.
    const int fd = dup(listen_as_told(tls ? 1 : argc - 1, argv + 1, "nginx"));
    address_of(fd, argc > 2 && !tls ? argv[2] : NULL, listen, sizeof listen);
    write_conf(listen, tls ? argv[2] + 4 : NULL,
               argc > 1 ? strtoul(argv[1], NULL, 10) : sizeof "Hello, world!");
    return run_nginx(fd, &signals);
}
