// Requests for one page over HTTP/1.1.
#include <algorithm>
#include <cctype>

#include "base/parse.hpp"
#include "workload/message_workload.hpp"
#include "workload/web.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kLongestHead = 16 * 1024;

// Whether it begins an answer with status 200 and a body of `size` bytes.
bool is_right_head(std::string_view head, std::size_t size) {
    const auto length = parse_count(std::string(field_of(head, "content-length")));
    return head.starts_with("HTTP/1.1 200 ") && length && *length == size;
}

class Http final : public Workload {
public:
    explicit Http(std::size_t size) : page_(hello_page(size)) {}
    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(page_, load, number);
    }
    std::size_t request_size() const override { return kHttpRequest.size(); }

private:
    class Client final : public Conversation {
    public:
        Client(const std::string& page, Load& load, std::size_t number)
            : Conversation(load, number), page_(page) {}

    private:
        std::size_t send_request() override {
            connection().write(kHttpRequest);
            return kHttpRequest.size();
        }
        Match match(std::uint64_t, Bytes in) override {
            const std::size_t in_head = in_body_ ? 0 : match_head(as_text(in));
            if (!in_body_) return {in_head, false};
            const Match body = match_body(as_text(in).substr(in_head));
            return {in_head + body.used, body.is_whole};
        }
        // Most heads equal the one before, and come whole.
        std::size_t match_head(std::string_view in) {
            if (head_.empty() && !known_.empty() && in.starts_with(known_)) {
                in_body_ = true;
                return known_.size();
            }
            const std::size_t before = head_.size();
            head_ += in.substr(0, kLongestHead);
            const auto end = head_.find(kEndOfHead, before < 3 ? 0 : before - 3);
            if (end == std::string::npos) return head_.size() > kLongestHead ? 0 : in.size();
            head_.resize(end + kEndOfHead.size());
            const std::size_t used = head_.size() - before;
            if (!is_right_head(head_, page_.size())) return 0;
            known_ = std::move(head_);
            head_.clear();
            in_body_ = true;
            return used;
        }
        Match match_body(std::string_view in) {
            const std::string_view rest = std::string_view(page_).substr(matched_);
            const std::size_t most = std::min(rest.size(), in.size());
            const auto wrong = std::mismatch(rest.begin(), rest.begin() + most, in.begin());
            const auto right = static_cast<std::size_t>(wrong.first - rest.begin());
            matched_ += right;
            if (matched_ < page_.size()) return {right, false};
            matched_ = 0;
            in_body_ = false;
            return {right, true};
        }

        const std::string& page_;
        std::string head_;         // of this reply, as far as it has come
        std::string known_;        // the whole head of the reply before
        std::size_t matched_ = 0;  // bytes of the page
        bool in_body_ = false;
    };

    std::string page_;
};

}  // namespace

std::string_view field_of(std::string_view head, std::string_view name) {
    while (true) {
        const auto end = head.find("\r\n");
        if (end == head.npos) return {};
        head.remove_prefix(end + 2);
        const std::string_view line = head.substr(0, head.find("\r\n"));
        const bool named = line.size() > name.size() && line[name.size()] == ':' &&
                           std::equal(name.begin(), name.end(), line.begin(), [](char a, char b) {
                               return a == std::tolower(static_cast<unsigned char>(b));
                           });
        if (!named) continue;
        const auto begin = line.find_first_not_of(' ', name.size() + 1);
        return begin == line.npos ? std::string_view() : line.substr(begin);
    }
}

std::string hello_page(std::size_t size) {
    constexpr std::string_view kText = "Hello, world!\n";
    std::string page;
    while (page.size() < size) page += kText.substr(0, size - page.size());
    return page;
}

MadeWorkload make_http(const WorkloadOptions& options) {
    return std::make_unique<Http>(options.size);
}

}  // namespace switchboard::bench
