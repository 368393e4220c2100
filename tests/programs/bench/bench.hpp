// Helpers for tests that run switchboard-bench.
#pragma once

#include <doctest/doctest.h>
#include <array>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <switchboard/socket.hpp>
#include <thread>

#include "text.hpp"

namespace switchboard::test {

inline const std::string kBench = SWITCHBOARD_BIN "/switchboard-bench";

inline std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json read_json(const std::string& path) {
    return nlohmann::json::parse(read_file(path));
}

// A temporary folder with a copy of switchboard-bench. The program looks for servers in its own folder. So
// this copy measures the programs that a test puts here.
class BenchFolder {
public:
    BenchFolder() {
        std::string name = (std::filesystem::temp_directory_path() / "bench-test-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        path_ = name;
        std::filesystem::copy_file(kBench, path_ / "switchboard-bench");
    }
    ~BenchFolder() { std::filesystem::remove_all(path_); }
    BenchFolder(const BenchFolder&) = delete;
    BenchFolder& operator=(const BenchFolder&) = delete;

    std::string file(const std::string& name) const { return (path_ / name).string(); }
    std::string bench() const { return file("switchboard-bench"); }
    void script(const std::string& name, const std::string& body) const {
        std::ofstream(file(name)) << "#!/bin/sh\n" << body << "\n";
        std::filesystem::permissions(file(name), std::filesystem::perms::owner_all);
    }

private:
    std::filesystem::path path_;
};

// Serves one connection after another and echoes every byte, but flips a bit of the 100th.
class FaultyEcho {
public:
    FaultyEcho()
        : listener_(*listen(*Endpoint::parse("127.0.0.1:0"))),
          endpoint_(*listener_.local()),
          thread_([this] { serve(); }) {}
    ~FaultyEcho() {
        listener_.shutdown();
        thread_.join();
    }
    const Endpoint& endpoint() const { return endpoint_; }

private:
    void serve() {
        while (auto peer = listener_.accept()) {
            std::array<std::byte, 4096> buffer{};
            std::size_t seen = 0;
            for (;;) {
                const auto got = peer->receive(buffer);
                if (!got || *got == 0) break;
                if (seen < 100 && seen + *got >= 100) buffer[99 - seen] ^= std::byte{1};
                seen += *got;
                if (!peer->send_all(Bytes(buffer).first(*got))) break;
            }
        }
    }

    Socket listener_;
    Endpoint endpoint_;
    std::thread thread_;
};

}  // namespace switchboard::test
