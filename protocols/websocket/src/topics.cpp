#include <algorithm>

#include "engine.hpp"

namespace switchboard::websocket {
namespace detail {

void TopicList::remove(const Link& link) noexcept {
    for (auto at = topics.begin(); at != topics.end();) {
        std::erase_if(at->second, [&](const auto& member) { return member.get() == &link; });
        at = at->second.empty() ? topics.erase(at) : std::next(at);
    }
}

namespace {

// The frames of one message, each made when the first subscriber needs it.
class Frames {
public:
    Frames(Kind kind, Bytes message) : kind_(kind), message_(message) {}

    const SharedBytes& plain() {
        if (!plain_.owner) plain_ = frame(message_, false);
        return plain_;
    }

    // For all who agreed on deflate: `bits` are those of the smallest window.
    const SharedBytes& compressed(const Shared& shared, unsigned bits) {
        if (!compressed_.owner) {
            std::pmr::vector<std::byte> small;
            compress_message(*shared.pool.deflater(bits), {&message_, 1}, small);
            compressed_ = small.size() < message_.size() ? frame(small, true) : plain();
        }
        return compressed_;
    }

private:
    SharedBytes frame(Bytes payload, bool compressed) const {
        std::array<std::byte, kMaxHead> head{};
        const std::size_t size = encode_head(head,
                                             {.opcode = static_cast<Opcode>(kind_),
                                              .fin = true,
                                              .compressed = compressed,
                                              .length = payload.size()},
                                             false);
        auto bytes = std::make_shared<std::vector<std::byte>>();
        bytes->reserve(size + payload.size());
        bytes->insert(bytes->end(), head.begin(), head.begin() + static_cast<std::ptrdiff_t>(size));
        bytes->insert(bytes->end(), payload.begin(), payload.end());
        return SharedBytes(std::shared_ptr<const std::vector<std::byte>>(std::move(bytes)));
    }

    const Kind kind_;
    const Bytes message_;
    SharedBytes plain_, compressed_;
};

bool compresses(Engine& member, Bytes message) {
    return member.role() == Role::server && !message.empty() &&
           message.size() >= member.shared().options.deflate.from && member.compressor() != nullptr;
}

unsigned smallest_window(const TopicList::Members& members, Bytes message) {
    unsigned bits = 15;
    for (const auto& member : members)
        if (compresses(*member->engine, message))
            bits = std::min(bits, member->engine->compressor()->own_bits());
    return bits;
}

void send_to(Engine& member, Frames& frames, Kind kind, Bytes message, unsigned bits) {
    if (member.role() == Role::client) {
        member.send(kind, {&message, 1});
    } else if (compresses(member, message)) {
        member.send_encoded(frames.compressed(member.shared(), bits));
        member.compressor()->forget();
    } else {
        member.send_encoded(frames.plain());
    }
}

}  // namespace
}  // namespace detail

using detail::Engine;

Topics::Topics() : list_(std::make_shared<detail::TopicList>()) {}

Topics::~Topics() = default;

void Topics::subscribe(Socket& socket, std::string_view topic) {
    const auto& link = socket.engine().link();
    if (link->engine == nullptr) return;
    auto at = list_->topics.find(topic);
    if (at == list_->topics.end()) at = list_->topics.try_emplace(std::string(topic)).first;
    auto& members = at->second;
    if (std::find(members.begin(), members.end(), link) != members.end()) return;
    const auto is_list = [&](const auto& list) { return list.lock() == list_; };
    std::erase_if(link->lists, [](const auto& list) { return list.expired(); });
    if (std::none_of(link->lists.begin(), link->lists.end(), is_list)) link->lists.push_back(list_);
    members.push_back(link);
}

void Topics::unsubscribe(Socket& socket, std::string_view topic) {
    const auto at = list_->topics.find(topic);
    if (at == list_->topics.end()) return;
    std::erase(at->second, socket.engine().link());
    if (at->second.empty()) list_->topics.erase(at);
}

std::size_t Topics::subscribers(std::string_view topic) const {
    const auto at = list_->topics.find(topic);
    return at == list_->topics.end() ? 0 : at->second.size();
}

// No callback runs meanwhile (connection.hpp), so the members do not change.
Topics::Published Topics::publish(std::string_view topic, Kind kind, Bytes message,
                                  const Socket* except) {
    Published result;
    const auto at = list_->topics.find(topic);
    if (at == list_->topics.end()) return result;
    detail::Frames frames(kind, message);
    const unsigned bits = detail::smallest_window(at->second, message);
    for (const auto& member : at->second) {
        Engine& to = *member->engine;
        if (&to == except || to.closing()) continue;
        const bool slow = !to.has_room();
        const bool drops = to.shared().options.slow == Options::Slow::drop;
        if (to.in_fragments() || (slow && drops)) {
            ++result.dropped;
        } else if (slow) {
            to.close(code::kPolicy, "too slow");
            ++result.closed;
        } else {
            detail::send_to(to, frames, kind, message, bits);
            ++result.sent;
        }
    }
    return result;
}

}  // namespace switchboard::websocket
