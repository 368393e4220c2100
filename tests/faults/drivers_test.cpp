// The blocking drivers when resources of the system are used up, and when children die.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <map>
#include <switchboard/callbacks.hpp>
#include <thread>

#include "../contract/drivers.hpp"
#include "../contract/journal.hpp"
#include "child.hpp"
#include "descriptors.hpp"
#include "no_descriptors.hpp"
#include "platform/process.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// The process id of the server, which runs in a separate process. Handlers use it, also in its children.
pid_t server = 0;
std::vector<int> filling;  // opened only to use up descriptors

void set_soft_limit(__rlimit_resource what, rlim_t soft) {
    rlimit limit{};
    ::prlimit(server, what, nullptr, &limit);
    limit.rlim_cur = std::min(soft, limit.rlim_max);
    if (::prlimit(server, what, &limit, nullptr) != 0) throw std::runtime_error("prlimit");
}

// UBSan opens a pipe when it first checks an object of a type, and reports a fault if it cannot. So each
// type is used once before the descriptors are used up.
bool let_sanitizer_look() {
    const std::error_code known(EMFILE, std::system_category());
    return known != std::errc::invalid_argument && !known.message().empty();
}

void use_up_descriptors() {
    if (!let_sanitizer_look()) throw std::logic_error("EMFILE is something else here");
    set_soft_limit(RLIMIT_NOFILE, 64);
    for (int fd = ::dup(0); fd >= 0; fd = ::dup(0)) filling.push_back(fd);
}

void give_back_descriptors() {
    for (const int fd : filling) ::close(fd);
    filling.clear();
}

// Returns the CPU time in milliseconds, in six digits.
std::string cpu_used() {
    timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::to_string(1'000'000 + used.tv_sec * 1000 + used.tv_nsec / 1'000'000).substr(1);
}

// Executes one order at a time, and answers with the same text.
std::size_t obey(Connection& c, MutableBytes in) {
    static const std::map<std::string_view, void (*)()> orders = {
        {"hello", [] {}},
        {"crash", [] { ::raise(SIGKILL); }},
        {"use up descriptors", use_up_descriptors},
        {"give back descriptors", give_back_descriptors},
        {"no more tasks", [] { set_soft_limit(RLIMIT_NPROC, 0); }},
        {"more tasks", [] { set_soft_limit(RLIMIT_NPROC, RLIM_INFINITY); }},
    };
    if (as_text(in) == "cpu") {
        c.write(cpu_used());
        return in.size();
    }
    orders.at(as_text(in))();
    c.write(in);
    return in.size();
}

ProtocolFactory obedient() {
    return callbacks([] { return Callbacks{.on_data = obey}; });
}

bool does(Peer& peer, const std::string& order) {
    return peer.round_trip(order) == order;
}

int cpu_of(Peer& peer) {
    peer.send("cpu");
    return std::stoi(peer.receive(6));
}

// Waits until another thread or process has raised `count` to `wanted`.
bool reaches(const std::atomic<std::size_t>& count, std::size_t wanted) {
    const auto end = Clock::now() + 10s;
    while (count < wanted && Clock::now() < end) std::this_thread::yield();
    return count >= wanted;
}

bool falls_to_none(const std::atomic<std::size_t>& count) {
    const auto end = Clock::now() + 10s;
    while (count > 0 && Clock::now() < end) std::this_thread::yield();
    return count == 0;
}

using Serve = BlockingDriver::Serve;

// Serves as a host that has a child of its own, and checks the state afterwards: no additional descriptor,
// no zombie, and the host's child not yet reaped.
template <Serve kServe>
Result<void> as_host(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                     const ServeOptions& options) {
    server = ::getpid();
    if (auto served = test::serve_nobody(kServe); !served) return served;
    const pid_t own = ::fork();
    if (own == 0) ::_exit(7);
    auto before = test::open_descriptors();
    before.erase(listener.fd());
    const auto served = kServe(std::move(listener), factory, stop, options);
    give_back_descriptors();
    set_soft_limit(RLIMIT_NOFILE, 1024);
    if (test::open_descriptors() != before) return fail(errc::unsupported, "descriptors differ");
    int status = 0;
    if (::waitpid(own, &status, 0) != own) return fail(errc::unsupported, "its child was reaped");
    if (::waitpid(-1, &status, 0) != -1) return fail(errc::unsupported, "a zombie was left");
    return served;
}

// The same as an unprivileged user, because RLIMIT_NPROC does not apply to root.
template <Serve kServe>
Result<void> as_nobody(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                       const ServeOptions& options) {
    constexpr uid_t nobody = 65534;
    if (::geteuid() == 0 && ::setresuid(nobody, nobody, nobody) != 0)
        return fail_errno("setresuid");
    return as_host<kServe>(std::move(listener), factory, stop, options);
}

template <Serve kServe>
struct Host : BlockingDriver {
    Host() : BlockingDriver(kServe, BlockingDriver::Host::process) {}
};

// Returns a journal of the lines that the server logs.
std::shared_ptr<Journal> log_of(BlockingDriver& driver) {
    auto journal = std::make_shared<Journal>();
    driver.options.log = [journal](LogLevel level, std::string_view line) {
        if (level >= LogLevel::warning) journal->note(line);
    };
    return journal;
}

void check_exhaustion(BlockingDriver&& driver) {
    driver.start(obedient(), {});
    auto first = driver.connect();
    CHECK(does(*first, "hello"));  // see let_sanitizer_look()
    CHECK(does(*first, "use up descriptors"));
    auto second = driver.connect();  // the system accepts it, but the server cannot
    CHECK(reaches(driver.stats().accept_errors, 1));
    const auto since = Clock::now();
    const int before = cpu_of(*first);
    CHECK(reaches(driver.stats().accept_errors, 4));
    CHECK(Clock::now() - since >= 200ms);  // it paused between the attempts
    CHECK(cpu_of(*first) - before < 100);
    CHECK(does(*first, "hello"));
    CHECK(does(*first, "give back descriptors"));
    CHECK(does(*second, "hello"));
    first.reset();
    second.reset();
    driver.drain();
}

void check_no_task(BlockingDriver&& driver) {
    const auto log = log_of(driver);
    driver.start(obedient(), {});
    auto first = driver.connect();
    CHECK(does(*first, "no more tasks"));
    auto second = driver.connect();
    CHECK(second->receive_all() == "");
    CHECK(reaches(driver.stats().refused, 1));
    const std::string line = log->next(10'000).value_or("");
    CHECK(line.find(" refused: ") != std::string::npos);
    CHECK(line.ends_with("esource temporarily unavailable"));
    CHECK(does(*first, "hello"));
    CHECK(does(*first, "more tasks"));
    auto third = driver.connect();
    CHECK(does(*third, "hello"));
    first.reset();
    third.reset();
    driver.drain();
    CHECK(driver.stats().refused == 1);
    CHECK(driver.stats().accepted == 3);
    CHECK(driver.stats().closed == 2);
}

void check_limit(BlockingDriver&& driver) {
    Limits limits;
    limits.server.max_connections = 2;
    driver.start(obedient(), limits);
    auto first = driver.connect();
    CHECK(does(*first, "hello"));
    auto second = driver.connect();
    CHECK(does(*second, "hello"));
    CHECK(driver.connect()->receive_all() == "");
    CHECK(does(*first, "hello"));
    CHECK(does(*second, "hello"));
    first.reset();
    second.reset();
    CHECK(falls_to_none(driver.stats().open));
    auto next = driver.connect();
    CHECK(does(*next, "hello"));
    next.reset();
    driver.drain();
    CHECK(driver.stats().refused == 1);
    CHECK(driver.stats().closed == 3);
}

// Slower than any sender, so that more bytes are always available.
std::size_t ponder(Connection&, MutableBytes in) {
    volatile int turns = 0;
    while (turns < 300'000) turns = turns + 1;
    return in.size();
}

// A connection that always has input never blocks in a system call that a stop could interrupt.
void check_busy_stop(BlockingDriver&& driver) {
    const auto log = log_of(driver);
    Limits limits;
    limits.server.drain_timeout = 20ms;
    driver.start(callbacks([] { return Callbacks{.on_data = ponder}; }), limits);
    auto peer = driver.connect();
    std::atomic<bool> over{false};
    std::thread busy([&] {
        const std::string text(1'000'000, 'x');
        while (!over) peer->send(text);
    });
    CHECK(reaches(driver.stats().open, 1));
    driver.drain();  // the time limit of the test is the check
    over = true;
    busy.join();
    CHECK(driver.stats().closed == 1);
    CHECK(log->next(0).value_or("no complaint") == "no complaint");  // no child had to be killed
}

}  // namespace

TEST_CASE("drivers: no descriptors: existing connections are served, and nothing spins (threads)") {
    check_exhaustion(Host<as_host<serve_threads>>());
}

TEST_CASE(
    "drivers: no descriptors: existing connections are served, and nothing spins (thread pool)") {
    check_exhaustion(Host<as_host<serve_thread_pool>>());
}

TEST_CASE("drivers: a stop does not wait for a pause in accepting") {
    Host<as_host<serve_threads>> driver;
    Limits limits;
    limits.server.accept_retry_delay = 1h;
    driver.start(obedient(), limits);
    auto first = driver.connect();
    CHECK(does(*first, "hello"));  // see let_sanitizer_look()
    CHECK(does(*first, "use up descriptors"));
    auto second = driver.connect();
    CHECK(reaches(driver.stats().accept_errors, 1));
    CHECK(does(*first, "give back descriptors"));  // a pause does not notice this
    first.reset();
    driver.drain();  // the time limit of the test is the check
    CHECK(driver.stats().accept_errors == 1);
}

TEST_CASE("drivers: without a thread the connection is refused") {
    check_no_task(Host<as_nobody<serve_threads>>());
}

TEST_CASE("drivers: without a process the connection is refused") {
    check_no_task(Host<as_nobody<serve_processes>>());
}

TEST_CASE("drivers: a stop ends a connection that is never idle (threads)") {
    check_busy_stop(Host<as_host<serve_threads>>());
}

TEST_CASE("drivers: a stop ends a connection that is never idle (processes)") {
    check_busy_stop(Host<as_host<serve_processes>>());
}

TEST_CASE("drivers: connections past the limit are refused (threads)") {
    check_limit(Host<as_host<serve_threads>>());
}

TEST_CASE("drivers: connections past the limit are refused (processes)") {
    check_limit(Host<as_host<serve_processes>>());
}

TEST_CASE("drivers: a child that dies costs its connection") {
    Host<as_host<serve_processes>> driver;
    const auto log = log_of(driver);
    driver.start(obedient(), {});
    auto bystander = driver.connect();
    CHECK(does(*bystander, "hello"));
    auto victim = driver.connect();
    victim->send("crash");
    CHECK(victim->receive_all() == "");
    CHECK(log->next(10'000).value_or("").ends_with(" was ended by signal 9"));
    CHECK(does(*bystander, "hello"));
    CHECK(does(*driver.connect(), "hello"));
    bystander.reset();
    driver.drain();
    CHECK(driver.stats().open == 0);
    CHECK(driver.stats().closed == 3);
}

TEST_CASE("drivers: a worker that dies is replaced, at a limited rate") {
    Host<as_host<serve_process_pool>> driver;
    driver.options.workers = 1;
    const auto log = log_of(driver);
    driver.start(obedient(), {});
    CHECK(does(*driver.connect(), "hello"));
    const auto before = Clock::now();
    for (int i = 0; i < 4; ++i) {
        auto victim = driver.connect();
        victim->send("crash");
        CHECK(victim->receive_all() == "");
        CHECK(log->next(10'000).value_or("").ends_with(" was ended by signal 9"));
    }
    CHECK(Clock::now() - before >= 200ms);
    CHECK(does(*driver.connect(), "hello"));
    driver.drain();
    CHECK(driver.stats().open == 0);
    CHECK(driver.stats().accepted == 6);
    CHECK(driver.stats().closed == 6);
}

TEST_CASE("drivers: a child whose handler does not return is killed after the deadline") {
    Host<as_host<serve_processes>> driver;
    Limits limits;
    limits.server.drain_timeout = 20ms;
    driver.start(callbacks([] {
                     return Callbacks{.on_data = [](Connection&, MutableBytes) -> std::size_t {
                         for (;;) ::pause();
                     }};
                 }),
                 limits);
    auto peer = driver.connect();
    peer->send("x");
    CHECK(reaches(driver.stats().open, 1));
    driver.drain();
    CHECK(peer->receive_all() == "");
    CHECK(driver.stats().open == 0);
}

namespace {

// Returns whether a child ends with its parent in this build.
bool ends_with_parent() {
    return test::in_child([] {
               platform::end_with_parent();
               int signal = 0;
               ::prctl(PR_GET_PDEATHSIG, &signal);
               return std::string(signal != 0 ? "yes" : "no");
           }) == "yes";
}

// Starts a server that the case kills, and waits until all its processes have ended. They all hold the
// write end of a pipe.
void check_killed_server(Serve serve) {
    auto listener = listen(Endpoint::tcp("127.0.0.1", 0)).value();
    auto endpoint = listener.local().value();
    const auto stop = Stop::create().value();
    int alive[2];
    REQUIRE(::pipe(alive) == 0);
    const pid_t killed = ::fork();
    REQUIRE(killed >= 0);
    if (killed == 0) {
        serve(std::move(listener), obedient(), stop, {});
        ::_exit(0);
    }
    ::close(alive[1]);
    auto peer = connect_socket(endpoint);
    CHECK(does(*peer, "hello"));
    if (!ends_with_parent()) peer.reset();
    ::kill(killed, SIGKILL);
    CHECK(::waitpid(killed, nullptr, 0) == killed);
    pollfd entry{alive[0], POLLIN, 0};
    CHECK(::poll(&entry, 1, 10'000) == 1);
    char byte{};
    CHECK(::read(alive[0], &byte, 1) == 0);
    ::close(alive[0]);
}

}  // namespace

TEST_CASE("drivers: children do not outlive a server that is killed (processes)") {
    check_killed_server(serve_processes);
}

TEST_CASE("drivers: children do not outlive a server that is killed (process pool)") {
    check_killed_server(serve_process_pool);
}
