// Work in a child process, so that it may crash or never end without ending this one.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <switchboard/error.hpp>

#include "commands.hpp"

namespace switchboard::program {

// What the child is doing, in memory that both processes share.
class Progress {
public:
    struct Shared;

    // Called in the child. Notes the next step, which may take as long as `patience`, a day at most. Texts of
    // over a few hundred bytes are cut.
    void note(const std::string& subject, const std::string& step,
              std::chrono::milliseconds patience);

    // Counts findings. Processes that the child forks count with it.
    void add_finding() noexcept;
    std::size_t findings() const noexcept;

private:
    friend class Contained;
    explicit Progress(Shared& shared) noexcept : shared_(shared) {}
    Shared& shared_;
};

// Runs one function in a child process.
class Contained {
public:
    [[nodiscard]] static Result<Contained> create();

    // Runs `work` in a child and waits for it. Returns what `work` returned. If the child ended before that,
    // or took longer for a step than its patience and was killed, calls `lost` with the step and with what
    // happened, and returns what that returns. The child leads a process group of its own, and what is left
    // of the group is killed at the end. If this process is killed, the child ends at its next step, or a
    // second after the patience for its present one. Lets SIGCHLD have its default effect. Threading: forks,
    // so call it while the process has one thread.
    Outcome run(const std::function<Outcome(Progress&)>& work,
                const std::function<Outcome(const std::string& subject, const std::string& step,
                                            const std::string& problem)>& lost);

private:
    using Memory = std::unique_ptr<Progress::Shared, void (*)(Progress::Shared*)>;
    explicit Contained(Memory shared) noexcept : shared_(std::move(shared)) {}

    Memory shared_;
};

}  // namespace switchboard::program
