#include <doctest/doctest.h>

#include <switchboard/options.hpp>

using namespace switchboard;
using namespace std::chrono_literals;
using OptionType = OptionSpec::Type;

namespace {

const std::vector<OptionSpec> kAll{
    {.name = "root", .help = "a folder", .placeholder = "DIR"},
    {.name = "gzip", .help = "compress", .type = OptionType::flag, .fallback = "no"},
    {.name = "level",
     .help = "how much",
     .type = OptionType::integer,
     .fallback = "0",
     .least = -3,
     .most = 9},
    {.name = "size", .help = "bytes", .type = OptionType::size, .fallback = "64", .most = 1024},
    {.name = "after",
     .help = "a time",
     .type = OptionType::duration,
     .fallback = "5s",
     .least = 10},
    {.name = "target", .help = "a server", .type = OptionType::endpoint, .fallback = "unix:/s"},
    {.name = "mode",
     .help = "how",
     .type = OptionType::choice,
     .fallback = "safe",
     .choices = {"fast", "safe"}},
};

Options given(Options::Map values) {
    values.emplace("root", "/");
    return Options(std::move(values));
}

std::string complaint(Options::Map values) {
    const auto options = given(std::move(values)).checked(kAll);
    if (options) return "";
    CHECK(options.error() == errc::bad_option);
    return options.error().context();
}

}  // namespace

TEST_CASE("options: name=value, once each") {
    const auto options = Options::parse({"target=tcp://h:1?a=b", "empty=", "size=2k"});
    REQUIRE(options);
    CHECK(options->text("target") == "tcp://h:1?a=b");
    CHECK(options->text("empty").empty());
    CHECK(Options::parse({"text"}).error().message() ==
          "option \"text\": must be name=value: bad option");
    CHECK(Options::parse({"=1"}).error() == errc::bad_option);
    CHECK(Options::parse({"a=1", "a=2"}).error().message() ==
          "option a: given more than once: bad option");
}

TEST_CASE("options: the value of each type") {
    const auto options = given({{"gzip", "yes"},
                                {"level", "-3"},
                                {"size", "1k"},
                                {"after", "10ms"},
                                {"target", "tcp://[::1]:80"},
                                {"mode", "fast"}})
                             .checked(kAll);
    REQUIRE(options);
    CHECK(options->text("root") == "/");
    CHECK(options->flag("gzip"));
    CHECK(options->integer("level") == -3);
    CHECK(options->size("size") == 1024);
    CHECK(options->duration("after") == 10ms);
    CHECK(options->endpoint("target").to_string() == "tcp://[::1]:80");
    CHECK(options->choice("mode") == 0);
    CHECK(options->text("mode") == "fast");
}

TEST_CASE("options: what is not given has its fallback, and a required one is an error") {
    const auto options = given({}).checked(kAll);
    REQUIRE(options);
    CHECK_FALSE(options->flag("gzip"));
    CHECK(options->size("size") == 64);
    CHECK(options->duration("after") == 5s);
    CHECK(options->choice("mode") == 1);
    CHECK(Options().checked(kAll).error().context() == "option root=DIR is missing");
    CHECK(Options().checked({}));
}

TEST_CASE("options: a value that is invalid or out of range is named, with what is allowed") {
    CHECK(complaint({{"sise", "1"}}) ==
          "option sise: no such option; available: root, gzip, level, size, after, target, mode");
    CHECK(complaint({{"gzip", "1"}}) == "option gzip: invalid value \"1\"; available: no, yes");
    CHECK(complaint({{"mode", ""}}) == "option mode: invalid value \"\"; available: fast, safe");
    CHECK(complaint({{"level", "ten"}}) == "option level: \"ten\" is not an integer");
    CHECK(complaint({{"level", "1x"}}) == "option level: \"1x\" is not an integer");
    CHECK(complaint({{"level", "99999999999999999999"}}) ==
          "option level: \"99999999999999999999\" is not an integer");
    CHECK(complaint({{"level", "-4"}}) == "option level: must be at least -3");
    CHECK(complaint({{"level", "10"}}) == "option level: must be at most 9");
    CHECK(complaint({{"size", "2k"}}) == "option size: must be at most 1024");
    CHECK(complaint({{"size", "big"}}) ==
          "option size: \"big\" is not a size like 65536, 64k or 1M");
    CHECK(complaint({{"size", "18446744073709551615"}}) ==
          "option size: \"18446744073709551615\" is too large");
    CHECK(complaint({{"size", "9223372036854775808"}}).ends_with("is too large"));
    CHECK(complaint({{"after", "9ms"}}) == "option after: must be at least 10ms");
    const auto nowhere = given({{"target", "nowhere"}}).checked(kAll);
    CHECK(nowhere.error() == errc::bad_endpoint);
    CHECK(nowhere.error().context().starts_with("option target: "));
    CHECK(Options(Options::Map{{"a", ""}}).checked({}).error().context() ==
          "option a: no such option; it has none");
}

TEST_CASE("options: a value that does not exist or is not checked is not made up") {
    CHECK_THROWS_AS((void)given({{"size", "1"}}).size("size"), std::logic_error);
    CHECK_THROWS_AS((void)given({}).checked(kAll)->text("none"), std::logic_error);
}

TEST_CASE("options: the usage shows the kind of the value") {
    std::string all;
    for (const OptionSpec& spec : kAll) all += spec.usage() + " ";
    CHECK(all ==
          "root=DIR gzip=yes|no level=N size=SIZE after=DURATION target=ENDPOINT mode=fast|safe ");
}
