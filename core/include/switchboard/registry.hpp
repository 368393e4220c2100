// Which protocols a program has, by name. Built in main and passed on; there is no global one.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

class Reactor;

// "--option name=value" as the protocol's maker reads it. What is not read is an error: a misspelt
// option must not be silently without effect.
class Options {
public:
    Options() = default;
    using Map = std::map<std::string, std::string, std::less<>>;
    explicit Options(Map values) : values_(std::move(values)) {}
    static Result<Options> parse(const std::vector<std::string>& assignments);  // "name=value" each

    // The value and whether it was given. A second parse of the value is the maker's.
    const std::string* find(std::string_view name) const;
    std::string text(std::string_view name, const std::string& fallback) const;
    Result<std::size_t> size(std::string_view name, std::size_t fallback) const;  // parse_size
    Result<void> only(std::initializer_list<std::string_view> known) const;  // errc::bad_option

private:
    Map values_;
};

// What a maker may use besides its options.
struct ProtocolContext {
    Reactor* reactor = nullptr;  // null under a driver that has none
    Limits limits;
};

struct Registration {
    std::string name;     // "echo"; lower case, no spaces
    std::string summary;  // one line, with the source: "sends back what it gets (RFC 862)"
    std::string options;  // one line: "target=ENDPOINT", or empty
    bool needs_reactor = false;
    bool one_reactor = false;  // its connections reach each other: not for several reactors
    // Either may be empty: a protocol has a form for streams, for datagrams, or both.
    std::function<Result<ProtocolFactory>(const Options&, const ProtocolContext&)> make = {};
    std::function<Result<std::unique_ptr<DatagramProtocol>>(const Options&, const ProtocolContext&)>
        make_datagram = {};
};

class Registry {
public:
    void add(Registration registration);  // a name given twice asserts
    const Registration* find(std::string_view name) const;
    const std::vector<Registration>& all() const noexcept { return registrations_; }

    // The factory of `name`; errc::unknown_protocol (the message lists what there is),
    // errc::needs_reactor, errc::unsupported (it has no form for streams), errc::bad_option, or the
    // maker's own error. Opens nothing.
    Result<ProtocolFactory> make(std::string_view name, const Options& options,
                                 const ProtocolContext& context) const;
    // The same for its form for datagrams; one protocol serves one socket. errc::unsupported: it has
    // no such form.
    Result<std::unique_ptr<DatagramProtocol>> make_datagram(std::string_view name,
                                                            const Options& options,
                                                            const ProtocolContext& context) const;

private:
    Result<const Registration*> choose(std::string_view name, const ProtocolContext& context) const;

    std::vector<Registration> registrations_;
};

}  // namespace switchboard
