// nginx, in front of a server or behind a client.
#pragma once

#include <csignal>
#include <fstream>
#include <string>

#include "loopback.hpp"
#include "process.hpp"

namespace switchboard::test {

inline const std::string kNginx = "/usr/sbin/nginx";

// Runs until it is destroyed. It inherits a socket that already listens, so a client that connects before it
// is ready waits.
class Nginx {
public:
    // `server` is what stands in the block of that name, and `http` what stands before it.
    explicit Nginx(const std::string& server, const std::string& http = "")
        : process_({.command = configure(server, http),
                    .environment = {"NGINX=" + std::to_string(listener_.socket.fd()) + ";"}}) {
        listener_.socket = {};  // so that connects are refused once nginx has ended
    }
    Nginx(const Nginx&) = delete;
    Nginx& operator=(const Nginx&) = delete;
    // A master that is killed would leave its worker behind.
    ~Nginx() {
        if (process_.id() > 0) CHECK_NOTHROW(stop());
    }

    std::string port() const { return std::to_string(listener_.at.port()); }
    std::string url(std::string_view target = "/") const {
        return "http://127.0.0.1:" + port() + std::string(target);
    }
    // Writes a file into the folder that is served, "root" in the configuration.
    void write(const std::string& name, std::string_view text) const {
        std::ofstream(folder_ / ("root/" + name), std::ios::binary) << text;
    }
    // Ends it, and returns what it complained about.
    std::string stop() {
        process_.signal(SIGTERM);
        const support::Finished finished = process_.wait();
        CHECK(finished.status == 0);
        return finished.errors;
    }

private:
    std::vector<std::string> configure(const std::string& server, const std::string& http) const {
        REQUIRE(::fcntl(listener_.socket.fd(), F_SETFD, 0) == 0);
        std::filesystem::create_directory(folder_ / "root");
        std::ofstream conf(folder_ / "conf");
        conf << (::geteuid() == 0 ? "user root;\n" : "")
             << "daemon off; worker_processes 1; pid pid; error_log stderr error;\n"
             << "events { worker_connections 64; }\nhttp {\n  access_log off;\n";
        for (const std::string name : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
            conf << "  " << name << "_temp_path " << folder_ / name << ";\n";
        conf << http << "  server {\n    listen 127.0.0.1:" << port() << ";\n    root root;\n"
             << server << "  }\n}\n";
        return {kNginx, "-e", "early", "-p", folder_.path(), "-c", "conf"};
    }

    TempDir folder_;
    Listener listener_;
    support::Process process_;
};

// What a server behind nginx needs: connections to it are kept, and may become WebSockets.
inline std::string nginx_upstream(std::string_view port) {
    return "  map $http_upgrade $connection_field { default upgrade; '' ''; }\n"
           "  upstream us { server 127.0.0.1:" +
           std::string(port) + "; keepalive 8; }\n";
}
inline const std::string kNginxPass =
    "    location / {\n      proxy_pass http://us;\n      proxy_http_version 1.1;\n"
    "      proxy_set_header Host $http_host;\n      proxy_set_header Upgrade $http_upgrade;\n"
    "      proxy_set_header Connection $connection_field;\n    }\n";

}  // namespace switchboard::test
