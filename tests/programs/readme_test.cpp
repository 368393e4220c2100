// The pages quote programs literally that are built and run here, and all their links have a target.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "process.hpp"

namespace {

namespace fs = std::filesystem;
const fs::path kSource = SWITCHBOARD_SOURCE;

std::string contents(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// Returns the first group of every match.
std::vector<std::string> all_of(const std::string& text, const char* pattern) {
    const std::regex regex(pattern);
    std::vector<std::string> found;
    for (std::sregex_iterator at(text.begin(), text.end(), regex), end; at != end; ++at)
        found.push_back((*at)[1]);
    return found;
}

std::vector<fs::path> pages() {
    std::vector<fs::path> found;
    for (const auto& top : fs::directory_iterator(kSource)) {
        if (top.path().extension() == ".md") found.push_back(top.path());
        const std::string name = top.path().filename();
        if (!top.is_directory() || name == "build" || name.starts_with('.')) continue;
        for (const auto& entry : fs::recursive_directory_iterator(top))
            if (entry.path().extension() == ".md") found.push_back(entry.path());
    }
    return found;
}

std::vector<fs::path> guide_pages() {
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(kSource / "examples/guide"))
        found.push_back(entry.path());
    return found;
}

// Returns the text between "```LANGUAGE" and "```", for each block.
std::vector<std::string> code_blocks(const std::string& page, const std::string& language) {
    std::vector<std::string> found;
    const std::string begin = "```" + language + "\n";
    for (std::size_t at = page.find(begin); at != std::string::npos; at = page.find(begin, at)) {
        at += begin.size();
        const std::size_t end = page.find("```", at);
        REQUIRE(end != std::string::npos);
        found.push_back(page.substr(at, end - at));
        at = end;
    }
    return found;
}

std::string without_code(std::string page) {
    for (std::size_t at = page.find("```"); at != std::string::npos; at = page.find("```", at))
        page.erase(at, page.find("```", at + 3) + 3 - at);
    return page;
}

std::string indented(const std::string& code, std::size_t by) {
    std::istringstream lines(code);
    std::string result;
    for (std::string line; std::getline(lines, line);)
        result += (line.empty() ? line : std::string(by, ' ') + line) + "\n";
    return result;
}

// Returns whether `source` contains the lines of `code` in succession, with any indentation.
bool quotes(const std::string& source, const std::string& code) {
    for (std::size_t by = 0; by <= 16; by += 4)
        if (("\n" + source).find("\n" + indented(code, by)) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("readme: quotes the smallest server and client as they are built") {
    const std::string page = contents(kSource / "README.md");
    for (const char* example : {"echo_server.cpp", "client.cpp"}) {
        CAPTURE(example);
        const std::string code = contents(kSource / "examples" / example);
        REQUIRE_FALSE(code.empty());
        CHECK(page.find("```cpp\n" + code + "```\n") != std::string::npos);
    }
}

TEST_CASE("readme: every link leads to a file") {
    std::size_t links = 0;
    for (const fs::path& page : pages()) {
        for (const std::string& link :
             all_of(without_code(contents(page)), R"(\]\(([^)#]+)(#[^)]*)?\))")) {
            if (link.find("://") != std::string::npos) continue;
            ++links;
            CHECK_MESSAGE(fs::exists(page.parent_path() / link), page.string() << ": " << link);
        }
    }
    CHECK(links > 50);
}

TEST_CASE("guide: every piece of code is from an example that the page links to") {
    std::size_t blocks = 0;
    for (const fs::path& page : guide_pages()) {
        const std::string text = contents(page);
        std::vector<std::string> sources;
        for (const std::string& link : all_of(text, R"(\]\((\.\./[^)]+\.(cpp|hpp|txt))\))"))
            sources.push_back(contents(page.parent_path() / link));
        for (const char* language : {"cpp", "cmake"}) {
            for (const std::string& code : code_blocks(text, language)) {
                ++blocks;
                const auto has = [&](const std::string& source) { return quotes(source, code); };
                CHECK_MESSAGE(std::any_of(sources.begin(), sources.end(), has), page.string()
                                                                                    << ":\n"
                                                                                    << code);
            }
        }
    }
    CHECK(blocks > 15);
}

TEST_CASE("guide: every program that a page runs is built") {
    for (fs::path page : pages()) {
        for (const std::string& program : all_of(contents(page), R"(bin/examples/([a-z_]+))"))
            CHECK_MESSAGE(fs::exists(fs::path(SWITCHBOARD_BIN "/examples") / program),
                          page.string() << ": " << program);
    }
}

// These bounds are half of what a reader had to read before the guide was written.
TEST_CASE("readme: few words lead to one's own server and to a benchmark of it") {
    const auto words = [](const char* page) {
        std::istringstream text(contents(kSource / page));
        return std::distance(std::istream_iterator<std::string>(text), {});
    };
    const auto front = words("README.md"), own = words("examples/guide/your-own-protocol.md"),
               measure = words("examples/guide/benchmark-your-server.md");
    CHECK(front <= 900);
    CHECK(front + own <= 1'550);
    CHECK(front + own + measure <= 2'050);
}

TEST_CASE("readme: every ctest -R of a page matches a test") {
    const std::string names =
        switchboard::support::run({"ctest", "--test-dir", SWITCHBOARD_BIN "/..", "-N"}).output;
    REQUIRE(names.find("every ctest -R of a page") != std::string::npos);
    std::size_t patterns = 0;
    for (const fs::path& page : pages()) {
        std::vector<std::string> found = all_of(contents(page), R"(-R\s+'([^'\n]+)')");
        for (std::string& other : all_of(contents(page), "-R\\s+\"([^\"\n]+)\""))
            found.push_back(std::move(other));
        for (std::string pattern : found) {
            pattern = std::regex_replace(pattern, std::regex(R"(\\\|)"), "|");  // in a table
            ++patterns;
            CHECK_MESSAGE(std::regex_search(names, std::regex(pattern)), page.string()
                                                                             << ": " << pattern);
        }
    }
    CHECK(patterns > 80);
}
