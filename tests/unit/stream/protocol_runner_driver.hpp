// The driver and the handlers for the tests of ProtocolRunner. They only record what happens.
#pragma once

#include <counting_memory.hpp>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/driver/protocol_runner.hpp>
#include <switchboard/error.hpp>

namespace switchboard {

using Log = std::vector<std::string>;

// Uses its slot as every driver does, and does nothing else.
struct Driver final : Connection {
    explicit Driver(std::unique_ptr<Protocol> protocol, std::size_t max_read_buffer = 1024)
        : slot(std::move(protocol), max_read_buffer) {}

    bool write(std::span<const Bytes> pieces) override {
        for (const Bytes piece : pieces) written += as_text(piece);
        return true;
    }
    using Connection::write;
    bool write_shared(SharedBytes) override { return true; }
    void send_file(FileRange) override {}
    void shutdown_write() override {}
    void close(std::error_code) override { slot.end(); }
    void abort(std::error_code why) override {
        slot.end();
        if (!aborted) aborted = why;
    }
    void pause_reading() override { slot.hold(ProtocolRunner::Hold::handler); }
    void resume_reading() override { slot.release(ProtocolRunner::Hold::handler); }
    Clock::time_point now() const override { return {}; }
    void set_deadline(Clock::time_point when) override { deadline = when; }
    void switch_to(std::unique_ptr<Protocol> next) override {
        slot.switch_to(*this, std::move(next));
    }
    std::size_t queued() const noexcept override { return 0; }
    bool closing() const noexcept override { return slot.ended(); }
    const Endpoint& peer() const override { return endpoint; }
    const Endpoint& local() const override { return endpoint; }
    ConnectionId id() const override { return {}; }
    std::pmr::memory_resource* memory() const noexcept override { return &kept; }

    // Simulates the arrival of bytes. As with a real driver, the buffer is only valid during the call.
    void arrive(std::string text) {
        slot.data(*this, {reinterpret_cast<std::byte*>(text.data()), text.size()});
        text.assign(text.size(), '\xdd');
    }

    mutable test::CountingMemory kept;  // memory that the slot has allocated
    ProtocolRunner slot;
    std::string written;
    std::error_code aborted;
    Clock::time_point deadline = Clock::time_point::max();
    Endpoint endpoint;
};

inline std::string text_of(MutableBytes in) {
    return std::string(as_text(in));
}

// Records each callback as "<name>:open" and so on, and takes all input.
inline Callbacks noting(Log& log, std::string name) {
    auto note = [&log, name](const char* what) { log.push_back(name + ":" + what); };
    return Callbacks{
        .on_open = [note](Connection&) { note("open"); },
        .on_data =
            [&log, name](Connection&, MutableBytes in) {
                log.push_back(name + ":" + text_of(in));
                return in.size();
            },
        .on_writable = [note](Connection&) { note("drain"); },
        .on_resume = [note](Connection&) { note("resume"); },
        .on_eof = [note](Connection&) { note("eof"); },
        .on_deadline = [note](Connection&) { note("deadline"); },
        .on_close =
            [&log, name](std::error_code reason) {
                log.push_back(name + ":close" + (reason ? " " + reason.message() : ""));
            },
    };
}

// The same, but takes only complete lines.
inline Callbacks lines(Log& log, std::string name) {
    Callbacks handler = noting(log, name);
    handler.on_data = [&log, name](Connection&, MutableBytes in) -> std::size_t {
        const std::size_t end = as_text(in).find('\n');
        if (end == std::string_view::npos) return 0;
        log.push_back(name + ":" + text_of(in.first(end)));
        return end + 1;
    };
    return handler;
}

// The callbacks by name, each with a way to replace it and a way to trigger it.
struct Entry {
    const char* name;
    void (*replace)(Callbacks&, std::function<void(Connection&)>);
    void (*provoke)(Driver&);
};
inline const Entry kEntries[] = {
    {"on_open", [](Callbacks& c, auto f) { c.on_open = f; }, [](Driver&) {}},
    {"on_data",
     [](Callbacks& c, auto f) {
         c.on_data = [f](Connection& connection, MutableBytes) -> std::size_t {
             f(connection);
             return 1;
         };
     },
     [](Driver& d) { d.arrive("abc"); }},
    {"on_writable", [](Callbacks& c, auto f) { c.on_writable = f; },
     [](Driver& d) { d.slot.drain(d); }},
    {"on_resume", [](Callbacks& c, auto f) { c.on_resume = f; },
     [](Driver& d) { d.slot.resume(d); }},
    {"on_eof", [](Callbacks& c, auto f) { c.on_eof = f; }, [](Driver& d) { d.slot.eof(d); }},
    {"on_deadline", [](Callbacks& c, auto f) { c.on_deadline = f; },
     [](Driver& d) { d.slot.deadline(d); }},
};

}  // namespace switchboard
