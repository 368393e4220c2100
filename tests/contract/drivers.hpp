// The drivers that the contract suite tests.
#pragma once

#include <sys/types.h>
#include <switchboard/blocking.hpp>
#include <switchboard/reactor.hpp>
#include <switchboard/testing/memory.hpp>
#include <thread>
#include <vector>

#include "driver.hpp"

// Returns a Peer on a blocking TCP socket.
std::unique_ptr<Peer> connect_socket(const switchboard::Endpoint& endpoint);
// Returns whether a connect is refused, as it is if nothing listens on the endpoint.
bool refuses_socket(const switchboard::Endpoint& endpoint);

// Serves on a thread, or in a separate process. A driver that forks must not have other threads, nor a
// descriptor of the test's connections, which a child would inherit and keep open.
class BlockingDriver : public DriverUnderTest {
public:
    enum class Host { thread, process };

    using Serve = switchboard::Result<void> (*)(switchboard::Socket,
                                                const switchboard::ProtocolFactory&,
                                                const switchboard::Stop&,
                                                const switchboard::ServeOptions&);

    explicit BlockingDriver(Serve call, Host host = Host::thread);
    ~BlockingDriver() override;
    void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) override;
    std::unique_ptr<Peer> connect() override;
    bool refuses() override;
    void begin_drain() override;
    void drain() override;
    void abort() override;
    const switchboard::Endpoint& endpoint() const { return endpoint_; }  // valid after start()

    switchboard::ServeOptions options;  // set before start
    // The counters of the server, also if it runs in a separate process.
    switchboard::ServeStats& stats() { return *stats_; }

private:
    void serve();
    void join();

    Serve serve_;
    Host host_;
    switchboard::ServeStats* stats_;
    pid_t process_ = -1;
    switchboard::Stop stop_;
    switchboard::Socket listener_;
    switchboard::Endpoint endpoint_;
    switchboard::ProtocolFactory factory_;
    switchboard::Result<void> result_;
    std::thread thread_;
};

struct Iterative : BlockingDriver {
    Iterative() : BlockingDriver(switchboard::serve_iterative) {}
};
struct Threads : BlockingDriver {
    Threads() : BlockingDriver(switchboard::serve_threads) {}
};
struct ThreadPool : BlockingDriver {
    ThreadPool() : BlockingDriver(switchboard::serve_thread_pool) {}
};
struct Processes : BlockingDriver {
    Processes() : BlockingDriver(switchboard::serve_processes, Host::process) {}
};
struct ProcessPool : BlockingDriver {
    ProcessPool() : BlockingDriver(switchboard::serve_process_pool, Host::process) {}
};

// Runs a reactor on a separate thread.
class OnReactor : public DriverUnderTest {
public:
    ~OnReactor() override;
    void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) override;
    std::unique_ptr<Peer> connect() override;
    bool refuses() override;
    void begin_drain() override;
    void drain() override;
    void abort() override;
    bool posts() const override { return true; }
    void post(std::function<void()> call) override { reactor_.post(std::move(call)); }
    switchboard::Connection* find(switchboard::ConnectionId id) override {
        return reactor_.find(id);
    }

private:
    void drain_within(std::chrono::milliseconds deadline);

    switchboard::Reactor reactor_;
    switchboard::Limits limits_;
    switchboard::Endpoint endpoint_;
    std::thread thread_;
};

// Runs only while the test waits; its clock moves only then.
class Memory : public DriverUnderTest {
public:
    void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) override;
    std::unique_ptr<Peer> connect() override;
    void begin_drain() override;
    void drain() override;
    void abort() override;
    bool pump() override;
    switchboard::Clock::time_point now() const override { return driver_.now(); }
    void pass(std::chrono::milliseconds time) override { driver_.advance(time); }
    bool has_thread() const override { return false; }
    bool posts() const override { return true; }
    void post(std::function<void()> call) override { call(); }
    switchboard::Connection* find(switchboard::ConnectionId id) override {
        return driver_.find(id);
    }

private:
    switchboard::testing::MemoryDriver driver_;
    switchboard::ProtocolFactory factory_;
    switchboard::Limits limits_;
    std::vector<switchboard::testing::MemoryPeer*> far_ends_;
};

// Puts `factory` below a layer that uses its queue, its gates and its one deadline, at a rate that delays
// nothing.
switchboard::ProtocolFactory layered(switchboard::ProtocolFactory factory,
                                     switchboard::Limits limits);

template <class Driver>
class Throttled : public Driver {
public:
    void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) override {
        Driver::start(layered(std::move(factory), limits), limits);
    }
    std::size_t leaves_at_once() const override {
        return 64 * 1024;
    }  // a layer passes on no more than this
};

using ThrottledMemory = Throttled<Memory>;
using ThrottledReactor = Throttled<OnReactor>;

// Puts TLS above the driver, and between the test and its peer.
switchboard::ProtocolFactory encrypted(switchboard::ProtocolFactory factory,
                                       switchboard::Limits limits);
std::unique_ptr<Peer> encrypted(std::unique_ptr<Peer> peer, bool has_thread);

template <class Driver>
class Encrypted : public Driver {
public:
    void start(switchboard::ProtocolFactory factory, switchboard::Limits limits) override {
        Driver::start(encrypted(std::move(factory), limits), limits);
    }
    std::unique_ptr<Peer> connect() override {
        return encrypted(Driver::connect(), Driver::has_thread());
    }
    bool encrypts() const override { return true; }
};

using EncryptedMemory = Encrypted<Memory>;
using EncryptedReactor = Encrypted<OnReactor>;
using EncryptedThreads = Encrypted<Threads>;

#define EVERY_DRIVER                                                                         \
    Memory, ThrottledMemory, EncryptedMemory, OnReactor, ThrottledReactor, EncryptedReactor, \
        Iterative, Threads, EncryptedThreads, ThreadPool, Processes, ProcessPool
