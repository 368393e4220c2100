// The datagram drivers that the contract suite tests, and the macro for its cases.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <switchboard/blocking.hpp>
#include <switchboard/reactor_datagram.hpp>
#include <switchboard/testing/memory_datagrams.hpp>
#include <thread>

#include "datagram_handlers.hpp"
#include "journal.hpp"

// The remote end, with an address of its own, played by the test. No call waits for more than ten seconds.
class DatagramFarEnd {
public:
    virtual ~DatagramFarEnd() = default;
    virtual void send(std::string_view data) = 0;
    virtual std::optional<std::string> receive() = 0;
    virtual switchboard::Endpoint at() const = 0;
};

// Serves one socket from start() to drain() or abort(). Each of them is called at most once.
class DatagramDriver {
public:
    virtual ~DatagramDriver() = default;
    virtual void start(std::unique_ptr<switchboard::DatagramProtocol> protocol,
                       switchboard::DatagramLimits limits = {}) = 0;
    virtual std::unique_ptr<DatagramFarEnd> connect() = 0;
    virtual void drain() = 0;
    virtual void abort() = 0;
    // Runs one step of a driver that has no thread of its own. Returns false if the driver has one.
    virtual bool pump() { return false; }
};

class OnReactorDatagrams : public DatagramDriver {
public:
    ~OnReactorDatagrams() override;
    void start(std::unique_ptr<switchboard::DatagramProtocol> protocol,
               switchboard::DatagramLimits limits) override;
    std::unique_ptr<DatagramFarEnd> connect() override;
    void drain() override;
    void abort() override;

private:
    void drain_within(std::chrono::milliseconds deadline);
    switchboard::Reactor reactor_;
    switchboard::Endpoint at_;
    std::thread thread_;
};

class BlockingDatagrams : public DatagramDriver {
public:
    BlockingDatagrams();
    ~BlockingDatagrams() override;
    void start(std::unique_ptr<switchboard::DatagramProtocol> protocol,
               switchboard::DatagramLimits limits) override;
    std::unique_ptr<DatagramFarEnd> connect() override;
    void drain() override;
    void abort() override;

private:
    switchboard::Stop stop_;
    switchboard::Socket socket_;
    std::thread thread_;
};

class MemoryDatagrams : public DatagramDriver {
public:
    void start(std::unique_ptr<switchboard::DatagramProtocol> protocol,
               switchboard::DatagramLimits limits) override;
    std::unique_ptr<DatagramFarEnd> connect() override;
    void drain() override;
    void abort() override;
    bool pump() override;

private:
    switchboard::testing::MemoryNetwork network_;
    switchboard::testing::MemorySocket* socket_ = nullptr;
    std::uint16_t last_port_ = 1000;
};

#define EVERY_DATAGRAM_DRIVER MemoryDatagrams, OnReactorDatagrams, BlockingDatagrams
TYPE_TO_STRING(MemoryDatagrams);
TYPE_TO_STRING(OnReactorDatagrams);
TYPE_TO_STRING(BlockingDatagrams);

// Defines a case that runs once per driver. Its body has `driver`.
#define DATAGRAM_CONTRACT(name) DATAGRAM_CONTRACT_NAMED(name, DOCTEST_ANONYMOUS(datagram_case_))
#define DATAGRAM_CONTRACT_NAMED(name, function)          \
    static void function(DatagramDriver& driver);        \
    TEST_CASE_TEMPLATE(name, D, EVERY_DATAGRAM_DRIVER) { \
        D driver;                                        \
        function(driver);                                \
    }                                                    \
    static void function(DatagramDriver& driver)
