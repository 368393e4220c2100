// switchboard-bench as the tests run it.
#pragma once

#include <doctest/doctest.h>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

namespace switchboard::test {

inline const std::string kBench = SWITCHBOARD_BIN "/switchboard-bench";

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

inline std::string read_file(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline nlohmann::json read_json(const std::string& path) {
    return nlohmann::json::parse(read_file(path));
}

// A folder of its own; switchboard-bench looks for servers beside itself, so what lies here is what
// a copy of it measures.
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

}  // namespace switchboard::test
