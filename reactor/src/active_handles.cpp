#include <algorithm>
#include <cstdio>

#include "reactor_impl.hpp"

namespace switchboard {
namespace detail {

std::string to_string(const SourceLocation& location) {
    const std::string path = location.file;
    return path.substr(path.rfind('/') + 1) + ":" + std::to_string(location.line);
}

LiveHandle Creation::live(LiveHandle::Kind kind, std::string what, std::size_t queued_bytes) const {
    const auto age = std::chrono::floor<std::chrono::milliseconds>(Clock::now() - at);
    return {kind, std::move(what), to_string(location), age, queued_bytes};
}

LiveHandle SocketConnection::live() {
    const char* const state = !runner_.is_open() ? " (connecting)"
                              : is(Phase::open)  ? " (open)"
                                                 : " (closing)";
    const std::chrono::milliseconds age(loop().tick() - opened_at_);
    return {LiveHandle::Kind::connection, describe() + state, to_string(group_.location), age,
            queued_in_all()};
}

void Timers::list(LiveHandles& all) const {
    for (const auto& [id, timer] : timers_)
        all.push_back(timer->made.live(LiveHandle::Kind::timer, timer->period.count() > 0
                                                                    ? "timer of every()"
                                                                    : "timer of after()"));
}

void Offloads::list(LiveHandles& all) const {
    for (const auto& [id, job] : jobs_)
        all.push_back(job->made.live(LiveHandle::Kind::offload, "offload"));
}

void Datagrams::list(LiveHandles& all) const {
    for (const auto& [id, handle] : handles_)
        if (!handle->is_closed())
            all.push_back(handle->made.live(LiveHandle::Kind::datagram_socket,
                                            "datagrams at " + handle->local().to_string(),
                                            handle->queued()));
}

void Resolver::list(LiveHandles& all) const {
    for (const auto& [id, lookup] : lookups_)
        all.push_back(lookup.made.live(LiveHandle::Kind::lookup,
                                       "look-up of " + lookup.name + ":" + lookup.service));
}

std::vector<LiveHandle> ReactorImpl::active_handles() {
    std::vector<LiveHandle> all;
    for (const auto& [id, listener] : listeners_)
        if (!listener->is_closed()) all.push_back(listener->live());
    loop.connections.for_each([&](SocketConnection& c) {
        if (!c.is_closed()) all.push_back(c.live());
    });
    datagrams.list(all);
    timers.list(all);
    offloads.list(all);
    resolver.list(all);
    if (posts.waiting()) all.push_back({LiveHandle::Kind::posts, "pending posts", "", {}, 0});
    std::stable_sort(all.begin(), all.end(),
                     [](const auto& a, const auto& b) { return a.age > b.age; });
    return all;
}

}  // namespace detail

std::string to_string(const LiveHandle& handle) {
    char age[32];
    std::snprintf(age, sizeof age, "%.1f", std::chrono::duration<double>(handle.age).count());
    std::string text = handle.what;
    if (!handle.created_at.empty())
        text += ", made at " + handle.created_at + ", " + age + " s old";
    if (handle.queued_bytes > 0)
        text += ", " + std::to_string(handle.queued_bytes) + " bytes queued";
    return text;
}

}  // namespace switchboard
