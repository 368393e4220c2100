#include "loaded_plugins.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string_view>

#include "plugins.hpp"

extern "C" char** environ;  // NOLINT(readability-redundant-declaration): not every unistd.h has it

namespace switchboard::program {
namespace {

constexpr const char* kProbe = "--probe-plugin";
constexpr const char* kProgram = "/proc/self/exe";
constexpr std::string_view kGood = "the plugin can be loaded";  // what a probe prints last

struct CloseOutput {
    void operator()(std::FILE* file) const noexcept { std::fclose(file); }
};
using Output = std::unique_ptr<std::FILE, CloseOutput>;

// Starts this program once more. What it prints goes to the file. Returns its id, or -1 and errno.
pid_t start_again(const std::vector<std::string>& arguments, int output) {
    std::vector<char*> words = {const_cast<char*>("probe")};
    for (const std::string& each : arguments) words.push_back(const_cast<char*>(each.c_str()));
    words.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_adddup2(&files, output, fd);
    posix_spawnattr_setsigmask(&attributes, &none);
    // In a group of its own: signals to the group of the server are not for the probe.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    pid_t child = -1;
    errno = posix_spawn(&child, kProgram, &files, &attributes, words.data(), environ);
    const pid_t started = errno == 0 ? child : -1;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    return started;
}

// The last line, after the name of the program: what else the plugin printed is before it.
std::string last_line(std::FILE* file) {
    std::string text;
    std::rewind(file);
    std::array<char, 4096> part{};
    while (const std::size_t size = std::fread(part.data(), 1, part.size(), file))
        text.append(part.data(), size);
    while (!text.empty() && text.back() == '\n') text.pop_back();
    text.erase(0, text.rfind('\n') + 1);
    const std::size_t name = text.find(": ");
    return name == text.npos ? text : text.substr(name + 2);
}

// Returns whether it exited with 0, or ended in a way that the system did not keep: SIGCHLD is ignored.
bool wait_for_probe(pid_t child) {
    int status = 0;
    while (::waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return true;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Result<void> probe_by(std::vector<std::string> arguments, const std::string& path) {
    arguments.push_back(path);
    const Output output(std::tmpfile());  // a pipe could be held open by what the plugin starts
    const pid_t child = output ? start_again(arguments, ::fileno(output.get())) : -1;
    if (child < 0) return fail_errno(path + ": probe");
    const bool ended_well = wait_for_probe(child);
    std::string said = last_line(output.get());
    if (said.ends_with(kGood)) {
        if (ended_well) return {};
        said.clear();
    }
    // The error is made again from its text.
    const std::string refused = ": " + make_error_code(errc::plugin_refused).message();
    if (said.ends_with(refused)) said.resize(said.size() - refused.size());
    return fail(errc::plugin_refused, said.empty() ? path + ": the probe was killed" : said);
}

}  // namespace

LoadedPlugins::LoadedPlugins(Registry& registry, const LogSink& sink,
                             std::vector<std::string> probe)
    : sink_(sink), set_(registry, {.log = sink, .probe = [probe](const std::string& path) {
                                       return probe_by(probe, path);
                                   }}) {}

Outcome LoadedPlugins::load(const std::string& given, const std::string& path) {
    const auto info = set_.load(path);
    if (!info) return refuse(info.error());
    all_.push_back({given, info->name, info->version});
    sink_(LogLevel::info,
          "plugin " + info->name + " " + info->version + " loaded from " + info->path);
    return {};
}

bool LoadedPlugins::has_changed(const Plugin& plugin) const {
    const auto path = plugin_path(plugin.given);
    return !path || !set_.uses(*path);
}

bool LoadedPlugins::have_changed() const {
    return std::any_of(all_.begin(), all_.end(),
                       [&](const Plugin& each) { return has_changed(each); });
}

void LoadedPlugins::replace_changed() {
    for (Plugin& each : all_)
        if (has_changed(each)) replace(each);
}

void LoadedPlugins::replace(Plugin& plugin) {
    const auto replaced = plugin_path(plugin.given).and_then([&](const std::string& path) {
        return set_.replace(plugin.name, path);
    });
    const std::string old = plugin.name + " " + plugin.version;
    if (!replaced) {
        sink_(LogLevel::error, replaced.error().message() + "; plugin " + old + " stays");
        return;
    }
    plugin.version = replaced->version;
    sink_(LogLevel::info,
          "plugin " + old + " replaced by " + replaced->version + " from " + replaced->path);
}

void add_probe(CLI::App& command, std::string& path) {
    command.add_option(kProbe, path)->group("");
}

Outcome probe(const std::string& path) {
    const auto probed = probe_plugin(path);
    if (!probed) return refuse(probed.error());
    std::printf("%s\n", kGood.data());
    return {};
}

std::vector<std::string> probe_arguments(std::vector<std::string> command) {
    command.emplace_back(kProbe);
    return command;
}

}  // namespace switchboard::program
