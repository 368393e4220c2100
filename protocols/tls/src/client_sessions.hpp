// The sessions that a client may resume.
#pragma once

#include <chrono>
#include <list>
#include <mutex>
#include <string>
#include <string_view>

#include "openssl.hpp"

namespace switchboard::tls::detail {

// One session for each name; the oldest are forgotten. Threading: any thread.
class ClientSessions {
public:
    explicit ClientSessions(std::size_t most) : most_(most) {}

    void put(const std::string& name, SessionPointer session);
    // Returns null if no session is kept, or if a certificate of the server has expired. A session of TLS 1.3
    // is used once, so that nobody can link two connections by it (RFC 8446, appendix C.4).
    SessionPointer take(std::string_view name, std::chrono::system_clock::time_point now);

private:
    struct Entry {
        std::string name;
        SessionPointer session;
    };

    std::list<Entry>::iterator find(std::string_view name);

    const std::size_t most_;
    std::mutex mutex_;
    std::list<Entry> entries_;  // the newest first
};

}  // namespace switchboard::tls::detail
