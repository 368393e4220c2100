// A client that asks for a file and disconnects must not cause SIGPIPE, whose default action ends the
// process.
#include <doctest/doctest.h>
#include <poll.h>

#include <csignal>
#include <fstream>
#include <switchboard/callbacks.hpp>
#include <switchboard/file.hpp>
#include <switchboard/reactor.hpp>

#include "../contract/drivers.hpp"
#include "../contract/journal.hpp"
#include "loopback.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kSize = 1'000'000;

// Sends a file in answer to any input.
ProtocolFactory filer(const test::TempDir& dir) {
    std::ofstream(dir / "file") << std::string(kSize, 'x');
    return callbacks([file = File::open(dir / "file").value()] {
        return Callbacks{.on_data = [file](Connection& c, MutableBytes in) {
            c.send_file({file, 0, kSize});
            c.close();
            return in.size();
        }};
    });
}

Result<void> serve_reactor(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                           const ServeOptions&) {
    Reactor reactor;
    const auto at = Endpoint::descriptor(listener.release());
    if (const auto listening = reactor.listen(at, factory); !listening)
        return tl::unexpected(listening.error());
    std::thread stopper([&] {
        pollfd entry{stop.drain_fd(), POLLIN, 0};
        ::poll(&entry, 1, -1);
        reactor.post([&] { reactor.drain(10s, {}); });
    });
    reactor.run();
    stopper.join();
    return {};
}

// Serves in a process with the default action for SIGPIPE, which must be unchanged afterwards.
template <BlockingDriver::Serve kServe>
Result<void> by_default(Socket listener, const ProtocolFactory& factory, const Stop& stop,
                        const ServeOptions& options) {
    ::signal(SIGPIPE, SIG_DFL);
    auto served = kServe(std::move(listener), factory, stop, options);
    if (::signal(SIGPIPE, SIG_DFL) != SIG_DFL) return fail(errc::unsupported, "SIGPIPE is changed");
    return served;
}

template <BlockingDriver::Serve kServe>
void check_gone_clients() {
    const test::TempDir dir;
    const auto log = std::make_shared<Journal>();
    BlockingDriver driver(by_default<kServe>, BlockingDriver::Host::process);
    driver.options.log = [log](LogLevel level, std::string_view line) {
        if (level >= LogLevel::error) log->note(line);
    };
    driver.start(filer(dir), {});
    for (int i = 0; i < 20; ++i) driver.connect()->send("GET");
    const auto last = driver.connect();
    last->send("GET");
    CHECK(last->receive_all().size() == kSize);
    driver.drain();
    CHECK(log->next(0).value_or("no complaint") == "no complaint");
}

}  // namespace

TEST_CASE("sigpipe: clients that leave during a file do not end the server (reactor)") {
    check_gone_clients<serve_reactor>();
}

TEST_CASE("sigpipe: clients that leave during a file do not end the server (iterative)") {
    check_gone_clients<serve_iterative>();
}

TEST_CASE("sigpipe: clients that leave during a file do not end the server (threads)") {
    check_gone_clients<serve_threads>();
}

TEST_CASE("sigpipe: clients that leave during a file do not end the server (thread pool)") {
    check_gone_clients<serve_thread_pool>();
}

TEST_CASE("sigpipe: clients that leave during a file do not end the server (processes)") {
    check_gone_clients<serve_processes>();
}

TEST_CASE("sigpipe: clients that leave during a file do not end the server (process pool)") {
    check_gone_clients<serve_process_pool>();
}
