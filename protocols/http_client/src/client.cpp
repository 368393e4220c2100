#include <algorithm>
#include <utility>

#include "client_state.hpp"
#include "syntax.hpp"

namespace switchboard::http {
namespace detail {

// Calls `what` from within run(), if the client still exists then.
void ClientState::later(void (ClientState::*what)(std::uint64_t), std::uint64_t id) {
    reactor_.post([weak = weak_from_this(), what, id] {
        if (const auto self = weak.lock()) (self.get()->*what)(id);
    });
}

Client::Id ClientState::send(Call call, Client::Done done, CallHooks hooks) {
    const std::uint64_t id = ++last_id_;
    auto finished = [this, id] { later(&ClientState::deliver, id); };
    auto job = std::make_shared<Job>(*pool_, options_, std::move(call), std::move(hooks),
                                     std::move(finished));
    TimerId timer{};
    if (options_.total.count() > 0) {
        timer = reactor_.after(options_.total, [weak = std::weak_ptr(job)] {
            if (const auto late = weak.lock())
                late->fail(std::make_error_code(std::errc::timed_out), "total");
        });
    }
    calls_.emplace(id, Entry{std::move(job), std::move(done), timer});
    later(&ClientState::begin, id);
    return {id};
}

std::shared_ptr<Job> ClientState::find(std::uint64_t id) const {
    const auto found = calls_.find(id);
    return found == calls_.end() ? nullptr : found->second.job;
}

void ClientState::begin(std::uint64_t id) {
    if (const auto job = find(id)) job->begin();
}

void ClientState::resume(Client::Id id) {
    if (const auto job = find(id.value)) job->resume();
}

ClientState::Entry ClientState::take(std::uint64_t id) {
    auto node = calls_.extract(id);
    if (node.empty()) return {};
    reactor_.cancel(node.mapped().timer);
    return std::move(node.mapped());
}

void ClientState::deliver(std::uint64_t id) {
    const Entry entry = take(id);
    if (entry.job && entry.done) entry.done(std::move(*entry.job->result()));
}

void ClientState::cancel(Client::Id id) {
    if (const Entry entry = take(id.value); entry.job) entry.job->abandon();
}

// A call that throws here has nobody who could be told.
void ClientState::close() {
    pool_->close();
    for (const auto& [id, entry] : calls_) entry.job->abandon();
    while (!calls_.empty()) {
        const Entry entry = take(calls_.begin()->first);
        auto& result = entry.job->result();
        try {
            if (!result) result.emplace(fail(errc::stopping, "the client ends"));
            if (entry.done) entry.done(std::move(*result));
        } catch (...) {
        }
    }
}

}  // namespace detail

std::string_view Reply::field(std::string_view name) const noexcept {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& one) {
        return detail::equals_without_case(one.first, name);
    });
    return found == fields.end() ? std::string_view() : std::string_view(found->second);
}

Client::Client(Reactor& reactor, ClientOptions options)
    : state_(std::make_shared<detail::ClientState>(reactor, std::move(options))) {}

Client& Client::operator=(Client&& other) noexcept {
    if (const auto old = std::exchange(state_, std::move(other.state_))) old->close();
    return *this;
}

Client::~Client() {
    if (state_) state_->close();
}

Client::Id Client::send(Call call, Done done, CallHooks hooks) {
    return state_->send(std::move(call), std::move(done), std::move(hooks));
}

void Client::resume(Id call) {
    state_->resume(call);
}

void Client::cancel(Id call) {
    state_->cancel(call);
}

}  // namespace switchboard::http
