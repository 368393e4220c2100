#include "plot.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace switchboard::bench {
namespace {

// Apart for the colour-blind too (Okabe and Ito), and by the shape of their points.
constexpr std::array kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00",
                              "#56b4e9", "#000000", "#7f7f7f", "#a6761d"};

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

// The points of one server, a line each: connections, median, lowest, highest.
std::string points_of(const Results& results, const std::string& server, std::size_t size,
                      const PlotAxis& axis) {
    std::ostringstream points;
    for (const CellRounds& cell : results.cells) {
        if (cell.cell.server != server || cell.cell.size != size) continue;
        const auto summary = summarize(cell, *axis.metric);
        if (!summary) continue;
        points << cell.cell.connections << ' ' << summary->median * axis.scale << ' '
               << summary->min * axis.scale << ' ' << summary->max * axis.scale << '\n';
    }
    return points.str();
}

std::string preface(const PlotAxis& axis, std::size_t size) {
    std::ostringstream script;
    script << "set terminal svg size 640,480 dynamic font 'sans-serif,14' name '"
           << axis.metric->name << size
           << "'\nset logscale xy\nset xlabel 'connections'\nset ylabel '" << axis.label
           << "'\nset grid lc rgb '#cccccc'\nset key outside center bottom horizontal maxcols 3\n"
              "set offsets graph 0.05,graph 0.05,0,0\n"
           << "set format x '%.0f'\nset format y '%.0s%c'\nset title '" << axis.title << ", "
           << size << " B messages'\n";
    return script.str();
}

// Empty when no server has a point.
std::string script_for(const Results& results, std::size_t size, const PlotAxis& axis) {
    std::string data, lines;
    for (std::size_t i = 0; i < results.options.servers.size(); ++i) {
        const std::string& server = results.options.servers[i];
        const std::string points = points_of(results, server, size, axis);
        if (points.empty()) continue;
        const std::string block = "$s" + std::to_string(i);
        data += block + " << EOD\n" + points + "EOD\n";
        lines += (lines.empty() ? "plot " : ", ") + block +
                 " using 1:2:3:4 with yerrorlines lw 1.6 pt " + std::to_string(i + 4) +
                 " ps 0.6 lc rgb '" + kColours[i % kColours.size()] + "' title '" + server + "'";
    }
    return lines.empty() ? "" : preface(axis, size) + data + lines + "\n";
}

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
    std::ifstream drawn(svg.path());
    return std::string(std::istreambuf_iterator<char>(drawn), {});
}

}  // namespace

Result<std::string> plot_over_connections(const Results& results, std::size_t size,
                                          const PlotAxis& axis) {
    const std::string script = script_for(results, size, axis);
    if (script.empty()) return std::string();
    auto svg = run_gnuplot(script);
    if (!svg) return svg;
    const auto begin = svg->find("<svg");  // what stands before is for a file of its own
    if (begin == std::string::npos) return fail(errc::unsupported, "gnuplot made no SVG");
    return svg->substr(begin);
}

}  // namespace switchboard::bench
