// `switchboard plugin install`: puts a plugin where servers find it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <switchboard/plugin_host.hpp>
#include <switchboard/socket.hpp>

#include "plugin.hpp"
#include "plugins.hpp"
#include "quoted.hpp"

namespace switchboard::program {
namespace {

namespace fs = std::filesystem;

struct InstallArguments {
    std::string plugin;
    std::string into;  // empty: the first directory of SWITCHBOARD_PLUGIN_PATH
};

// Closes the descriptor.
class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    int fd() const { return fd_; }

private:
    const int fd_;
};

// The temporary file, which is removed unless it has been renamed.
class NewFile {
public:
    explicit NewFile(const fs::path& target)
        : path_(target.parent_path() / ("." + target.filename().string() + ".XXXXXX")),
          descriptor_(::mkostemp(path_.data(), O_CLOEXEC)) {}
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    ~NewFile() {
        if (descriptor_.fd() >= 0 && !path_.empty()) ::unlink(path_.c_str());
    }

    const std::string& path() const { return path_; }
    int fd() const { return descriptor_.fd(); }
    bool rename(const fs::path& target) {
        if (::rename(path_.c_str(), target.c_str()) != 0) return false;
        path_.clear();
        return true;
    }

private:
    std::string path_;
    Descriptor descriptor_;
};

tl::unexpected<std::string> failed(const fs::path& path) {
    return refuse(fail_errno(path.string()).value());
}

Outcome copy(int from, const fs::path& from_path, const NewFile& to) {
    for (std::array<char, 64 * 1024> part{};;) {
        const auto got = ::read(from, part.data(), part.size());
        if (got == 0) return {};
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed(from_path);
        for (ssize_t at = 0; at < got;) {
            const auto wrote =
                ::write(to.fd(), part.data() + at, static_cast<std::size_t>(got - at));
            if (wrote < 0 && errno == EINTR) continue;
            if (wrote < 0) return failed(to.path());
            at += wrote;
        }
    }
}

// So that the new name is there also after the power has failed.
Outcome sync_directory(const fs::path& directory) {
    const Descriptor opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (opened.fd() < 0 || ::fsync(opened.fd()) != 0) return failed(directory);
    return {};
}

// The text of an error, with the file that the user knows.
tl::unexpected<std::string> refused(const Error& error, const NewFile& file, const fs::path& from) {
    std::string text = error.message();
    if (text.starts_with(file.path())) text.replace(0, file.path().size(), from.string());
    return refuse(std::move(text));
}

// What is checked is the copy, because `from` may change at any time.
tl::expected<PluginInfo, std::string> install_checked(const fs::path& from,
                                                      const fs::path& target) {
    // Without O_NONBLOCK, a FIFO would wait here for a writer.
    const Descriptor source(::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (source.fd() < 0 || ::fstat(source.fd(), &status) != 0) return failed(from);
    if (!S_ISREG(status.st_mode)) return refuse(from.string() + ": it is not a regular file");
    NewFile file(target);
    if (file.fd() < 0) return failed(target.parent_path());
    if (auto copied = copy(source.fd(), from, file); !copied) return refuse(copied.error());
    // The permissions of the source, as far as others may read the file and only its owner may write it.
    const mode_t mode = 0644 | (status.st_mode & 0111);
    if (::fchmod(file.fd(), mode) != 0 || ::fsync(file.fd()) != 0) return failed(file.path());
    if (const auto probed = probe_plugin(file.path()); !probed)
        return refused(probed.error(), file, from);
    const auto info = inspect_plugin(file.path());
    if (!info) return refused(info.error(), file, from);
    if (!file.rename(target)) return failed(target);
    if (auto synced = sync_directory(target.parent_path()); !synced)
        return refuse(
            target.string() +
            ": the new file is in place, but may be lost if the power fails: " + synced.error());
    return *info;
}

tl::expected<fs::path, std::string> directory_of(const InstallArguments& arguments) {
    std::string into = arguments.into;
    if (into.empty()) {
        const char* const directories = std::getenv("SWITCHBOARD_PLUGIN_PATH");
        into = directories ? std::string(directories) : "";
        into = into.substr(0, into.find(':'));
        if (into.empty())
            return refuse(
                "say with --into where to install: SWITCHBOARD_PLUGIN_PATH names no directory");
    }
    std::error_code error;
    const fs::path directory = fs::canonical(into, error);
    if (!error && !fs::is_directory(directory)) error = make_error_code(std::errc::not_a_directory);
    if (error) return refuse(Error(error, into));
    return directory;
}

Outcome install(const InstallArguments& arguments) {
    const fs::path from = arguments.plugin;
    if (from.extension() != ".so" || from.stem().empty())
        return refuse(arguments.plugin + ": the name of a plugin ends with .so");
    const auto directory = directory_of(arguments);
    if (!directory) return refuse(directory.error());
    const fs::path target = *directory / from.filename();
    const bool replaces = fs::exists(target);
    const auto info = install_checked(from, target);
    if (!info) return refuse(info.error());
    std::printf("%s %s is installed at %s\n", info->name.c_str(), info->version.c_str(),
                target.c_str());
    if (replaces) {
        std::printf(
            "Running servers keep the version that they loaded. Under the reactor, SIGHUP makes a "
            "server\nuse this one for new connections: kill -HUP PID\n");
    } else if (!info->protocols.empty()) {
        std::printf("Serve it: switchboard serve %s --plugin %s\n",
                    quoted_for_shell(info->protocols.front().name).c_str(),
                    quoted_for_shell(target.string()).c_str());
    }
    return {};
}

}  // namespace

Command add_plugin_install(CLI::App& plugin) {
    auto arguments = std::make_shared<InstallArguments>();
    CLI::App* command = plugin.add_subcommand(
        "install",
        "Check a plugin, and install it by renaming, so that running servers keep the old version");
    command->add_option("file", arguments->plugin, "FILE.so. The check runs its code")->required();
    command->add_option("--into", arguments->into,
                        "The directory [the first one of SWITCHBOARD_PLUGIN_PATH]");
    return {command, [arguments] { return install(*arguments); }};
}

}  // namespace switchboard::program
