// Misbehaving peers: they never read, reset, half-close, or send byte by byte.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <switchboard/reactor_stats.hpp>

#include <vector>

#include "counting_memory.hpp"
#include "turns.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t kMiB = 1024 * 1024;

// More than the system's buffers for a connection hold. The queue may grow to this size.
constexpr std::size_t kBig = 32 * kMiB;

ListenOptions roomy() {
    ListenOptions options;
    options.connection.max_write_buffer = 2 * kBig;
    return options;
}

void set_buffer(int fd, int option, int size) {
    REQUIRE(::setsockopt(fd, SOL_SOCKET, option, &size, sizeof size) == 0);
}

char byte_at(std::size_t position) {
    return static_cast<char>((position * 2654435761U) >> 13);
}

std::string pattern(std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i) text[i] = byte_at(i);
    return text;
}

// Sends `size` bytes, then a FIN.
struct Producer {
    explicit Producer(std::size_t count) : text(pattern(count)) {}
    void operator()(Connection& c) {
        for (bool more = true; more && sent < text.size();) {
            const auto chunk = std::string_view(text).substr(sent, 16 * 1024);
            sent += chunk.size();
            more = c.write(chunk);
        }
        if (sent == text.size()) c.shutdown_write();
    }
    std::string text;
    std::size_t sent = 0;
};

}  // namespace

TEST_CASE("reactor: a peer that sends and never reads costs bounded memory, and is aborted") {
    CountingMemory memory;
    Reactor reactor({.memory = &memory});
    ListenOptions options;
    options.connection.write_stall_timeout = 200ms;
    ConnectionEnd ending;
    const Listening listening = listen_on(
        reactor,
        callbacks([&] { return Callbacks{.on_data = echo_back, .on_close = ending.note()}; }),
        options);
    const FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    const std::size_t before = memory.most = memory.lent;
    const std::string data(64 * 1024, 'x');
    std::size_t sent = 0, queued = 0;
    run_until(reactor, [&] {
        if (sent < 64 * kMiB) sent += client.send(data);
        queued = std::max(queued, collect_stats(reactor).queued_bytes);
        return ending.came;
    });
    CHECK(queued > 0);
    CHECK(queued <= 128 * 1024);                // high_water and one read
    CHECK(memory.most - before <= 512 * 1024);  // the queue is in chunks
    CHECK(sent < 64 * kMiB);                    // the reactor stopped reading
    CHECK(ending.reason == make_error_code(errc::write_stalled));
    CHECK(collect_stats(reactor).queued_bytes == 0);
}

TEST_CASE(
    "reactor: a handler that writes on and on in spite of backpressure loses its connection") {
    Reactor reactor;
    ConnectionEnd ending;
    int refused = 0;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_data =
                                           [&](Connection& c, MutableBytes in) {
                                               const std::string piece(100'000, 'x');
                                               for (int i = 0; i < 200; ++i)
                                                   refused += !c.write(piece);
                                               return in.size();
                                           },
                                       .on_close = ending.note()};
                  }));
    FarEnd client(listening.local);
    client.send("go");
    run_until(reactor, [&] { return ending.came; });
    CHECK(ending.reason == make_error_code(errc::write_queue_full));
    CHECK(refused > 100);
    CHECK(collect_stats(reactor).queued_bytes == 0);
    run_until(reactor, [&] {
        client.read();
        return client.over();
    });
    CHECK(client.error == std::errc::connection_reset);
}

TEST_CASE("reactor: on_writable comes when the queue is low, each time after it was high") {
    Reactor reactor;
    std::size_t drains = 0, highest_at_drain = 0;
    Producer produce(3 * kMiB);
    const Listening listening = listen_on(
        reactor, callbacks([&] {
            return Callbacks{.on_open = [&](Connection& c) { produce(c); },
                             .on_writable =
                                 [&](Connection& c) {
                                     ++drains;
                                     highest_at_drain = std::max(
                                         highest_at_drain, collect_stats(reactor).queued_bytes);
                                     produce(c);
                                 }};
        }));
    FarEnd client(listening.local);
    client.read_to_end(reactor);
    CHECK(client.received == pattern(3 * kMiB));
    CHECK(drains > 3);
    CHECK(highest_at_drain <= ConnectionLimits{}.low_water);
}

TEST_CASE("reactor: a small high-water mark, small socket buffers, one byte at a time") {
    Reactor reactor;
    ListenOptions options;
    options.connection.high_water = 100;
    options.connection.low_water = 10;
    const Listening listening = listen_on(reactor, echo_factory(), options);
    FarEnd client(listening.local);
    set_buffer(client.socket.fd(), SO_RCVBUF, 1);
    set_buffer(client.socket.fd(), SO_SNDBUF, 1);
    const std::string all = pattern(1000);
    std::size_t sent = 0;
    run_until(reactor, [&] {
        if (sent < all.size()) sent += client.send(std::string_view(all).substr(sent, 1));
        client.read(1);
        return client.received.size() == all.size();
    });
    CHECK(client.received == all);
}

TEST_CASE(
    "reactor: short writes through small buffers keep the order of pieces, buffers and files") {
    const TempDir dir;
    const std::string in_file = pattern(200'000);
    {
        const Socket file(::open((dir / "file").c_str(), O_CREAT | O_WRONLY, 0600));
        REQUIRE(::write(file.fd(), in_file.data(), in_file.size()) == 200'000);
    }
    const auto file = File::open(dir / "file").value();
    const auto shared = std::make_shared<const std::vector<std::byte>>(70'000, std::byte{'s'});
    const std::string big(150'000, 'b');
    std::string expected;
    for (int i = 0; i < 3; ++i) {
        expected += "head" + std::string(70'000, 's') + "mid" + in_file.substr(100) + big + "end";
    }
    const TempDir at;
    for (const bool unix_socket : {false, true}) {
        CAPTURE(unix_socket);
        Reactor reactor;
        ListenOptions options;
        options.connection.read_budget = 20'000;  // also limits what one turn flushes
        const Listening listening =
            listen_on(reactor, callbacks([&] {
                          return Callbacks{.on_open = [&](Connection& c) {
                              for (int i = 0; i < 3; ++i) {
                                  c.write("head");
                                  c.write_shared(shared);
                                  c.write("mid");
                                  c.send_file({file, 100, in_file.size() - 100});
                                  c.write(big);
                                  c.write("end");
                              }
                              c.close();
                          }};
                      }),
                      options, unix_socket ? "unix:" + (at / "socket") : "127.0.0.1:0");
        FarEnd client(listening.local);
        if (!unix_socket) set_buffer(client.socket.fd(), SO_RCVBUF, 32 * 1024);
        client.read_to_end(reactor);
        CHECK(client.eof);
        CHECK((client.received == expected));
    }
}

TEST_CASE("reactor: a file that ends too early resets the peer") {
    const TempDir dir;
    {
        const Socket file(::open((dir / "file").c_str(), O_CREAT | O_WRONLY, 0600));
        REQUIRE(::write(file.fd(), "short", 5) == 5);
    }
    const auto file = File::open(dir / "file").value();
    Reactor reactor;
    ConnectionEnd ending;
    const Listening listening = listen_on(reactor, callbacks([&] {
                                              return Callbacks{.on_open =
                                                                   [&](Connection& c) {
                                                                       c.send_file({file, 0, 100});
                                                                   },
                                                               .on_close = ending.note()};
                                          }));
    FarEnd client(listening.local);
    client.read_to_end(reactor);
    CHECK(ending.reason == make_error_code(errc::file_too_short));
    CHECK(client.error == std::errc::connection_reset);
}

TEST_CASE("reactor: the peer's reset ends the connection, whatever it was doing") {
    Reactor reactor;
    ConnectionEnd ending;
    Callbacks handler{.on_close = ending.note()};
    SUBCASE("idle") {}
    SUBCASE("with bytes queued") {
        handler.on_open = [](Connection& c) { c.write(std::string(kBig, 'x')); };
    }
    SUBCASE("queued, and paused") {
        handler.on_open = [](Connection& c) {
            c.write(std::string(kBig, 'x'));
            c.pause_reading();
        };
    }
    SUBCASE("closing") {
        handler.on_open = [](Connection& c) {
            c.write(std::string(kBig, 'x'));
            c.close();
        };
    }
    const Listening listening = listen_on(reactor, callbacks([&] { return handler; }), roomy());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    client.socket.reset_on_close();
    client.socket.close();
    run_until(reactor, [&] { return ending.came; });
    CHECK(ending.reason == std::errc::connection_reset);
    CHECK(collect_stats(reactor).open == 0);
}

TEST_CASE("reactor: the reason of a handler's close is not hidden by the peer's reset") {
    Reactor reactor;
    ConnectionEnd ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open =
                                           [](Connection& c) {
                                               c.write(std::string(kBig, 'x'));
                                               c.close(errc::malformed_message);
                                           },
                                       .on_close = ending.note()};
                  }),
                  roomy());
    FarEnd client(listening.local);
    run_until(reactor, [&] { return collect_stats(reactor).accepted == 1; });
    client.socket.reset_on_close();
    client.socket.close();
    run_until(reactor, [&] { return ending.came; });
    CHECK(ending.reason == make_error_code(errc::malformed_message));
}

TEST_CASE("reactor: after the peer's half-close, everything is still answered") {
    Reactor reactor;
    const Listening listening = listen_on(reactor, echo_factory());
    FarEnd client(listening.local);
    const std::string all = pattern(2 * kMiB);
    std::size_t sent = 0;
    run_until(reactor, [&] {
        if (sent < all.size()) sent += client.send(std::string_view(all).substr(sent));
        client.read();
        return sent == all.size();
    });
    REQUIRE(client.socket.shutdown_write());
    client.read_to_end(reactor);
    CHECK(client.eof);
    CHECK((client.received == all));
}

TEST_CASE("reactor: after the handler's half-close, it still reads") {
    Reactor reactor;
    std::size_t got = 0;
    ConnectionEnd ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open =
                                           [](Connection& c) {
                                               c.write(std::string(300'000, 'x'));
                                               c.shutdown_write();
                                               CHECK_FALSE(c.write("too late"));
                                               c.shutdown_write();
                                           },
                                       .on_data =
                                           [&](Connection&, MutableBytes in) {
                                               got += in.size();
                                               return in.size();
                                           },
                                       .on_close = ending.note()};
                  }));
    FarEnd client(listening.local);
    client.read_to_end(reactor);
    CHECK(client.received.size() == 300'000);
    CHECK_FALSE(ending.came);
    client.send("after the end");
    run_until(reactor, [&] { return got == 13; });
    client.socket.close();
    run_until(reactor, [&] { return ending.came; });
    CHECK(ending.reason == std::error_code());
}

TEST_CASE("reactor: input after a close does not destroy the reply") {
    Reactor reactor;
    ConnectionEnd ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_data =
                                           [](Connection& c, MutableBytes) {
                                               c.write("bad request");
                                               c.close(errc::malformed_message);
                                               return std::size_t{1};
                                           },
                                       .on_close = ending.note()};
                  }));
    FarEnd client(listening.local);
    client.send(std::string(500'000, 'x'));
    client.read_to_end(reactor);
    CHECK(client.eof);
    CHECK(client.received == "bad request");
    client.socket.close();
    run_until(reactor, [&] { return ending.came; });
    CHECK(ending.reason == make_error_code(errc::malformed_message));
}

TEST_CASE("reactor: close is bounded by close_timeout, and zero means no limit") {
    Reactor reactor;
    ListenOptions options = roomy();
    SUBCASE("a peer that does not read") {
        options.connection.close_timeout = 40ms;
    }
    SUBCASE("for ever") {
        options.connection.close_timeout = 0ms;
    }
    ConnectionEnd ending;
    const Listening listening =
        listen_on(reactor, callbacks([&] {
                      return Callbacks{.on_open =
                                           [](Connection& c) {
                                               c.write(std::string(kBig, 'x'));
                                               c.close();
                                           },
                                       .on_close = ending.note()};
                  }),
                  options);
    FarEnd client(listening.local);
    if (options.connection.close_timeout > 0ms) {
        run_until(reactor, [&] { return ending.came; });
        CHECK(ending.reason == make_error_code(errc::close_timed_out));
    } else {
        run_for(reactor, 50ms);
        CHECK_FALSE(ending.came);
        client.read_to_end(reactor);
        CHECK(client.received.size() == kBig);
        run_until(reactor, [&] { return ending.came; });
        CHECK(ending.reason == std::error_code());
    }
}
