// OpenSSL without memory: one of its allocations fails, each time another one.
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <array>
#include <cstdlib>
#include <utility>

#include "tickets.hpp"
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

// Calls `action` again and again. Each time another allocation of it fails, `step` after the one before,
// until it has no more.
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

using MacContext = std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

MacContext new_hmac() {
    EVP_MAC* const hmac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
    MacContext made(EVP_MAC_CTX_new(hmac), EVP_MAC_CTX_free);
    EVP_MAC_free(hmac);
    return made;
}

// Seals tickets; has what that needs before memory runs out.
struct Sealer {
    CipherContext cipher{EVP_CIPHER_CTX_new(), EVP_CIPHER_CTX_free};
    MacContext mac = new_hmac();

    // The name that the tickets of now have; it comes from the same secret as their keys. Empty: none is
    // made.
    std::string name_of(tls::detail::Tickets& tickets) {
        std::array<unsigned char, 16> name{}, iv{};
        try {
            if (tickets.use(name.data(), iv.data(), cipher.get(), mac.get(), true, true) != 1)
                return "";
        } catch (const std::bad_alloc&) {
            return "";
        }
        return {reinterpret_cast<const char*>(name.data()), name.size()};
    }
};

}  // namespace

TEST_CASE("TLS tickets: if memory runs out at the change of a period, no key becomes known") {
    std::chrono::system_clock::time_point now{std::chrono::seconds(1'767'300'000)};
    const auto tickets = [&] {
        return std::make_unique<tls::detail::Tickets>(std::string(32, 's'), 1h,
                                                      [&] { return now; });
    };
    now += 1h;
    const std::string right = Sealer().name_of(*tickets());
    int failed = 0;
    without_each_allocation(1, [&] {
        const long left = std::exchange(allocations_left, -1);
        now -= 1h;
        const auto changes = tickets();
        now += 1h;
        Sealer sealer;
        allocations_left = left;
        const std::string name = sealer.name_of(*changes);
        const long unused = std::exchange(allocations_left, -1);
        CHECK((name.empty() || name == right));
        CHECK(Sealer().name_of(*changes) == right);
        if (name.empty()) ++failed;
        allocations_left = unused;
    });
    CHECK(failed > 3);
}

TEST_CASE("TLS: if an allocation of OpenSSL fails, only its connection ends") {
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
    without_each_allocation(23, [&] { once(fresh); });
    CHECK(ended > 5);
    const auto client = make_client(with);
    once(client);
    without_each_allocation(23, [&] { once(client); });  // resumed, if the last one was whole
    const int before = whole;
    once(client);
    CHECK(whole == before + 1);
}

TEST_CASE("TLS: without memory no Server and no Client is made, and the reason is told") {
    tls::ServerOptions options;
    options.common.trust_pem = authority().pem();
    options.clients = tls::ClientCertificates::required;
    options.certificates = {server_certificate()};
    without_each_allocation(7, [&] {
        if (const auto made = tls::Server::make(options); !made)
            CHECK(made.error().context() != "");
    });
    tls::ClientOptions with{.certificates = {server_certificate()}};
    with.common.trust_pem = authority().pem();
    with.common.protocols = {"a"};
    without_each_allocation(7, [&] {
        if (const auto made = tls::Client::make(with); !made) CHECK(made.error().context() != "");
    });
    CHECK(tls::Server::make(options));
    CHECK(tls::Client::make(with));
}
