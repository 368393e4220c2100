// Handlers that make any call at any time, on their own connection and on others, and check that the driver
// keeps its promises meanwhile.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <switchboard/file.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::test {

class Wild;

// The state that the handlers of one run share. It is used by one thread, and outlives the driver. The same
// seed makes the same choices as long as the driver behaves the same.
class Mischief {
public:
    explicit Mischief(std::uint64_t seed);
    Mischief(const Mischief&) = delete;
    Mischief& operator=(const Mischief&) = delete;

    // Finds a connection. call_driver makes one random call to the driver itself; if it is empty, only
    // connections are called.
    std::function<Connection*(ConnectionId)> find = [](ConnectionId) { return nullptr; };
    std::function<void()> call_driver = {};
    // The number of calls that are left. When it is 0, the handlers only consume their input, so that the
    // run ends.
    int calls_left;

    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
    bool one_in(std::size_t times) { return below(times) == 0; }
    ConnectionLimits limits();
    std::string text(std::size_t most);
    // Returns a handler, sometimes below a layer. With `may_fail`, on_close may be its only callback.
    std::unique_ptr<Protocol> make(bool may_fail);
    // Calls a few members of `own` (unless it is null), of other connections and of the driver.
    void act(Connection* own);
    // Runs a callback that does not belong to a protocol. Such callbacks must not nest either.
    void outside(const char* name, const std::function<void()>& callback);

    // The first broken promise, and how many handlers are not yet destroyed.
    const std::string& wrong() const { return wrong_; }
    int alive() const { return alive_; }
    std::vector<ConnectionId> open() const;

private:
    friend class Wild;
    class Inside;

    void violated(const std::string& what);
    void call_found(ConnectionId id);
    void call(Connection& c);
    void write(Connection& c, Wild* whose);
    void end(Connection& c, Wild* whose);
    void flow(Connection& c, Wild* whose);
    void ask(Connection& c);
    Wild* handler_of(ConnectionId id) const;

    std::mt19937_64 random_;
    std::shared_ptr<const File> file_;
    std::map<ConnectionId, Wild*> handlers_;  // of the open connections
    std::string wrong_, running_;             // running_: the callback that runs
    int alive_ = 0;
};

}  // namespace switchboard::test
