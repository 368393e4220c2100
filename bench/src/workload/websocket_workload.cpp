// Messages over WebSocket, echoed.
#include "workload/message_workload.hpp"
#include "workload/web.hpp"

namespace switchboard::bench {
namespace {

constexpr std::size_t kLongestAnswer = 16 * 1024;

// The requests are masked: their stretches are of another pattern than those of the replies.
class WebSockets final : public MessageWorkload {
public:
    explicit WebSockets(std::size_t size)
        : MessageWorkload(Pattern(size)), masked_(Pattern(size).xored(kMask)), size_(size) {}

    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*this, load, number);
    }
    Message request(std::size_t connection, std::uint64_t n) const override {
        return frame(connection, n, true);
    }
    Message reply(std::size_t connection, std::uint64_t n) const override {
        return frame(connection, n, false);
    }

private:
    // Opens the WebSocket before the first message.
    class Client final : public MessageClient {
    public:
        Client(const WebSockets& workload, Load& load, std::size_t number)
            : MessageClient(workload, load, number), sockets_(workload) {}

    private:
        void opened() override { connection().write(kWebSocketRequest); }
        std::size_t send_request() override {
            return sockets_.request(number(), sent() - 1).write(connection(), sockets_.masked_);
        }
        std::size_t on_bytes(MutableBytes in) override {
            if (is_open_) return MessageClient::on_bytes(in);
            answer_ += as_text(in);
            if (!answer_.ends_with(kEndOfHead))
                return answer_.size() > kLongestAnswer ? wrong_bytes(in) : in.size();
            if (!is_right_answer()) return wrong_bytes(in);
            is_open_ = true;
            answer_ = {};
            MessageClient::opened();
            return in.size();
        }
        bool is_right_answer() const {
            return answer_.starts_with("HTTP/1.1 101 ") &&
                   field_of(answer_, "sec-websocket-accept") == kWebSocketAccept;
        }

        const WebSockets& sockets_;
        std::string answer_;
        bool is_open_ = false;
    };

    Message frame(std::size_t connection, std::uint64_t n, bool masked) const {
        Message message{.position = Pattern::entry(connection) + n * size_, .body = size_};
        const FrameHead head = frame_head(size_, masked);
        message.head = head.bytes;
        message.head_size = head.size;
        return message;
    }

    Pattern masked_;
    std::size_t size_;
};

}  // namespace

FrameHead frame_head(std::size_t payload, bool masked) {
    FrameHead head;
    const auto add = [&](std::size_t byte) {
        head.bytes[head.size++] = static_cast<std::byte>(byte);
    };
    add(0x82);
    const std::size_t length_bytes = payload < 126 ? 0 : payload < 65'536 ? 2 : 8;
    add((masked ? 0x80U : 0) | (length_bytes == 0 ? payload : length_bytes == 2 ? 126 : 127));
    for (std::size_t i = length_bytes; i > 0; --i) add(payload >> (8 * (i - 1)) & 0xff);
    for (std::size_t i = 0; masked && i < 4; ++i) add(static_cast<std::size_t>(kMask));
    return head;
}

MadeWorkload make_websocket(const WorkloadOptions& options) {
    return std::make_unique<WebSockets>(options.size);
}

}  // namespace switchboard::bench
