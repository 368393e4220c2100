// A protocol to start from. A request is a line of numbers, and the reply is a line with their sum.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <switchboard/message_handler.hpp>

class Sum final : public switchboard::LineHandler {
    void on_line(switchboard::Connection& peer, std::string_view line) override {
        std::istringstream numbers{std::string(line)};
        std::uint64_t sum = 0;
        for (std::uint64_t number = 0; numbers >> number;) sum += number;
        write_line(peer, numbers.eof() ? std::to_string(sum) : "not a number");
    }
};
