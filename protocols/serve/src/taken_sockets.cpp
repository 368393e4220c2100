#include "taken_sockets.hpp"

namespace switchboard::program {
namespace {

constexpr const char* kMetricsPrefix = "metrics ";

}  // namespace

std::string name_of_listener(const Plan& plan) {
    return plan.endpoint.to_string();
}

std::string name_of_metrics(const Plan& plan) {
    return kMetricsPrefix + plan.metrics->to_string();
}

Result<TakenSockets> take_sockets(const Plan& plan) {
    TakenSockets taken;
    if (!plan.takeover) return taken;
    auto begun = Takeover::begin(*plan.takeover);
    if (!begun) return tl::unexpected(begun.error());
    taken.takeover = std::move(*begun);
    if (!taken.takeover) return taken;
    for (NamedSocket& each : taken.takeover->sockets) {
        if (each.name.starts_with(kMetricsPrefix)) {
            if (plan.metrics && each.name == name_of_metrics(plan))
                taken.metrics = std::move(each.socket);
            continue;
        }
        if (each.name != name_of_listener(plan))
            return fail(errc::bad_option, "--takeover " + plan.takeover->to_string() +
                                              ": the other server listens on " + each.name +
                                              ", not on " + name_of_listener(plan));
        taken.listeners.push_back(std::move(each.socket));
    }
    return taken;
}

}  // namespace switchboard::program
