// Shared by the subcommands: reading and writing files, this program and its limits, Ctrl-C.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <switchboard/error.hpp>
#include <thread>
#include <vector>

namespace switchboard::bench {

// Checks the outputs before hours of measuring; changes no file. Fails for the first that is not writable, or
// is given twice: it would be overwritten. `folder` may be missing if it can be made.
Result<void> find_writable(const std::vector<std::string>& files, const std::string& folder = {});
std::string read_text(const std::string& path);  // empty if it cannot be read (any more)
// "-" is stdout. An existing regular file is replaced once the new one is complete; anything else, such as a
// pipe, is written into.
Result<void> write_file(const std::string& path, const std::string& text);
bool is_stdout(const std::string& path);
Result<void> print(const std::string& text, std::FILE* to = stdout);  // fails if the disk is full

// Collects the results of several outputs. Each is tried: if one disk is full, another may not be.
class Outputs {
public:
    void note(const Result<void>& written);  // prints an error
    bool all_written() const noexcept { return all_written_; }

private:
    bool all_written_ = true;
};

std::string own_folder();        // the folder of switchboard-bench and the servers
std::string own_command_line();  // as this program was called
std::size_t descriptor_limit();  // the hard limit of this process
void raise_descriptor_limit();   // to the hard limit
// Fails if this process may not have so many connections: the limit, less the descriptors for other uses.
Result<void> check_connections(std::size_t connections);
// Prints the error on stderr. Returns the exit status: 1, or 2 for a usage error.
int print_error(const std::string& what);
int print_error(const Error& error);

// Checks `condition` every 2 ms until it holds or `patience` is over. Returns whether it holds.
template <class Condition>
bool wait_until(Condition condition,
                std::chrono::milliseconds patience = std::chrono::seconds(10)) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() >= deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

// From now on the first SIGINT or SIGTERM ends the run in good order. The second ends it at once, with its
// servers.
void catch_interrupts();
bool is_interrupted() noexcept;

}  // namespace switchboard::bench
