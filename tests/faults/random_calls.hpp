// Handlers that call anything at any time, on their own connection and on others, and that see whether
// the driver keeps its promises meanwhile.
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

// What the handlers of one run share. One thread; outlives the driver. The same seed makes the same
// choices for as long as the driver does the same.
class Mischief {
public:
    explicit Mischief(std::uint64_t seed);
    Mischief(const Mischief&) = delete;
    Mischief& operator=(const Mischief&) = delete;

    // How a connection is found, and one random call to the driver itself (none: only connections).
    std::function<Connection*(ConnectionId)> find = [](ConnectionId) { return nullptr; };
    std::function<void()> call_driver = {};
    // How many more calls are made. Then the handlers take what they are sent and do nothing, so that a
    // run comes to its end.
    int calls_left;

    std::size_t below(std::size_t bound) { return static_cast<std::size_t>(random_() % bound); }
    bool one_in(std::size_t times) { return below(times) == 0; }
    Limits limits();
    std::string text(std::size_t most);
    // A handler, at times beneath a layer. `may_fail`: on_close may come alone.
    std::unique_ptr<Protocol> make(bool may_fail);
    // Calls a few members of `own` (if any), of other connections and of the driver.
    void act(Connection* own);
    // Runs a callback that is no protocol's: those do not nest either.
    void outside(const char* name, const std::function<void()>& callback);

    // What was broken first, and how many handlers were not destroyed.
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
    std::map<ConnectionId, Wild*> handlers_;  // of the connections that are open
    std::string wrong_, running_;             // the callback that runs
    int alive_ = 0;
};

}  // namespace switchboard::test
