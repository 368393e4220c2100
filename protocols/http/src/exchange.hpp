// One answer, while it is made.
#pragma once

#include <memory>
#include <optional>
#include <string_view>
#include <switchboard/deflate.hpp>
#include <switchboard/http.hpp>

#include "head.hpp"
#include "head_text.hpp"
#include "router.hpp"

namespace switchboard::http::detail {

// What all connections of a server share.
struct Shared {
    ServerOptions options;
    std::shared_ptr<const Router> router;
    std::shared_ptr<DeflatePool> pool = {};  // null: answers are not compressed
};

// What the answer must know of its request.
struct Facts {
    Facts() noexcept = default;
    Facts(const Head& head, bool is_last) noexcept
        : upgrade(head.upgrade),
          only_head(head.method == "HEAD"),
          http10(head.http10),
          last(is_last),
          last_if_read(is_last) {}

    std::string_view upgrade = {};  // a view of what was read
    bool only_head = false;         // the answer has no body
    bool http10 = false;
    bool last = false;             // the connection is closed behind the answer
    bool last_if_read = false;     // the same, once the handler reads the body
    bool accepts_gzip = false;     // of an answer that comes later
    bool awaits_continue = false;  // the client sends the body once it gets 100 (Continue)
};

// How the end of a body is marked.
enum class BodyEnd : std::uint8_t { no_body, length, chunks, close };

class ServerProtocol;

// Both throw std::invalid_argument, as Response::status() and Response::field() do.
void check_status(unsigned code);
void check_field(std::string_view name, std::string_view value);

// One request, for its handler.
struct Call {
    const Head& head;
    const Route& route;
    const Captures& captures;
    Bytes body = {};
    std::span<const Field> trailers = {};
};

class Exchange {
public:
    Exchange(Connection& connection, const Facts& facts, const Shared& shared) noexcept
        : connection_(connection), facts_(facts), shared_(shared) {}
    // Continues with a status and with fields that were set before.
    Exchange(Connection& connection, const Facts& facts, const Shared& shared, unsigned status,
             std::string_view fields)
        : Exchange(connection, facts, shared) {
        status_ = status;
        text_.add(fields);
    }

    // Runs the handler. If it sends no answer, the answer is 500. Throws what the handler throws after its
    // answer. `protocol` is told of an answer that comes later.
    void run(const Call& call, ServerProtocol& protocol);
    void refuse(unsigned status);  // sends a short answer of that status; the last one
    void send_reason();            // sends the reason phrase of the status as the body

    void set_status(unsigned code);
    void add_field(std::string_view name, std::string_view value);
    void add_type(std::string_view content_type);
    void send(std::string_view body);
    void send(SharedBytes body);
    void send_file(FileRange body);
    void upgrade(std::string_view protocol, std::unique_ptr<Protocol> next);
    Later later();
    // Sends the head of a body that follows in pieces. Without a length it may become the last answer.
    BodyEnd send_head(std::optional<std::uint64_t> length);
    Upload read(Reader reader);

    unsigned status() const noexcept { return status_; }
    std::uint64_t bytes() const noexcept { return bytes_; }  // of the body that is sent
    bool sent() const noexcept { return sent_; }
    bool upgraded() const noexcept { return upgraded_; }
    bool deferred() const noexcept { return open_ != nullptr; }  // the answer comes later
    bool last() const noexcept { return facts_.last; }
    bool failed() const noexcept { return failed_; }  // the handler threw, or did not answer
    bool reads() const noexcept { return reads_; }    // the handler reads the body
    bool has_room() const noexcept { return room_; }  // whether the connection takes more output

private:
    void finish_head(std::optional<std::uint64_t> length);
    bool compress(Bytes body, std::pmr::vector<std::byte>& small);
    void send_as_is(std::string_view body);
    void put_status_line();
    bool sends_body() const noexcept;

    Connection& connection_;
    Facts facts_;
    const Shared& shared_;
    ServerProtocol* protocol_ = nullptr;  // while the handler runs
    const Call* call_ = nullptr;          // the same
    std::shared_ptr<OpenAnswer> open_;
    unsigned status_ = 200;
    std::uint64_t bytes_ = 0;
    bool sent_ = false, upgraded_ = false, failed_ = false, reads_ = false;
    bool room_ = true;
    bool hides_length_ = false;  // only the answer to a GET would show it
    HeadText text_;
};

}  // namespace switchboard::http::detail
