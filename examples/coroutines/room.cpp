// A room: each line of a member goes to all others. One task of a member reads, another writes.
#include <deque>
#include <iostream>
#include <set>
#include <switchboard/coroutine.hpp>
#include <switchboard/reactor.hpp>

using namespace switchboard;

namespace {

struct Member {
    Stream& peer;
    std::set<Member*>& room;
    std::deque<std::string> inbox = {};

    Member(Stream& stream, std::set<Member*>& others) : peer(stream), room(others) {
        room.insert(this);
    }
    Member(const Member&) = delete;
    ~Member() { room.erase(this); }  // however the connection ends
};

Task<> listen_to(Stream& peer, Member& self) {
    while (const auto line = co_await peer.read_until("\n")) {
        for (Member* each : self.room) {
            if (each == &self) continue;
            each->inbox.emplace_back(as_text(*line));
            each->peer.wake();
        }
    }
}

Task<> tell(Stream& peer, Member& self) {
    while (!peer.stopping()) {
        while (!self.inbox.empty()) {
            const std::string line = std::move(self.inbox.front());
            self.inbox.pop_front();
            if (!peer.write(line)) co_await peer.drain();
        }
        co_await peer.wait();
    }
}

Task<> member(Stream& peer, std::set<Member*>& room) {
    Member self(peer, room);
    co_await first_of(listen_to(peer, self), tell(peer, self));
}

}  // namespace

int main() {
    std::set<Member*> room;
    Reactor reactor;
    const auto session = [&room](Stream& peer) { return member(peer, room); };
    const auto listening = reactor.listen(Endpoint::tcp("127.0.0.1", 0), coroutine(session));
    if (!listening) return std::cerr << listening.error().message() << "\n", 1;
    std::cout << "listening on " << listening->local.to_string() << std::endl;
    reactor.run();
}
