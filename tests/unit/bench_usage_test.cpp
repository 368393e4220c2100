#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>
#include <csignal>
#include <ctime>
#include <usage.hpp>

using namespace switchboard::bench;

namespace {

double own_cpu() {
    timespec used{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) * 1e-9;
}

void burn(double seconds) {
    while (own_cpu() < seconds) {
    }
}

void tell(int fd) {
    [[maybe_unused]] const auto n = write(fd, "x", 1);
}
void await(int fd) {
    char c = 0;
    [[maybe_unused]] const auto n = read(fd, &c, 1);
}

// A child and its own child. Both burn 30 ms; the grandchild ends when it is told to and is reaped;
// the child tells when that has happened and waits to be killed.
struct Family {
    Family() {
        REQUIRE(pipe(burnt) == 0);
        REQUIRE(pipe(go_on) == 0);
        pid = fork();
        REQUIRE(pid >= 0);
        if (pid == 0) child();
        await(burnt[0]);
        await(burnt[0]);
    }
    ~Family() {
        tell(go_on[1]);  // the grandchild, if it still waits
        kill(pid, SIGKILL);
        waitpid(pid, nullptr, 0);
        for (const int fd : {burnt[0], burnt[1], go_on[0], go_on[1]}) close(fd);
    }
    [[noreturn]] void child() {
        const pid_t grandchild = fork();
        burn(0.03);
        tell(burnt[1]);
        if (grandchild == 0) {
            await(go_on[0]);
            _exit(0);
        }
        waitpid(grandchild, nullptr, 0);
        tell(burnt[1]);
        for (;;) pause();
    }

    int burnt[2], go_on[2];
    pid_t pid;
};

}  // namespace

TEST_CASE("bench usage: the CPU of children counts, before and after they are reaped") {
    Family family;
    CpuMeter meter(family.pid);
    CHECK(process_tree(family.pid).size() == 2);
    const CpuTime before = meter.read();
    CHECK(before.total >= 0.06);
    CHECK(before.total < 0.2);
    tell(family.go_on[1]);
    await(family.burnt[0]);
    meter.find_processes();
    CHECK(process_tree(family.pid).size() == 1);
    // What has been reaped stands in ticks of 10 ms, user and system cut off apart.
    CHECK((meter.read() - before).total == doctest::Approx(0).epsilon(0.025));
    CHECK(meter.read().ticks >= meter.read().user_ticks);
}

TEST_CASE("bench usage: memory of the family, shared pages once") {
    Family family;
    const std::size_t both = read_memory(family.pid);
    CHECK(both > 0);
    CHECK(both < 512 * 1024 * 1024);
}

TEST_CASE("bench usage: a process that is gone uses nothing") {
    const pid_t pid = fork();
    if (pid == 0) _exit(0);
    REQUIRE(waitpid(pid, nullptr, 0) == pid);
    CHECK(process_tree(pid).empty());
    CHECK(CpuMeter(pid).read().total == 0);
    CHECK(read_memory(pid) == 0);
}
