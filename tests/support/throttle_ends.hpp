// Both ends of a throttled connection, with the times at which bytes passed.
#pragma once

#include <doctest/doctest.h>
#include <algorithm>
#include <string>
#include <switchboard/callbacks.hpp>
#include <switchboard/testing/memory.hpp>
#include <switchboard/throttle.hpp>
#include <vector>

#include "text.hpp"

namespace switchboard::test {

inline ProtocolFactory slowed(ProtocolFactory above, const ThrottleOptions& options) {
    auto factory = throttled(std::move(above), options);
    REQUIRE_MESSAGE(factory.has_value(), factory.error().message());
    return std::move(*factory);
}

// The bytes that one end received, and how it ended.
struct Meter {
    struct Arrival {
        Clock::time_point at;
        std::size_t bytes;
    };
    std::vector<Arrival> arrivals;
    std::string text;
    bool eof = false, closed = false;
    std::error_code reason;

    void note(Clock::time_point at, Bytes bytes) {
        text += as_text(bytes);
        if (!arrivals.empty() && arrivals.back().at == at) {
            arrivals.back().bytes += bytes.size();
        } else {
            arrivals.push_back({at, bytes.size()});
        }
    }
    std::size_t until(Clock::time_point when) const {
        std::size_t bytes = 0;
        for (const Arrival& each : arrivals) bytes += each.at <= when ? each.bytes : 0;
        return bytes;
    }
    // Returns the most bytes that came in any span of time beyond those that the rate allows in it.
    long double most_at_once(std::uint64_t rate) const {
        long double most = 0, ahead = 0;
        for (std::size_t i = 0; i < arrivals.size(); ++i) {
            if (i > 0) {
                const std::chrono::nanoseconds span = arrivals[i].at - arrivals[i - 1].at;
                const auto earned =
                    static_cast<long double>(span.count()) * static_cast<long double>(rate) / 1e9L;
                ahead = std::max(ahead - earned, 0.0L);
            }
            ahead += static_cast<long double>(arrivals[i].bytes);
            most = std::max(most, ahead);
        }
        return most;
    }
};

// Reads everything and keeps its own direction open.
inline Callbacks meter(Meter& meter) {
    return Callbacks{.on_data =
                         [&meter](Connection& c, MutableBytes in) {
                             meter.note(c.now(), in);
                             return in.size();
                         },
                     .on_eof = [&meter](Connection&) { meter.eof = true; },
                     .on_close =
                         [&meter](std::error_code reason) {
                             CHECK_FALSE(meter.closed);
                             meter.closed = true;
                             meter.reason = reason;
                         }};
}

// Writes as fast as its bytes are taken, and then ends its direction.
class Source : public Protocol {
public:
    explicit Source(std::string text, std::size_t piece = 16 * 1024)
        : text_(std::move(text)), piece_(piece) {}

    void on_open(Connection& c) override { produce(c); }
    void on_writable(Connection& c) override { produce(c); }
    std::size_t on_data(Connection&, MutableBytes in) override { return in.size(); }
    void on_eof(Connection&) override {}

private:
    void produce(Connection& c) {
        bool more = true;
        for (; more && used_ < text_.size(); used_ += piece_)
            more = c.write(std::string_view(text_).substr(used_, piece_));
        if (more) c.shutdown_write();
    }

    std::string text_;
    std::size_t piece_, used_ = 0;
};

inline ProtocolFactory source(std::string text, std::size_t piece = 16 * 1024) {
    return factory_of<Source>(std::move(text), piece);
}

inline ProtocolFactory echoing() {
    return callbacks([] {
        return Callbacks{.on_data = [](Connection& c, MutableBytes in) {
            c.write(in);
            return in.size();
        }};
    });
}

}  // namespace switchboard::test
