// Requests to the metrics server, whole and in pieces.
#include <switchboard/metrics.hpp>

#include <string>
#include <switchboard/testing/conformance.hpp>

#include "fuzz.hpp"

using namespace switchboard;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto factory = make_metrics([](const auto&) {});
    const auto request = fuzz::as_text(data, size);
    for (const std::string& each :
         testing::check_deliveries(factory, request, {.most_splits = 8, .random_runs = 2}))
        fuzz::require(false, each);
    const auto outcome = testing::deliver(factory, request);
    fuzz::require(!outcome.output.starts_with("HTTP/1.1 200"), "figures come from asking");
    return 0;
}
