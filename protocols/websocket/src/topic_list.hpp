// The subscribers of the topics of one Topics object.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine.hpp"

namespace switchboard::websocket::detail {

struct TopicList {
    using Members = std::vector<std::shared_ptr<Link>>;

    // Removes an ended socket from all topics.
    void remove(const Link& link) noexcept;

    std::map<std::string, Members, std::less<>> topics = {};
};

}  // namespace switchboard::websocket::detail
