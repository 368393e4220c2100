#include "gnuplot.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "files.hpp"

namespace switchboard::bench {
namespace {

class TemporaryFile {
public:
    explicit TemporaryFile(const std::string& text)
        : path_((std::filesystem::temp_directory_path() / "switchboard-bench-XXXXXX").string()) {
        const int fd = mkstemp(path_.data());
        if (fd >= 0) ::close(fd);
        std::ofstream(path_) << text;
    }
    ~TemporaryFile() { ::unlink(path_.c_str()); }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

// What the command writes to both its outputs, and how it ended (man 3 pclose).
Result<int> run(const std::string& command, std::string& output) {
    FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    if (pipe == nullptr) return fail_errno("start " + command);
    std::array<char, 4096> part{};
    for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), pipe)) > 0;) {
        output.append(part.data(), got);
    }
    const int status = ::pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Result<std::string> run_gnuplot(const std::string& script) {
    const TemporaryFile svg("");
    const TemporaryFile file("set output '" + svg.path() + "'\n" + script);
    std::string complaints;
    const auto status = run("gnuplot '" + file.path() + "'", complaints);
    if (!status) return tl::unexpected(status.error());
    if (*status == 127) {
        return fail(errc::unsupported, "gnuplot is not installed (apt-get install gnuplot-nox)");
    }
    if (*status != 0) return fail(errc::unsupported, "gnuplot: " + complaints);
    return read_text(svg.path());
}

void insert_after_each(std::string& text, const std::string& mark, const std::string& addition) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at)) {
        at += mark.size();
        text.insert(at, addition);
    }
}

// gnuplot gives the same ids to every plot.
void set_ids_apart(std::string& svg, const std::string& name) {
    for (const char* mark : {" id='", " id=\"", "href='#", "href=\"#", "url(#"}) {
        insert_after_each(svg, mark, name + "-");
    }
}

}  // namespace

std::string quoted(const std::string& text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'') out += c;
        out += c == '\n' ? ' ' : c;
    }
    return out + "'";
}

Result<void> can_draw() {
    if (auto drawn = run_gnuplot(""); !drawn) return tl::unexpected(drawn.error());
    return {};
}

Result<std::string> draw(const Plot& plot) {
    const std::string size = std::to_string(kPlotWidth) + "," + std::to_string(plot.height);
    auto svg = run_gnuplot("set terminal svg size " + size +
                           " dynamic noenhanced font 'sans-serif,14'\n" + plot.script);
    if (!svg) return svg;
    const auto begin = svg->find("<svg");  // what stands before is for a file of its own
    const auto title = svg->find("<title>"), defs = svg->find("<g id=");
    if (begin == std::string::npos || title == std::string::npos || defs == std::string::npos)
        return fail(errc::unsupported, "gnuplot made no SVG");
    // Its title, which shows where a mouse rests, is the program's name: the caption says more.
    std::string element = svg->substr(begin, title - begin) + svg->substr(defs);
    set_ids_apart(element, plot.name);
    return element;
}

}  // namespace switchboard::bench
