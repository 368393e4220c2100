#include "client_sessions.hpp"

#include <algorithm>

#include "session_end.hpp"

namespace switchboard::tls::detail {

std::list<ClientSessions::Entry>::iterator ClientSessions::find(std::string_view name) {
    return std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.name == name; });
}

void ClientSessions::put(const std::string& name, SessionPointer session) {
    if (most_ == 0) return;
    const std::lock_guard lock(mutex_);
    if (const auto old = find(name); old != entries_.end()) entries_.erase(old);
    entries_.push_front({name, std::move(session)});
    if (entries_.size() > most_) entries_.pop_back();
}

SessionPointer ClientSessions::take(std::string_view name,
                                    std::chrono::system_clock::time_point now) {
    const std::lock_guard lock(mutex_);
    const auto found = find(name);
    if (found == entries_.end()) return nullptr;
    if (has_ended(found->session.get(), now)) {
        entries_.erase(found);
        return nullptr;
    }
    if (SSL_SESSION_get_protocol_version(found->session.get()) >= TLS1_3_VERSION) {
        SessionPointer session = std::move(found->session);
        entries_.erase(found);
        return session;
    }
    SSL_SESSION_up_ref(found->session.get());
    return SessionPointer(found->session.get());
}

}  // namespace switchboard::tls::detail
