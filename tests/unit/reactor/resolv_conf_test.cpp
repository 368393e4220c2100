#include "resolve/resolv_conf.hpp"

#include <doctest/doctest.h>

using namespace std::chrono_literals;
using switchboard::detail::names_to_ask;
using switchboard::detail::parse_resolv_conf;
using switchboard::detail::ResolvConf;

namespace {

using Texts = std::vector<std::string>;

ResolvConf parsed(std::string_view text) {
    return parse_resolv_conf(text, {.host_name = "host.home.test"});
}

}  // namespace

TEST_CASE("resolv.conf: the first three servers of either family, and invalid ones are skipped") {
    CHECK(parsed("nameserver 192.0.2.1\n# nameserver 192.0.2.9\nnameserver\t::1 # here\n"
                 "nameserver nonsense\n nameserver 192.0.2.8\nnameserver fe80::1%eth0\n"
                 "nameserver 192.0.2.4")
              .servers == Texts{"192.0.2.1", "::1", "fe80::1"});
    CHECK(parsed("nameserver 127.1\r\n").servers == Texts{"127.0.0.1"});
    CHECK(parsed("").servers.empty());
}

TEST_CASE("resolv.conf: the last domain or search line counts, otherwise the host's domain") {
    CHECK(parsed("search a.test b.test\ndomain c.test\n").search == Texts{"c.test"});
    CHECK(parsed("domain c.test\nsearch a.test. .b.test\t.\n").search ==
          Texts{"a.test", "b.test", ""});
    CHECK(parsed("search\nsearching a.test\n").search == Texts{"home.test"});
    CHECK(parse_resolv_conf("", {.host_name = "host"}).search.empty());
}

TEST_CASE("resolv.conf: LOCALDOMAIN replaces the search list, and RES_OPTIONS is applied last") {
    const ResolvConf conf = parse_resolv_conf("search a.test\noptions ndots:2 rotate\n",
                                              {"b.test c.test", "ndots:3", "host.home.test"});
    CHECK(conf.search == Texts{"b.test", "c.test"});
    CHECK(conf.ndots == 3);
    CHECK(conf.rotate);
    CHECK(parse_resolv_conf("search a.test\n", {"", nullptr, "host.home.test"}).search.empty());
}

TEST_CASE("resolv.conf: options, within glibc's bounds") {
    const ResolvConf plain = parsed("options edns0 trust-ad\n");
    CHECK((plain.ndots == 1 && plain.timeout == 0s && plain.attempts == 0));
    CHECK_FALSE((plain.rotate || plain.use_tcp || plain.no_aaaa || plain.no_tld_query));
    const ResolvConf all = parsed(
        "options ndots:99 timeout:99 attempts:99 rotate use-vc\n"
        "options no-aaaa no-tld-query\n");
    CHECK((all.ndots == 15 && all.timeout == 30s && all.attempts == 5));
    CHECK((all.rotate && all.use_tcp && all.no_aaaa && all.no_tld_query));
    const ResolvConf least = parsed("options ndots:0 timeout:0 attempts:x\n");
    CHECK((least.ndots == 0 && least.timeout == 1s && least.attempts == 1));
    CHECK(parsed("options timeout:99999999999999999999\n").timeout == 30s);
}

TEST_CASE("resolv.conf: the names to ask for, in order") {
    const auto names = [](const std::string& name, std::string_view text) {
        return names_to_ask(name, parse_resolv_conf(text, {}));
    };
    CHECK(names("a", "") == Texts{"a."});
    CHECK(names("a", "search x y") == Texts{"a.x.", "a.y.", "a."});
    CHECK(names("a.b", "search x y") == Texts{"a.b.", "a.b.x.", "a.b.y."});
    CHECK(names("a.b", "search x\noptions ndots:2") == Texts{"a.b.x.", "a.b."});
    CHECK(names("a", "search x\noptions ndots:0") == Texts{"a.", "a.x."});
    CHECK(names("a.", "search x") == Texts{"a."});
    CHECK(names("a", "search .") == Texts{"a."});
    CHECK(names("a", "search . x") == Texts{"a.", "a.x."});
    CHECK(names("a", "search x\noptions no-tld-query") == Texts{"a.x."});
    CHECK(names("a", "options no-tld-query") == Texts{"a."});
}
