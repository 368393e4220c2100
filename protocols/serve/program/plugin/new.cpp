// `switchboard plugin new`: a project to start from.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <vector>

#include "plugin.hpp"
#include "plugins.hpp"
#include "quoted.hpp"
#include "templates.hpp"

namespace switchboard::program {
namespace {

namespace fs = std::filesystem;

struct NewArguments {
    std::string name, kind = "class";
    std::string directory;  // empty: the name
};

// Names that CMake has for itself (policy CMP0037), or that this library has for its targets.
constexpr std::string_view kTakenNames[] = {"all",
                                            "clean",
                                            "depend",
                                            "edit_cache",
                                            "help",
                                            "install",
                                            "list_install_components",
                                            "package",
                                            "package_source",
                                            "preinstall",
                                            "rebuild_cache",
                                            "switchboard",
                                            "test"};

Outcome check_name(const std::string& name, const Registry& registry) {
    const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
    const auto is_allowed = [&](char c) {
        return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    if (name.empty() || name.size() > 64 || !is_letter(name[0]) ||
        !std::all_of(name.begin(), name.end(), is_allowed))
        return refuse(
            "the name '" + name +
            "' must begin with a letter and consist of a-z, 0-9, '-' and '_', 64 at most");
    if (std::find(std::begin(kTakenNames), std::end(kTakenNames), name) != std::end(kTakenNames))
        return refuse("CMake or Switchboard uses the name '" + name + "' itself");
    if (registry.find(name) != nullptr)
        return refuse("switchboard has a protocol '" + name + "' already");
    return {};
}

std::string with_name(std::string_view text, const std::string& placeholder,
                      const std::string& name) {
    std::string result(text);
    for (std::size_t at = result.find(placeholder); at != std::string::npos;
         at = result.find(placeholder, at + name.size()))
        result.replace(at, placeholder.size(), name);
    return result;
}

// An existing directory must be empty.
Outcome make_directory(const fs::path& directory) {
    std::error_code error;
    fs::create_directories(directory, error);
    if (!error) {
        const bool empty = fs::is_empty(directory, error);
        if (!error && !empty)
            return refuse(directory.string() + ": the directory has files already");
    }
    if (error) return refuse(Error(error, directory.string()));
    return {};
}

Outcome write_file(const fs::path& path, const std::string& text) {
    std::ofstream file(path, std::ios::binary);
    file << text;
    file.close();
    if (!file) return refuse(fail_errno("write " + path.string()).value());
    return {};
}

// Writes the files of the project, all or none.
Outcome write_files(const fs::path& directory, const NewArguments& arguments) {
    std::vector<fs::path> written;
    for (const Template& each : templates()) {
        if (each.kind != arguments.kind && each.kind != "all") continue;
        written.push_back(directory / with_name(each.name, "NAME", arguments.name));
        auto wrote = write_file(written.back(), with_name(each.text, "@NAME@", arguments.name));
        if (wrote) continue;
        std::error_code none;
        for (const fs::path& path : written) fs::remove(path, none);
        return wrote;
    }
    return {};
}

Outcome make_project(const NewArguments& arguments, const Registry& registry) {
    if (auto checked = check_name(arguments.name, registry); !checked) return checked;
    const fs::path directory = arguments.directory.empty() ? arguments.name : arguments.directory;
    if (auto made = make_directory(directory); !made) return made;
    if (auto written = write_files(directory, arguments); !written) return written;
    const std::string where = quoted_for_shell(directory.string());
    const std::string build = quoted_for_shell((directory / "build").string());
    const std::string file =
        quoted_for_shell((directory / "build" / (arguments.name + ".so")).string());
    std::printf(
        "%s has the plugin %s. Build, check and serve it:\n"
        "  cmake -S %s -B %s && cmake --build %s && ctest --test-dir %s --output-on-failure\n"
        "  switchboard serve %s --plugin %s\n",
        directory.c_str(), arguments.name.c_str(), where.c_str(), build.c_str(), build.c_str(),
        build.c_str(), arguments.name.c_str(), file.c_str());
    return {};
}

}  // namespace

Command add_plugin_new(CLI::App& plugin, const Registry& registry) {
    auto arguments = std::make_shared<NewArguments>();
    CLI::App* command = plugin.add_subcommand(
        "new", "Write a project for a plugin, which builds, passes its test and can be served");
    command->add_option("name", arguments->name, "Name of the plugin and its protocol")->required();
    command->add_option("--kind", arguments->kind, "A class in C++, a coroutine in C++, or C")
        ->check(CLI::IsMember({"class", "coroutine", "c"}))
        ->capture_default_str();
    command->add_option("--directory", arguments->directory,
                        "Where to write it; must be new or empty [NAME]");
    return {command, [arguments, &registry] { return make_project(*arguments, registry); }};
}

}  // namespace switchboard::program
