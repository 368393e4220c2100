// The answer with a file, its conditions and its range.
#pragma once

#include <chrono>
#include <switchboard/http.hpp>

#include "files/find_file.hpp"

namespace switchboard::http::detail {

// Answers a GET or HEAD with what was found. `now` is the time of the answer, or its maximum without a clock.
void answer_file(const Request& request, Response& response, FoundFile found,
                 std::chrono::system_clock::time_point now);

}  // namespace switchboard::http::detail
