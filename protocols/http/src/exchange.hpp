// One request and its answer, while the handler runs.
#pragma once

#include <memory>
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

class Exchange {
public:
    // `last` says that the connection is closed behind the answer.
    Exchange(Connection& connection, const Head& head, const Shared& shared, bool last) noexcept
        : connection_(connection), head_(head), shared_(shared), last_(last) {}

    // Runs the handler. If it sends no answer, the answer is 500. Throws what the handler throws after its
    // answer.
    void run(const Route& route, Bytes body, const Captures& captures);
    void refuse(unsigned status);  // sends a short answer of that status; the last one

    void set_status(unsigned code);
    void add_field(std::string_view name, std::string_view value);
    void send(std::string_view body);
    void send(SharedBytes body);
    void send_file(FileRange body);
    void upgrade(std::string_view protocol, std::unique_ptr<Protocol> next);

    bool sent() const noexcept { return sent_; }
    bool upgraded() const noexcept { return upgraded_; }
    bool last() const noexcept { return last_; }
    bool failed() const noexcept { return failed_; }  // the handler threw, or did not answer
    bool has_room() const noexcept { return room_; }  // whether the connection takes more output

private:
    void finish_head(std::uint64_t length);
    bool compress(Bytes body, std::pmr::vector<std::byte>& small);
    void send_as_is(std::string_view body);
    void put_status_line();
    bool sends_body() const noexcept;

    Connection& connection_;
    const Head& head_;
    const Shared& shared_;
    unsigned status_ = 200;
    bool sent_ = false, upgraded_ = false, failed_ = false, last_, room_ = true;
    bool length_known_ = true;  // false: only the answer to a GET would show it
    HeadText text_;
};

}  // namespace switchboard::http::detail
