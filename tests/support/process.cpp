#include "process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <system_error>

namespace switchboard::support {
namespace {

int checked(int result, const char* what) {
    if (result < 0) throw std::system_error(errno, std::system_category(), what);
    return result;
}

struct Pipe {
    Pipe() { checked(pipe2(ends, O_CLOEXEC), "pipe"); }
    int ends[2] = {-1, -1};
};

// The input is in a file, so that a child that does not read it does not block the test.
int input_file(const std::string& input) {
    char name[] = "/tmp/switchboard-input-XXXXXX";
    const int fd = checked(mkostemp(name, O_CLOEXEC), "mkostemp");
    unlink(name);
    if (write(fd, input.data(), input.size()) != static_cast<ssize_t>(input.size())) {
        throw std::runtime_error("cannot store the input of a child");
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

[[noreturn]] void become(const Process::Setup& setup, int in, int out, int err) {
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(err, STDERR_FILENO);
    for (const std::string& assignment : setup.environment) {
        const auto equals = assignment.find('=');
        setenv(assignment.substr(0, equals).c_str(), assignment.c_str() + equals + 1, 1);
    }
    std::vector<char*> arguments;
    for (const std::string& each : setup.command) {
        arguments.push_back(const_cast<char*>(each.c_str()));
    }
    arguments.push_back(nullptr);
    execvp(arguments[0], arguments.data());
    std::perror(arguments[0]);
    _exit(127);
}

int exit_status(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

Process::Process(const Setup& setup)
    : patience_ms_(static_cast<int>(std::chrono::milliseconds(setup.patience).count())) {
    const Pipe out, err;
    const int in = input_file(setup.input);
    if (setup.broken_output) close(out.ends[0]);
    id_ = checked(fork(), "fork");
    if (id_ == 0) become(setup, in, out.ends[1], err.ends[1]);
    close(in);
    close(out.ends[1]);
    close(err.ends[1]);
    output_.fd = setup.broken_output ? -1 : out.ends[0];
    errors_.fd = err.ends[0];
}

Process::~Process() {
    if (id_ > 0) {
        kill(id_, SIGKILL);
        waitpid(id_, nullptr, 0);
    }
    for (const int fd : {output_.fd, errors_.fd}) {
        if (fd >= 0) close(fd);
    }
}

// Reads the available bytes. Returns false at the end of the stream.
bool Process::fill(Stream& stream, int patience_ms) {
    pollfd wanted{stream.fd, POLLIN, 0};
    if (checked(poll(&wanted, 1, patience_ms), "poll") == 0) {
        throw std::runtime_error("the program says nothing; so far: " + stream.text);
    }
    char buffer[4096];
    const ssize_t size = checked(static_cast<int>(read(stream.fd, buffer, sizeof buffer)), "read");
    stream.text.append(buffer, static_cast<std::size_t>(size));
    return size > 0;
}

std::string Process::read_line(Stream& stream) const {
    while (stream.text.find('\n') == std::string::npos) {
        if (!fill(stream, patience_ms_)) throw std::runtime_error("ended before: " + stream.text);
    }
    const auto end = stream.text.find('\n');
    std::string line = stream.text.substr(0, end);
    stream.text.erase(0, end + 1);
    return line;
}

std::string Process::read_line() {
    return read_line(output_);
}
std::string Process::read_error_line() {
    return read_line(errors_);
}

void Process::signal(int number) const {
    checked(kill(id_, number), "kill");
}

// Reads both streams at the same time. Otherwise a child that fills the other one would never end.
Finished Process::wait() {
    pollfd wanted[] = {{output_.fd, POLLIN, 0}, {errors_.fd, POLLIN, 0}};
    Stream* streams[] = {&output_, &errors_};
    while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
        if (checked(poll(wanted, 2, patience_ms_), "poll") == 0) {
            throw std::runtime_error("the program does not end; stderr: " + errors_.text);
        }
        for (int i = 0; i < 2; ++i) {
            if (wanted[i].revents != 0 && !fill(*streams[i], 0)) wanted[i].fd = -1;
        }
    }
    int status = 0;
    checked(waitpid(id_, &status, 0), "waitpid");
    id_ = -1;
    return {exit_status(status), std::move(output_.text), std::move(errors_.text)};
}

Finished run(std::vector<std::string> command, std::string input) {
    return Process({.command = std::move(command), .input = std::move(input)}).wait();
}

}  // namespace switchboard::support
