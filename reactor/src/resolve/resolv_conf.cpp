#include "resolv_conf.hpp"

#include <arpa/inet.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "base/parse_number.hpp"

namespace switchboard::detail {
namespace {

// As in glibc's resolv.h.
constexpr std::size_t kMostServers = 3;
constexpr int kMostDots = 15, kMostSeconds = 30, kMostAttempts = 5;

using Words = std::vector<std::string_view>;

Words words_of(std::string_view line) {
    constexpr std::string_view blanks = " \t\r";
    Words words;
    for (;;) {
        line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
        if (line.empty()) return words;
        const std::size_t size = std::min(line.find_first_of(blanks), line.size());
        words.push_back(line.substr(0, size));
        line.remove_prefix(size);
    }
}

// Reads the number like glibc, which uses atoi(3).
int bounded(std::string_view text, int least, int most) {
    const auto digits = text.substr(0, text.find_first_not_of("0123456789"));
    if (digits.empty()) return least;
    return std::clamp(number<int>(digits).value_or(most), least, most);
}

void set_option(ResolvConf& conf, std::string_view word) {
    const auto value_of = [&](std::string_view name) { return word.substr(name.size()); };
    if (word.starts_with("ndots:")) conf.ndots = bounded(value_of("ndots:"), 0, kMostDots);
    if (word.starts_with("timeout:"))
        conf.timeout = std::chrono::seconds(bounded(value_of("timeout:"), 1, kMostSeconds));
    if (word.starts_with("attempts:"))
        conf.attempts = bounded(value_of("attempts:"), 1, kMostAttempts);
    conf.rotate |= word == "rotate";
    conf.use_tcp |= word == "use-vc";
    conf.no_aaaa |= word == "no-aaaa";
    conf.no_tld_query |= word == "no-tld-query" || word == "no_tld_query";
}

void add_server(ResolvConf& conf, const std::string& text) {
    in_addr ipv4{};
    in6_addr ipv6{};
    const std::string address = text.substr(0, text.find('%'));
    std::array<char, INET6_ADDRSTRLEN> plain{};
    if (conf.servers.size() == kMostServers) return;
    if (inet_aton(text.c_str(), &ipv4) != 0) {
        conf.servers.emplace_back(inet_ntop(AF_INET, &ipv4, plain.data(), plain.size()));
    } else if (inet_pton(AF_INET6, address.c_str(), &ipv6) == 1) {
        conf.servers.push_back(address);
    }
}

std::vector<std::string> domains(const Words& words) {
    std::vector<std::string> all;
    for (std::string_view word : words) {
        if (word.starts_with('.')) word.remove_prefix(1);
        if (word.ends_with('.')) word.remove_suffix(1);
        all.emplace_back(word);
    }
    return all;
}

void read_line(ResolvConf& conf, std::string_view line, bool may_search) {
    if (line.starts_with('#') || line.starts_with(';')) return;
    Words words = words_of(line);
    if (words.size() < 2 || line.starts_with(' ') || line.starts_with('\t')) return;
    const std::string_view what = words.front();
    words.erase(words.begin());
    if (what == "nameserver") add_server(conf, std::string(words.front()));
    if (what == "domain" && may_search) conf.search = domains({words.front()});
    if (what == "search" && may_search) conf.search = domains(words);
    if (what != "options") return;
    for (const std::string_view word : words) set_option(conf, word);
}

}  // namespace

// The last "domain" or "search" line counts. Without one, the domain of the host's name is used.
ResolvConf parse_resolv_conf(std::string_view text, const ResolvEnvironment& environment) {
    ResolvConf conf;
    const char* const local = environment.local_domain;
    if (local != nullptr) conf.search = domains(words_of(local));
    while (!text.empty()) {
        const std::size_t size = std::min(text.find('\n'), text.size());
        read_line(conf, text.substr(0, size), local == nullptr);
        text.remove_prefix(std::min(size + 1, text.size()));
    }
    const std::size_t dot = environment.host_name.find('.');
    if (conf.search.empty() && local == nullptr && dot != std::string::npos)
        conf.search = domains({std::string_view(environment.host_name).substr(dot + 1)});
    if (environment.options != nullptr)
        for (const std::string_view word : words_of(environment.options)) set_option(conf, word);
    return conf;
}

ResolvConf read_resolv_conf() {
    std::ostringstream text;
    text << std::ifstream("/etc/resolv.conf", std::ios::binary).rdbuf();
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return parse_resolv_conf(text.str(),
                             {std::getenv("LOCALDOMAIN"), std::getenv("RES_OPTIONS"), host.data()});
}

std::vector<std::string> names_to_ask(const std::string& name, const ResolvConf& conf) {
    if (name.ends_with('.')) return {name};
    const auto dots = std::count(name.begin(), name.end(), '.');
    const std::string as_it_stands = name + '.';
    std::vector<std::string> all;
    const auto add = [&](const std::string& next) {
        if (std::find(all.begin(), all.end(), next) == all.end()) all.push_back(next);
    };
    if (dots >= conf.ndots) add(as_it_stands);
    for (const std::string& domain : conf.search)
        add(domain.empty() ? as_it_stands : as_it_stands + domain + '.');
    if (dots > 0 || all.empty() || !conf.no_tld_query) add(as_it_stands);
    return all;
}

}  // namespace switchboard::detail
