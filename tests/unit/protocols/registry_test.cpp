#include <doctest/doctest.h>

#include <switchboard/callbacks.hpp>
#include <switchboard/registry.hpp>

using namespace switchboard;

namespace {

Registration registration(std::string name, bool needs_reactor = false) {
    return {.name = std::move(name),
            .summary = "does nothing",
            .options = {{.name = "size",
                         .help = "bytes",
                         .type = OptionSpec::Type::size,
                         .fallback = "1"}},
            .needs_reactor = needs_reactor,
            .make = [](const Options& options, const ProtocolContext&) -> Result<ProtocolFactory> {
                if (options.size("size") == 0) return fail(errc::bad_option, "option size: is 0");
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

TEST_CASE("registry: errors of options and of a factory contain the protocol's name") {
    CHECK(complaint(two(), "null", Options(Options::Map{{"sise", "1"}})) ==
          "null: option sise: no such option; available: size: bad option");
    CHECK(complaint(two(), "null", Options(Options::Map{{"size", "0"}})) ==
          "null: option size: is 0: bad option");
    CHECK(complaint(two(), "null", Options(Options::Map{{"size", "big"}})) ==
          "null: option size: \"big\" is not a size like 65536, 64k or 1M: bad option");
}

TEST_CASE("registry: a protocol can be replaced and removed") {
    Registry registry = two();
    Registration better = registration("null");
    better.summary = "does nothing, faster";
    const auto before = registry.replace(std::move(better));
    REQUIRE(before);
    CHECK(before->summary == "does nothing");
    CHECK(registry.all()[0].summary == "does nothing, faster");
    CHECK(registry.replace(registration("other")).error() == errc::unknown_protocol);
    CHECK(registry.all().size() == 2);

    CHECK(registry.remove("null")->name == "null");
    CHECK(registry.find("null") == nullptr);
    CHECK(registry.remove("null").error().context() == "\"null\" (available: relay)");
    registry.add(registration("null"));
    CHECK(registry.make("null", {}, {}));
}
