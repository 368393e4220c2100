// A key-value store as a plugin. A request is a line: "put KEY VALUE", "get KEY" or "quit".
#include <map>
#include <mutex>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/plugin.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// All connections share the store. Some drivers serve them on several threads, so it has a lock.
struct Store {
    std::mutex mutex;
    std::map<std::string, std::string, std::less<>> values;
};

class KeyValue final : public LineHandler {
public:
    explicit KeyValue(std::shared_ptr<Store> store) : store_(std::move(store)) {}

private:
    void on_open(Connection& peer) override { peer.set_deadline(peer.now() + 10s); }

    void on_line(Connection& peer, std::string_view line) override {
        peer.set_deadline(peer.now() + 10s);
        if (line == "quit") return peer.close();
        write_line(peer, answer_to(line));
    }

    std::string answer_to(std::string_view line) {
        const std::lock_guard lock(store_->mutex);
        const auto space = line.find(' ', 4);
        if (line.starts_with("put ") && space != line.npos) {
            store_->values[std::string(line.substr(4, space - 4))] = line.substr(space + 1);
            return "ok";
        }
        if (!line.starts_with("get ")) return "error";
        const auto found = store_->values.find(line.substr(4));
        return found == store_->values.end() ? "none" : found->second;
    }

    const std::shared_ptr<Store> store_;
};

// Called once for each listener.
Result<ProtocolFactory> make(const Options&, const ProtocolContext&) {
    return factory_of<KeyValue>(std::make_shared<Store>());
}

}  // namespace

SWITCHBOARD_PLUGIN("kv", "1.0", "a key-value store") {
    registry.add({.name = "kv", .summary = "a key-value store", .make = make});
}
