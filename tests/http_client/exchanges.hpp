// Exchanges on one connection in memory: what the client sends, and what its user sees.
#pragma once

#include <client_protocol.hpp>
#include <string>
#include <switchboard/testing/memory.hpp>
#include <vector>

namespace switchboard::test {

using http::detail::ClientLimits;
using http::detail::ClientProtocol;
using http::detail::Ending;
using http::detail::Outgoing;

inline const std::string kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
inline const std::string kPost = "POST / HTTP/1.1\r\n\r\n";

// Writes down what happens: "200 'hello' end".
struct TestUser final : http::detail::ExchangeUser {
    std::string seen;
    Ending ending;
    std::size_t pauses_after = SIZE_MAX;  // bytes of the body
    bool ended = false;
    std::function<void()> at_end = {}, at_head = {}, at_body = {};

    void on_head(const http::detail::ReplyHead& head) override {
        seen += std::to_string(head.status) + " ";
        if (at_head) at_head();
    }
    bool on_body(Bytes piece) override {
        seen += as_text(piece);
        if (at_body) at_body();
        if (pauses_after > piece.size()) {
            pauses_after -= piece.size();
            return true;
        }
        pauses_after = SIZE_MAX;
        return false;
    }
    void on_end(Ending how) override {
        CHECK_FALSE(ended);
        ended = true;
        ending = std::move(how);
        seen += ending.error ? std::string("| ") + ending.why : "|";
        if (at_end) at_end();
    }
};

struct TestOwner final : http::detail::ConnectionOwner {
    ClientProtocol* connection = nullptr;  // while it may be used
    std::size_t openings = 0, frees = 0, ends = 0;
    std::function<void(ClientProtocol&)> at_open = {}, at_free = {};

    void opened(ClientProtocol& one) override {
        ++openings;
        connection = &one;
        if (at_open) at_open(one);
    }
    void freed(ClientProtocol& one) override {
        ++frees;
        if (at_free) at_free(one);
    }
    void gone(ClientProtocol&) noexcept override {
        ++ends;
        connection = nullptr;
    }
};

inline Outgoing get_request() {
    return {.head = kGet};
}

// One connection, on which exchanges are started.
struct Line {
    explicit Line(const ClientLimits& limits = {}, const ConnectionLimits& connection = {})
        : peer(driver.connect(std::make_unique<ClientProtocol>(limits, owner), connection)) {
        driver.run();
        REQUIRE(owner->connection != nullptr);
    }
    std::shared_ptr<TestUser> start(Outgoing request = get_request()) {
        start(std::make_shared<TestUser>(), std::move(request));
        return user;
    }
    void start(const std::shared_ptr<TestUser>& by, Outgoing request = get_request()) {
        REQUIRE(owner->connection != nullptr);
        user = by;
        owner->connection->start(by, std::move(request));
        driver.run();
    }
    void answer(std::string_view reply) {
        peer.send(reply);
        driver.run();
    }

    std::shared_ptr<TestOwner> owner = std::make_shared<TestOwner>();
    testing::MemoryDriver driver;
    testing::MemoryPeer& peer;
    std::shared_ptr<TestUser> user = {};  // of the latest exchange
};

}  // namespace switchboard::test
