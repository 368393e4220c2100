#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/registry.hpp>

using namespace switchboard;

namespace {

Registration registration(std::string name, bool needs_reactor = false) {
    return {.name = std::move(name),
            .summary = "does nothing",
            .options = "size=SIZE",
            .needs_reactor = needs_reactor,
            .make = [](const Options& options, const ProtocolContext&) -> Result<ProtocolFactory> {
                if (auto known = options.only({"size"}); !known) {
                    return tl::unexpected(known.error());
                }
                const auto size = options.size("size", 1);
                if (!size) return tl::unexpected(size.error());
                return callbacks([] { return Callbacks{}; });
            }};
}

Registry two() {
    Registry registry;
    registry.add(registration("null"));
    registry.add(registration("relay", true));
    return registry;
}

std::string complaint(const Registry& registry, std::string_view name, const Options& options) {
    const auto made = registry.make(name, options, {});
    return made ? "" : made.error().message();
}

}  // namespace

TEST_CASE("registry: makes the registered protocols, by name and in order") {
    const Registry registry = two();
    REQUIRE(registry.all().size() == 2);
    CHECK(registry.all()[0].name == "null");
    CHECK(registry.find("relay")->needs_reactor);
    CHECK(registry.find("rela") == nullptr);
    const auto factory = registry.make("null", {}, {});
    REQUIRE(factory);
    CHECK((*factory)() != nullptr);
}

TEST_CASE("registry: the error for an unknown name lists the known ones") {
    CHECK(complaint(two(), "nul", {}) == "\"nul\" (available: null, relay): unknown protocol");
    CHECK(two().make("nul", {}, {}).error() == errc::unknown_protocol);
}

TEST_CASE("registry: a protocol that needs the reactor is refused without one") {
    const Registry registry = two();
    CHECK(complaint(registry, "relay", {}) == "relay: this protocol needs the reactor driver");
    // Never used, because the factory of this test ignores it.
    auto* some = reinterpret_cast<Reactor*>(&const_cast<Registry&>(registry));
    CHECK(registry.make("relay", {}, {.reactor = some, .limits = {}}));
}

TEST_CASE("registry: errors of a factory contain the protocol's name") {
    CHECK(complaint(two(), "null", Options(Options::Map{{"sise", "1"}})) ==
          "null: option sise: no such option: bad option");
    CHECK(complaint(two(), "null", Options(Options::Map{{"size", "big"}})) ==
          "null: option size: \"big\" is not a size like 65536, 64k or 1M: bad option");
}

TEST_CASE("options: name=value, once each") {
    const auto options = Options::parse({"target=tcp://h:1?a=b", "empty=", "size=2k"});
    REQUIRE(options);
    CHECK(*options->find("target") == "tcp://h:1?a=b");
    CHECK(*options->find("empty") == "");
    CHECK(options->find("none") == nullptr);
    CHECK(options->text("none", "x") == "x");
    CHECK(options->text("empty", "x") == "");
    CHECK(options->size("size", 1).value() == 2048);
    CHECK(options->size("none", 1).value() == 1);
    CHECK(options->only({"target", "empty", "size"}));
    CHECK(options->only({"target", "empty"}).error() == errc::bad_option);

    CHECK(Options::parse({"text"}).error().message() ==
          "option \"text\": must be name=value: bad option");
    CHECK(Options::parse({"=1"}).error() == errc::bad_option);
    CHECK(Options::parse({"a=1", "a=2"}).error().message() ==
          "option a: given more than once: bad option");
}
