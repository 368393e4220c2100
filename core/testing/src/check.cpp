#include <ostream>
#include <switchboard/testing/check.hpp>

#include "forwarding.hpp"
#include "text.hpp"
#include "trial.hpp"

namespace switchboard::testing {
namespace {

// Runs the deliveries of one transcript until one fails.
void check_one(const Subject& subject, const Transcript& transcript, const CheckOptions& options,
               Report& report) {
    const auto found = [&](const std::string& delivery, std::string problem) {
        report.findings.push_back({transcript.name(), delivery, std::move(problem), options.seed});
        return Next::stop;
    };
    if (const std::string mistake = transcript.mistake(); !mistake.empty()) {
        found("transcript", mistake);
        return;
    }
    each_delivery(transcript, options, [&](const Delivery& delivery) {
        if (!options.only.empty() || options.on_run) {
            const std::string run = transcript.name() + ": " + delivery.to_string();
            if (!options.only.empty() && run != options.only) return Next::go_on;
            if (options.on_run) options.on_run(run);
        }
        Trial trial{subject, transcript, delivery, options};
        std::string problem = trial.run();
        ++report.runs;
        if (!problem.empty()) return found(delivery.to_string(), std::move(problem));
        return trial.exhausted ? Next::next_kind : Next::go_on;
    });
}

Report check_all(const Subject& subject, const std::vector<Transcript>& transcripts,
                 const CheckOptions& options) {
    Report report;
    for (const Transcript& each : transcripts) check_one(subject, each, options, report);
    return report;
}

}  // namespace

std::string Finding::to_string() const {
    return transcript + ": " + delivery + ": " + problem + " (seed " + std::to_string(seed) + ")";
}

std::string Finding::replay() const {
    return "check(factory, transcripts, {.seed = " + std::to_string(seed) +
           ", .only = " + quoted(transcript + ": " + delivery, std::string::npos) + "})";
}

std::string Report::to_string() const {
    std::string text = std::to_string(findings.size()) +
                       (findings.size() == 1 ? " finding in " : " findings in ") +
                       std::to_string(runs) + " runs";
    for (const Finding& each : findings)
        text += "\n  " + each.to_string() + "\n    again: " + each.replay();
    return text;
}

std::ostream& operator<<(std::ostream& to, const Report& report) {
    return to << report.to_string();
}

Report check(const ProtocolFactory& factory, const std::vector<Transcript>& transcripts,
             const CheckOptions& options) {
    return check_all({.factory = factory}, transcripts, options);
}

Report check_layer(const LayerFactory& layer, const ProtocolFactory& above,
                   const std::vector<Transcript>& transcripts, const CheckOptions& options) {
    Subject subject;
    subject.factory = layer(in_order(above, subject.order_problem));
    return check_all(subject, transcripts, options);
}

}  // namespace switchboard::testing
