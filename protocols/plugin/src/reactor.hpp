// What configure() needs for protocols that use the host's reactor.
#pragma once

#include <switchboard/plugin.h>
#include <string>

namespace switchboard::plugin {

// Whether plugin::add() has registered it.
bool uses_reactor(const std::string& protocol);

// While it exists, what add() has registered is made with this reactor, on this thread.
class WithReactor {
public:
    explicit WithReactor(sb_reactor* reactor) noexcept;
    WithReactor(const WithReactor&) = delete;
    WithReactor& operator=(const WithReactor&) = delete;
    ~WithReactor();
};

}  // namespace switchboard::plugin
