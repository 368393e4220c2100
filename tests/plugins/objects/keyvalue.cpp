// A key-value store, one line a request: "put KEY VALUE", "get KEY". Its other requests show that what C++
// offers to a protocol passes through the C interface.
#include <map>
#include <switchboard/plugin.hpp>

namespace {

using namespace switchboard;

class StoreCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "store"; }
    std::string message(int value) const override { return value == 7 ? "the store is full" : "?"; }
};
const StoreCategory store_category;

class Shout final : public Protocol {
public:
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        for (std::byte& each : in) each &= ~std::byte{0x20};
        peer.write(in);
        return in.size();
    }
};

class Store final : public Protocol {
public:
    Store(std::size_t most, std::string greeting) : most_(most), greeting_(std::move(greeting)) {}
    void on_open(Connection& peer) override { peer.write(greeting_); }
    std::size_t on_data(Connection& peer, MutableBytes in) override {
        const auto end = as_text(in).find('\n');
        if (end == std::string_view::npos) {
            if (in.size() > kMostLine) peer.close(errc::message_too_large);
            return 0;
        }
        answer(peer, as_text(in).substr(0, end));
        return end + 1;
    }
    void on_deadline(Connection& peer) override { peer.write("deadline\n"); }
    void on_shutdown(Connection& peer) override { peer.write("bye\n"); }

private:
    static constexpr std::size_t kMostLine = 8 * 1024;

    void answer(Connection& peer, std::string_view line) {
        if (line.starts_with("put ")) return put(peer, line.substr(4));
        if (line.starts_with("get ")) return get(peer, line.substr(4));
        if (line == "throw") throw std::runtime_error("asked to throw");
        if (line == "full") return peer.close({7, store_category});
        if (line == "late") return peer.abort(make_error_code(std::errc::timed_out));
        if (line == "large") return peer.abort(errc::message_too_large);
        if (line == "shout") return peer.switch_to(std::make_unique<Shout>());
        if (line == "wait") return peer.set_deadline(peer.now() + std::chrono::milliseconds(5));
        if (line == "who") return peer.write(peer.peer().to_string() + "\n"), void();
        peer.write("error\n");
    }
    void put(Connection& peer, std::string_view rest) {
        const auto space = rest.find(' ');
        if (space == std::string_view::npos || values_.size() == most_) {
            peer.write("error\n");
            return;
        }
        values_[std::string(rest.substr(0, space))] = rest.substr(space + 1);
        peer.write("ok\n");
    }
    void get(Connection& peer, std::string_view key) {
        const auto found = values_.find(key);
        if (found == values_.end()) {
            peer.write("none\n");
            return;
        }
        peer.write_shared(std::make_shared<const std::string>(found->second + "\n"));
    }

    const std::size_t most_;
    const std::string greeting_;
    std::map<std::string, std::string, std::less<>> values_;
};

}  // namespace

SWITCHBOARD_PLUGIN("keyvalue", "2.1", "a key-value store") {
    registry.add(
        {.name = "kv",
         .summary = "a key-value store",
         .options = {{.name = "most",
                      .help = "how many keys",
                      .type = OptionSpec::Type::integer,
                      .fallback = "1000",
                      .least = 1,
                      .most = 1000},
                     {.name = "greeting", .help = "what it says first", .fallback = ""},
                     {.name = "mode",
                      .help = "how it serves",
                      .type = OptionSpec::Type::choice,
                      .fallback = "fast",
                      .choices = {"fast", "safe"}}},
         .make = [](const Options& options, const ProtocolContext&) -> Result<ProtocolFactory> {
             if (options.text("greeting") == "rude") return fail(errc::bad_option, "be polite");
             return ProtocolFactory([most = static_cast<std::size_t>(options.integer("most")),
                                     greeting = options.text("greeting")] {
                 return std::make_unique<Store>(most, greeting);
             });
         }});
}
