// One run of check(): one transcript, delivered in one way.
#pragma once

#include <memory>
#include <string>

#include "delivery.hpp"

namespace switchboard::testing {

// What is under test.
struct Subject {
    ProtocolFactory factory;
    // Set by in_order(), for layers.
    std::shared_ptr<std::string> order_problem = std::make_shared<std::string>();
};

struct Trial {
    const Subject& subject;
    const Transcript& transcript;
    const Delivery& delivery;
    const CheckOptions& options;
    bool exhausted =
        false;  // set by run(): there are fewer allocations than this delivery's number

    // Returns the problem, or an empty text.
    std::string run();

private:
    std::string play();
    std::string play_with_failing_allocation();
};

// The deliveries of messages that do not end: oversize, and scan cost.
std::string run_oversize(const Trial& trial);
std::string run_scan(const Trial& trial);

}  // namespace switchboard::testing
