#include <doctest/doctest.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <new>

#include "drivers.hpp"

using namespace switchboard;

namespace {

Stop make_stop() {
    auto stop = Stop::create();
    REQUIRE(stop);
    return std::move(*stop);
}

}  // namespace

void DriverUnderTest::pass(std::chrono::milliseconds time) {
    for (const auto end = Clock::now() + time; Clock::now() < end;)
        ::poll(nullptr, 0, static_cast<int>(time.count()));
}

BlockingDriver::BlockingDriver(Serve call, Host host)
    : serve_(call), host_(host), stop_(make_stop()) {
    options.workers = 2;
    void* shared = ::mmap(nullptr, sizeof(ServeStats), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    stats_ = options.stats = new (shared) ServeStats;
}

BlockingDriver::~BlockingDriver() {
    if (thread_.joinable() || process_ > 0) abort();
    ::munmap(stats_, sizeof(ServeStats));
}

void BlockingDriver::start(ProtocolFactory factory, Limits limits) {
    const auto asked = Endpoint::parse("tcp://127.0.0.1:0");
    auto listener = listen(asked.value());
    REQUIRE(listener);
    listener_ = std::move(*listener);
    endpoint_ = bound_endpoint(listener_, *asked).value();
    factory_ = std::move(factory);
    options.server = limits.server;
    options.connection = limits.connection;
    if (host_ == Host::thread) {
        thread_ = std::thread([this] { serve(); });
        return;
    }
    std::fflush(nullptr);  // otherwise the child could write buffered output a second time
    process_ = ::fork();
    REQUIRE(process_ >= 0);
    if (process_ > 0) return listener_.close();
    serve();
    ::_exit(result_ ? 0 : 1);
}

void BlockingDriver::serve() {
    result_ = serve_(std::move(listener_), factory_, stop_, options);
}

std::unique_ptr<Peer> BlockingDriver::connect() {
    return connect_socket(endpoint_);
}

bool BlockingDriver::refuses() {
    return refuses_socket(endpoint_);
}

void BlockingDriver::begin_drain() {
    stop_.drain();
}

void BlockingDriver::drain() {
    stop_.drain();
    join();
}

void BlockingDriver::abort() {
    stop_.abort();
    join();
}

void BlockingDriver::join() {
    if (host_ == Host::thread) {
        thread_.join();
        CHECK(result_);
        return;
    }
    int status = -1;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    CHECK(status == 0);
}
