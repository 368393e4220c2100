// Sends the requests of a script in turn, and checks each reply.
#include <algorithm>

#include "base/parse.hpp"
#include "workload/message_workload.hpp"

namespace switchboard::bench {
namespace {

class Scripted final : public Workload {
public:
    explicit Scripted(std::shared_ptr<const Script> script) : script_(std::move(script)) {}

    std::unique_ptr<LoadClient> client(Load& load, std::size_t number) override {
        return std::make_unique<Client>(*script_, load, number);
    }
    std::size_t request_size() const override {
        std::size_t longest = 0;
        for (const ScriptedExchange& exchange : *script_)
            longest = std::max(longest, exchange.request.size());
        return longest;
    }

private:
    class Client final : public Conversation {
    public:
        Client(const Script& script, Load& load, std::size_t number)
            : Conversation(load, number), script_(script) {}

    private:
        const ScriptedExchange& exchange(std::uint64_t n) const {
            return script_[n % script_.size()];
        }
        std::size_t send_request() override {
            const std::string& request = exchange(sent() - 1).request;
            connection().write(as_bytes(request));
            return request.size();
        }
        Match match(std::uint64_t n, Bytes in) override {
            const auto [used, is_whole] = exchange(n).reply.match(progress_, in);
            return {used, is_whole};
        }

        const Script& script_;
        ExpectedReply::Progress progress_;
    };

    std::shared_ptr<const Script> script_;
};

}  // namespace

MadeWorkload make_script_workload(const WorkloadOptions& options) {
    if (!options.script) return bad_option("--workload script requires --request or --script");
    return std::make_unique<Scripted>(options.script);
}

}  // namespace switchboard::bench
