// The replies on one connection, one after another (RFC 9112, sections 4 to 7).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <utility>
#include <vector>

#include "chunks.hpp"
#include "head.hpp"

namespace switchboard::http::detail {

using OwnedFields = std::vector<std::pair<std::string, std::string>>;

// What the request was, as far as it decides about the body of the reply (RFC 9112, section 6.3).
enum class ReplyTo : std::uint8_t { head, connect, other };

struct ReplyHead {
    unsigned status = 0;
    std::vector<Field> fields = {};  // views of the input
    std::uint64_t length = 0;        // Content-Length
    bool has_length = false;
    bool keep_alive = false;  // another reply may follow on this connection
};

// Why a reply is refused.
struct Refusal {
    errc code = errc::malformed_message;
    const char* why = nullptr;  // null: it is not
    explicit operator bool() const noexcept { return why != nullptr; }
};

class ReplyParser {
public:
    enum class Event : std::uint8_t {
        none,     // part of the framing or an interim answer; with `used` 0, more bytes are needed
        head,     // head() has the final answer, until the next call
        data,     // part of the body
        end,      // the reply is whole; trailers() has its trailers
        refused,  // refusal() says why; nothing more can be read
    };
    struct Step {
        Event event = Event::none;
        std::size_t used = 0;  // bytes of the input
        std::string_view data = {};
    };

    explicit ReplyParser(std::size_t max_head) noexcept : max_head_(max_head) {}

    // Starts with the reply to another request.
    void expect(ReplyTo request);
    // Reads one element at the front of `in`. What is not used must be offered again, with more behind it.
    // `in` may be empty: the end of a reply needs no byte.
    Step next(std::string_view in);
    // The peer has sent its FIN. Returns whether this is the end of the reply.
    bool ends_here() const noexcept { return state_ == State::until_close; }

    const ReplyHead& head() const noexcept { return head_; }
    const OwnedFields& trailers() const noexcept { return trailers_; }
    const Refusal& refusal() const noexcept { return refusal_; }
    bool in_body() const noexcept { return state_ != State::head && state_ != State::done; }

private:
    enum class State : std::uint8_t { head, known_length, chunks, until_close, done };
    Step read_head(std::string_view in);
    Step read_chunks(std::string_view in);
    Step refuse(const char* why, errc code = errc::malformed_message);
    bool is_interim(bool framed);
    bool begin_body(const Head& framing);
    bool parse(std::string_view text, Head& framing);

    const std::size_t max_head_;
    std::size_t seen_ = 0;  // bytes of an incomplete head
    std::uint64_t left_ = 0;
    unsigned interim_ = 0;
    ReplyTo request_ = ReplyTo::other;
    State state_ = State::done;
    Chunks chunks_;
    ReplyHead head_;
    OwnedFields trailers_;
    Refusal refusal_;
};

}  // namespace switchboard::http::detail
