#include "random_calls.hpp"

#include <algorithm>
#include <exception>
#include <iterator>
#include <stdexcept>
#include <switchboard/throttle.hpp>

#include "file_of.hpp"

namespace switchboard::test {

using std::chrono::milliseconds;

// ---- one handler

class Wild final : public Protocol {
public:
    Wild(Mischief& all, bool may_fail)
        : all_(all), may_fail_(may_fail), is_busy_(all.one_in(4)), reads_when_full_(all.one_in(2)) {
        ++all_.alive_;
    }
    ~Wild() override {
        --all_.alive_;
        if (state_ == State::open) all_.violated("a handler that was open has no on_close");
    }

    void on_open(Connection& c) override {
        callback("on_open", State::fresh, [&] {
            state_ = State::open;
            id_ = c.id();
            connection = &c;
            all_.handlers_[id_] = this;
            misbehave(c);
        });
    }
    std::size_t on_data(Connection& c, MutableBytes in) override {
        std::size_t used = in.size();
        callback("on_data", State::open, [&] {
            if (in.empty()) all_.violated("on_data with no bytes");
            if (is_paused) all_.violated("on_data while reading is paused");
            misbehave(c);
            if (all_.calls_left > 0) used = all_.below(in.size() + (all_.one_in(50) ? 2 : 1));
        });
        return used;
    }
    void on_writable(Connection& c) override { plain("on_writable", c); }
    void on_resume(Connection& c) override { plain("on_resume", c); }
    void on_deadline(Connection& c) override { plain("on_deadline", c); }
    void on_eof(Connection& c) override {
        callback("on_eof", State::open, [&] {
            if (is_paused) all_.violated("on_eof while reading is paused");
            if (std::exchange(saw_eof_, true)) all_.violated("a second on_eof");
            misbehave(c);
        });
    }
    void on_shutdown(Connection& c) override {
        callback("on_shutdown", State::open, [&] {
            if (std::exchange(saw_stop_, true)) all_.violated("a second on_shutdown");
            misbehave(c);
        });
    }
    void on_close(std::error_code) noexcept override;
    bool is_busy() const noexcept override { return is_busy_ && all_.calls_left > 0; }
    bool reads_under_backpressure() const noexcept override { return reads_when_full_; }

    bool has_ended = false;  // close() or abort() was called: only on_close may follow
    bool is_paused = false;
    Connection* connection = nullptr;  // the one that on_open got

private:
    enum class State { fresh, open, closed };

    void plain(const char* name, Connection& c) {
        callback(name, State::open, [&] { misbehave(c); });
    }
    template <class Body>
    void callback(const char* name, State expected, Body body);
    void misbehave(Connection& c) {
        all_.act(&c);
        if (all_.calls_left > 0 && all_.one_in(40)) throw std::runtime_error("at random");
    }

    Mischief& all_;
    const bool may_fail_, is_busy_, reads_when_full_;
    State state_ = State::fresh;
    ConnectionId id_;
    bool saw_eof_ = false, saw_stop_ = false;
};

// Marks a callback as running, during its lifetime.
class Mischief::Inside {
public:
    Inside(Mischief& all, const char* name) : all_(all) {
        if (!all_.running_.empty()) all_.violated(name + (" inside " + all_.running_));
        before_ = std::exchange(all_.running_, name);
    }
    ~Inside() { all_.running_ = before_; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    Mischief& all_;
    std::string before_;
};

template <class Body>
void Wild::callback(const char* name, State expected, Body body) {
    const Mischief::Inside inside(all_, name);
    if (state_ != expected) all_.violated(name + std::string(" out of order"));
    if (has_ended) all_.violated(name + std::string(" after close() or abort()"));
    body();
}

void Wild::on_close(std::error_code) noexcept {
    const Mischief::Inside inside(all_, "on_close");
    if (state_ == State::closed) all_.violated("a second on_close");
    if (state_ == State::fresh && !may_fail_) all_.violated("on_close without on_open");
    state_ = State::closed;
    if (all_.handler_of(id_) == this) all_.handlers_.erase(id_);
    all_.act(nullptr);
}

// ---- all handlers

Mischief::Mischief(std::uint64_t seed)
    : calls_left(300), random_(seed), file_(file_of(std::string(200'000, 'f'))) {}

void Mischief::violated(const std::string& what) {
    if (wrong_.empty()) wrong_ = what;
}

Wild* Mischief::handler_of(ConnectionId id) const {
    const auto found = handlers_.find(id);
    return found == handlers_.end() ? nullptr : found->second;
}

std::vector<ConnectionId> Mischief::open() const {
    std::vector<ConnectionId> ids;
    for (const auto& [id, handler] : handlers_) ids.push_back(id);
    return ids;
}

ConnectionLimits Mischief::limits() {
    ConnectionLimits l;
    const auto at_times = [&](milliseconds& limit) {
        limit = milliseconds(one_in(3) ? below(50) : 0);
    };
    at_times(l.first_byte_timeout);
    at_times(l.idle_timeout);
    at_times(l.max_connection_age);
    at_times(l.write_stall_timeout);
    at_times(l.close_timeout);
    l.drain_idle_timeout = milliseconds(1 + below(20));
    l.low_water = below(20'000);
    l.high_water = l.low_water + 1 + below(100'000);
    l.max_write_buffer = l.high_water + below(300'000);
    l.max_read_buffer = 1 + below(100'000);
    l.read_budget = 1 + below(70'000);
    return l;
}

std::string Mischief::text(std::size_t most) {
    return std::string(below(most + 1), static_cast<char>('a' + below(26)));
}

std::unique_ptr<Protocol> Mischief::make(bool may_fail) {
    const ProtocolFactory plain = [this, may_fail] {
        return std::make_unique<Wild>(*this, may_fail);
    };
    if (!one_in(3)) return plain();
    ThrottleOptions options;
    options.limits = limits();
    if (!one_in(3)) options.out_per_second = 1'000 + below(1 << 30);
    if (!one_in(3)) options.in_per_second = 1'000 + below(1 << 30);
    return throttled(plain, options).value()();
}

void Mischief::outside(const char* name, const std::function<void()>& callback) {
    const Inside inside(*this, name);
    callback();
}

void Mischief::act(Connection* own) {
    for (std::size_t calls = below(4); calls > 0 && calls_left > 0; --calls) {
        --calls_left;
        try {
            const std::vector<ConnectionId> ids = open();
            if (call_driver && one_in(4)) {
                call_driver();
            } else if (own && !one_in(3)) {
                call(*own);
            } else if (!ids.empty()) {
                call_found(ids[below(ids.size())]);
            }
        } catch (const std::exception& e) {
            violated(std::string("a call threw: ") + e.what());
        }
    }
}

// find() must return the connection that the handler has, and not one below a layer.
void Mischief::call_found(ConnectionId id) {
    Connection* const found = find(id);
    if (!found) return;
    if (found != handler_of(id)->connection)
        violated("find() gave another connection than the handler's");
    call(*found);
}

// ---- one call

void Mischief::call(Connection& c) {
    Wild* const whose = handler_of(c.id());
    switch (below(16)) {
        case 0:
        case 1: return end(c, whose);
        case 2:
        case 3: return ask(c);
        case 4: return c.switch_to(std::make_unique<Wild>(*this, false));
        case 5:
        case 6:
        case 7:
        case 8: return flow(c, whose);
        default: return write(c, whose);
    }
}

void Mischief::write(Connection& c, Wild* whose) {
    const std::string some = text(one_in(4) ? 120'000 : 200);
    const Bytes bytes = as_bytes(some);
    const Bytes pieces[] = {bytes.first(bytes.size() / 3), {}, bytes.subspan(bytes.size() / 3)};
    bool more = false;
    switch (below(8)) {
        case 0:
            more = c.write_shared(
                std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end()));
            break;
        case 1: more = c.write(std::span<const Bytes>(pieces, below(4))); break;
        case 2: {
            const std::size_t offset = below(100'000);  // sometimes the range ends beyond the file
            c.send_file({.file = file_, .offset = offset, .length = below(101'000)});
            break;
        }
        case 3:
            if (one_in(4)) c.shutdown_write();
            break;
        default: more = c.write(some);
    }
    if (more && whose && whose->has_ended) violated("a write was taken after close() or abort()");
}

void Mischief::end(Connection& c, Wild* whose) {
    static const std::error_code reasons[] = {{}, errc::malformed_message, errc::stopping};
    const std::error_code reason = reasons[below(std::size(reasons))];
    one_in(2) ? c.close(reason) : c.abort(reason);
    if (whose) whose->has_ended = true;
}

void Mischief::flow(Connection& c, Wild* whose) {
    if (one_in(4)) {
        c.pause_reading();
        if (whose) whose->is_paused = true;
    } else if (one_in(2)) {
        if (whose) whose->is_paused = false;
        c.resume_reading();
    } else if (one_in(6)) {
        c.set_deadline(one_in(2) ? Clock::time_point::max() : Clock::time_point::min());
    } else {
        c.set_deadline(c.now() + milliseconds(below(20)));
    }
}

void Mischief::ask(Connection& c) {
    (void)c.peer().to_string();
    (void)c.local().to_string();
    (void)c.peer_credentials();
    if (c.memory() == nullptr) violated("a connection without memory");
    if (c.now() == Clock::time_point()) violated("a connection without time");
}

}  // namespace switchboard::test
