#include <switchboard/message_handler.hpp>
#include <switchboard/relay.hpp>

#include <cstdint>
#include <utility>
#include <vector>

namespace switchboard {
namespace {

constexpr std::size_t kMaxLine = LineOptions{}.max_length;

using Lines = std::vector<std::byte>;

// The position of a member in the list. When the member leaves, the last member moves there.
struct Place {
    static constexpr std::size_t kNone = SIZE_MAX;

    ConnectionId id;
    std::size_t at = kNone;
};

class Hub {
public:
    explicit Hub(FindConnection find) : find_(std::move(find)) {}

    void join(Place& member);
    void leave(const Place& member) noexcept;
    void say(const Place& speaker, const SharedBytes& lines) const;

private:
    FindConnection find_;
    std::vector<Place*> members_;
};

void Hub::join(Place& member) {
    members_.push_back(&member);
    member.at = members_.size() - 1;
}

void Hub::leave(const Place& member) noexcept {
    if (member.at == Place::kNone) return;  // join() failed
    members_.back()->at = member.at;
    members_[member.at] = members_.back();
    members_.pop_back();
}

void Hub::say(const Place& speaker, const SharedBytes& lines) const {
    for (const Place* const each : members_) {
        Connection* const member = each == &speaker ? nullptr : find_(each->id);
        if (member) member->write_shared(lines);
    }
}

// All whole lines of one read are sent as one buffer. A buffer per line, as with a LineHandler, would cost
// an entry in the queue of every member, even for an empty line.
class Member final : public MessageHandler {
public:
    explicit Member(std::shared_ptr<Hub> hub) : hub_(std::move(hub)) {}

    void on_open(Connection& connection) override {
        place_.id = connection.id();
        hub_->join(place_);
    }
    std::size_t on_data(Connection& connection, MutableBytes in) override;
    void on_close(std::error_code) noexcept override { hub_->leave(place_); }

private:
    bool within_message() const noexcept override { return seen_ > 0; }

    std::shared_ptr<Hub> hub_;
    Place place_;
    std::size_t seen_ = 0;  // leading bytes of the next `in` that hold no LF
};

std::string_view without_cr(std::string_view line) {
    if (line.ends_with('\r')) line.remove_suffix(1);
    return line;
}

// Removes the lines in the first `whole` bytes from `text` and returns them, up to one that is too long.
Lines take_lines(std::string_view& text, std::size_t whole) {
    Lines lines;
    lines.reserve(whole);
    for (std::size_t left = whole; left > 0;) {
        const std::size_t end = text.find('\n');
        const Bytes line = as_bytes(without_cr(text.substr(0, end)));
        if (line.size() > kMaxLine) break;
        lines.insert(lines.end(), line.begin(), line.end());
        lines.push_back(std::byte{'\n'});
        text.remove_prefix(end + 1);
        left -= end + 1;
    }
    return lines;
}

std::size_t Member::on_data(Connection& connection, MutableBytes in) {
    std::string_view rest = as_text(in);
    const std::size_t last = rest.substr(seen_).rfind('\n');
    if (last != std::string_view::npos) {
        const auto lines = std::make_shared<const Lines>(take_lines(rest, seen_ + last + 1));
        if (!lines->empty()) hub_->say(place_, lines);
    }
    // If the line has no end yet, its last CR may be part of the line end.
    if (without_cr(rest).size() > kMaxLine) return refuse_too_long(connection, in);
    const std::size_t used = in.size() - rest.size();
    seen_ = used > 0 ? 0 : in.size();
    return used;
}

}  // namespace

ProtocolFactory make_hub(FindConnection find) {
    return [hub = std::make_shared<Hub>(std::move(find))]() -> std::unique_ptr<Protocol> {
        return std::make_unique<Member>(hub);
    };
}

}  // namespace switchboard
