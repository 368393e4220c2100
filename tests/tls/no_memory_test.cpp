// OpenSSL without memory: each of its allocations fails once.
#include <openssl/crypto.h>
#include <openssl/err.h>

#include <cstdlib>

#include "tls_ends.hpp"

using namespace switchboard;
using namespace switchboard::test;
using namespace std::chrono_literals;

namespace {

// Allocations of this thread until one fails; negative: none does.
thread_local long allocations_left = -1;

bool is_due() {
    return allocations_left >= 0 && allocations_left-- == 0;
}

void* allocate(std::size_t size, const char*, int) {
    return is_due() ? nullptr : std::malloc(size);
}
void release(void* memory, const char*, int) {
    std::free(memory);
}
void* resize(void* memory, std::size_t size, const char*, int) {
    if (size != 0) return is_due() ? nullptr : std::realloc(memory, size);
    std::free(memory);
    return nullptr;
}

// OpenSSL takes these functions only before its first allocation.
const bool replaced = CRYPTO_set_mem_functions(allocate, resize, release) == 1;

// Calls `action` again and again. Each time another allocation of it fails, until it has no more.
template <class Action>
void without_each_allocation(long step, Action action) {
    REQUIRE(replaced);
    bool failed = true;
    for (long n = 0; failed; n += step) {
        CAPTURE(n);
        allocations_left = n;
        action();
        failed = allocations_left < 0;
        allocations_left = -1;
        ERR_clear_error();
    }
}

}  // namespace

TEST_CASE("TLS: whichever allocation of OpenSSL fails, only its connection ends") {
    tls::ServerOptions options;
    options.common.trust_pem = authority().pem();
    options.common.protocols = {"a"};
    options.clients = tls::ClientCertificates::optional;
    const auto server = make_server(options);
    tls::ClientOptions with{.certificates = {authority().issue({.subject = "alice"})}};
    with.common.protocols = {"a"};
    with.max_sessions = 0;
    const auto fresh = make_client(with);
    with.max_sessions = 256;
    int whole = 0, ended = 0;
    const auto once = [&](const tls::Client& client) {
        Seen here, there;
        testing::MemoryDriver driver;
        driver.join(
            client.wrap("server.example", end(here, {.sends = "hello", .ends_output = true})()),
            server.wrap(end(there, {.echoes = true}))());
        driver.run();
        driver.advance(20s);
        CHECK(driver.open() == 0);
        CHECK(here.closed);
        CHECK((here.text == "hello" || here.reason || there.reason));
        here.text == "hello" ? ++whole : ++ended;
    };
    once(make_client(with));
    CHECK(whole == 1);
    without_each_allocation(11, [&] { once(fresh); });
    CHECK(ended > 10);
    const auto client = make_client(with);
    once(client);
    without_each_allocation(11, [&] { once(client); });  // resumed, if the last one was whole
    const int before = whole;
    once(client);
    CHECK(whole == before + 1);
}

TEST_CASE("TLS: without memory no Server and no Client is made, and the reason is told") {
    tls::ServerOptions options;
    options.common.trust_pem = authority().pem();
    options.clients = tls::ClientCertificates::required;
    options.certificates = {server_certificate()};
    without_each_allocation(2, [&] {
        if (const auto made = tls::Server::make(options); !made)
            CHECK(made.error().message() != "");
    });
    tls::ClientOptions with{.certificates = {server_certificate()}};
    with.common.trust_pem = authority().pem();
    with.common.protocols = {"a"};
    without_each_allocation(2, [&] {
        if (const auto made = tls::Client::make(with); !made) CHECK(made.error().message() != "");
    });
    CHECK(tls::Server::make(options));
    CHECK(tls::Client::make(with));
}
