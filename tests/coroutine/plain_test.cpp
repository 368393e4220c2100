#include "plain.hpp"

#include "../support/conforms.hpp"
#include "../support/turns.hpp"

using namespace switchboard;
using namespace switchboard::test;

TEST_CASE("coroutine: sessions and clients without exceptions and run-time types") {
    CHECK(testing::deliver(plain_lines(), "a\nb\n").output == "plain a\nplain b\n");
    conforms(plain_lines(), "one\ntwo\nthree");
    Reactor reactor;
    const auto server = listen_on(reactor, plain_lines());
    std::string answer;
    Tasks tasks(reactor);
    tasks.start(plain_ask(reactor, server.local, answer));
    run_until(reactor, [&] { return tasks.running() == 0; });
    CHECK(answer == "plain line\n");
}
