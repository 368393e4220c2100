// What a Client is made of.
#pragma once

#include <cstdint>
#include <memory>
#include <switchboard/http_client.hpp>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "job.hpp"
#include "pool.hpp"

namespace switchboard::http::detail {

class ClientState : public std::enable_shared_from_this<ClientState> {
public:
    ClientState(Reactor& reactor, ClientOptions options)
        : reactor_(reactor),
          options_(std::move(options)),
          pool_(std::make_shared<Pool>(reactor, options_)) {}

    Client::Id send(Call call, Client::Done done, CallHooks hooks);
    void resume(Client::Id id);
    void cancel(Client::Id id);
    void close();  // ends all calls

private:
    struct Entry {
        std::shared_ptr<Job> job;
        Client::Done done;
        TimerId timer;
    };
    void later(void (ClientState::*what)(std::uint64_t), std::uint64_t id);
    void begin(std::uint64_t id);
    void deliver(std::uint64_t id);
    std::shared_ptr<Job> find(std::uint64_t id) const;
    Entry take(std::uint64_t id);

    Reactor& reactor_;
    const ClientOptions options_;
    const std::shared_ptr<Pool> pool_;
    std::unordered_map<std::uint64_t, Entry> calls_;
    std::uint64_t last_id_ = 0;
};

}  // namespace switchboard::http::detail
