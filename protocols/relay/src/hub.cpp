#include <switchboard/framing.hpp>
#include <switchboard/relay.hpp>

#include <set>
#include <utility>

namespace switchboard {
namespace {

class Hub {
public:
    explicit Hub(FindConnection find) : find_(std::move(find)) {}

    void join(ConnectionId id) { members_.insert(id); }
    void leave(ConnectionId id) noexcept { members_.erase(id); }
    void say(ConnectionId speaker, std::string_view line) const;

private:
    FindConnection find_;
    std::set<ConnectionId> members_;
};

void Hub::say(ConnectionId speaker, std::string_view line) const {
    const std::string text = encode_line(line);
    const Bytes bytes = as_bytes(text);
    const auto buffer = std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
    for (const ConnectionId id : members_) {
        Connection* const member = id == speaker ? nullptr : find_(id);
        if (member) member->write_shared(buffer);
    }
}

class Member final : public LineHandler {
public:
    explicit Member(std::shared_ptr<Hub> hub) : hub_(std::move(hub)) {}

    void on_open(Connection& connection) override {
        id_ = connection.id();
        hub_->join(id_);
    }
    void on_close(std::error_code) noexcept override { hub_->leave(id_); }

private:
    void on_line(Connection&, std::string_view line) override { hub_->say(id_, line); }

    std::shared_ptr<Hub> hub_;
    ConnectionId id_;
};

}  // namespace

ProtocolFactory make_hub(FindConnection find) {
    return [hub = std::make_shared<Hub>(std::move(find))]() -> std::unique_ptr<Protocol> {
        return std::make_unique<Member>(hub);
    };
}

}  // namespace switchboard
