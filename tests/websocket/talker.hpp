// A client that sends messages of several sizes, one after another, and compares what comes back.
#pragma once

#include "ends.hpp"

namespace switchboard::test {

struct Talker {
    static constexpr std::size_t kSizes[] = {0, 5, 200, 70'000, 500'000};

    WsHandler::Does does() {
        return {.on_open = [this](WsSocket& s) { next(s); },
                .on_message =
                    [this](WsSocket& s, Kind, MutableBytes message) {
                        if (as_text(message) == std::string(kSizes[turn], 'x')) ++echoed;
                        ++turn;
                        next(s);
                    }};
    }
    void next(WsSocket& socket) const {
        if (turn < std::size(kSizes)) {
            socket.send(std::string(kSizes[turn], 'x'));
        } else {
            socket.close(4000, "done");
        }
    }
    bool is_done() const {
        return echoed == std::size(kSizes) && log.text.ends_with("close:4000/ ");
    }

    WsLog log;
    std::size_t turn = 0, echoed = 0;
};

}  // namespace switchboard::test
