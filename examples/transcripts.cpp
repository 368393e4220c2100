// Checks a protocol with the transcripts in a file: transcripts examples/key_value.txt
#include <iostream>
#include <map>
#include <switchboard/callbacks.hpp>
#include <switchboard/message_handler.hpp>
#include <switchboard/testing/check.hpp>
#include <switchboard/testing/failing_new.hpp>

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

// "put KEY VALUE" keeps a value, and "get KEY" sends it back.
class KeyValue final : public LineHandler {
    void on_open(Connection& peer) override { peer.set_deadline(peer.now() + 10s); }
    void on_line(Connection& peer, std::string_view line) override {
        peer.set_deadline(peer.now() + 10s);
        const auto space = line.find(' ', 4);
        if (line.starts_with("put ") && space != std::string_view::npos) {
            values_[std::string(line.substr(4, space - 4))] = line.substr(space + 1);
            write_line(peer, "ok");
        } else if (line.starts_with("get ")) {
            const auto found = values_.find(std::string(line.substr(4)));
            write_line(peer, found == values_.end() ? "none" : found->second);
        } else if (line == "quit") {
            peer.close();
        } else {
            write_line(peer, "error");
        }
    }

    std::map<std::string, std::string> values_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 2) return std::cerr << "usage: transcripts FILE\n", 2;
    const auto transcripts = testing::read_transcripts(arguments[1]);
    if (!transcripts) return std::cerr << transcripts.error().message() << "\n", 2;

    const auto report = testing::check(factory_of<KeyValue>(), *transcripts);
    std::cout << report << "\n";
    return report.findings.empty() ? 0 : 1;
}
