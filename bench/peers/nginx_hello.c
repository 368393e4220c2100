// nginx: one worker that answers every request with a page of SIZE bytes, over TLS with the argument
// tls:CERTIFICATE,KEY. nginx takes over the listening
// socket in the way in which it takes over those of an older nginx: the environment variable NGINX names it.
#define _GNU_SOURCE
#include <limits.h>
#include <sys/stat.h>

#include "peer.h"

enum {
    kLargestText = 2048
};  // of the directive `return`; a larger page is a file that nginx keeps open

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

// The folder is removed by nginx's shell, below, when nginx has ended.
static void write_tls(FILE* conf, const char* certificate) {
    const char* const key = strchr(certificate, ',') + 1;
    fprintf(conf, "ssl_certificate %.*s; ssl_certificate_key %s; ssl_protocols TLSv1.3;\n",
            (int)(key - 1 - certificate), certificate, key);
}

static void write_conf(const char* listen, const char* certificate, size_t size) {
    FILE* const conf = open_file("conf");
    fprintf(conf,
            "daemon off; worker_processes 1; pid %s/pid; error_log stderr error;\n"
            "worker_rlimit_nofile 20000;\n"
            "events { worker_connections 19000; accept_mutex off; multi_accept on; }\n"
            "http { access_log off; keepalive_requests 1000000000; keepalive_timeout 1h;\n"
            "  tcp_nodelay on; default_type text/plain; server_tokens off;\n"
            "  client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s;\n"
            "  uwsgi_temp_path %s; scgi_temp_path %s;\n"
            "  server { listen %s%s backlog=%d; ",
            folder, folder, folder, folder, folder, folder, listen,
            certificate == NULL ? "" : " ssl", kBacklog);
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

int main(int argc, char** argv) {
    char listen[PATH_MAX], inherited[16], command[4 * PATH_MAX];
    if (access("/usr/sbin/nginx", X_OK) != 0) fail("/usr/sbin/nginx");
    const char* const temporary = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/switchboard-bench-nginx-XXXXXX",
             temporary == NULL ? "/tmp" : temporary);
    if (mkdtemp(folder) == NULL || chmod(folder, 0755) != 0) fail(folder);
    const bool tls = argc > 2 && strncmp(argv[2], "tls:", 4) == 0;
    // The duplicate is not closed by exec.
    const int fd = dup(listen_as_told(tls ? 1 : argc - 1, argv + 1, "nginx"));
    address_of(fd, argc > 2 && !tls ? argv[2] : NULL, listen, sizeof listen);
    write_conf(listen, tls ? argv[2] + 4 : NULL,
               argc > 1 ? strtoul(argv[1], NULL, 10) : sizeof "Hello, world!");
    snprintf(inherited, sizeof inherited, "%d;", fd);
    setenv("NGINX", inherited, 1);
    snprintf(command, sizeof command,
             "trap 'kill -QUIT $n' TERM; /usr/sbin/nginx -p %s -c %s/conf & n=$!\n"
             "wait $n; wait $n; rm -rf %s",
             folder, folder, folder);
    execl("/bin/sh", "sh", "-c", command, (char*)NULL);
    fail("/bin/sh");
}
