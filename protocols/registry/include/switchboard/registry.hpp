// Registry: the protocols of a program, by name. Create one in main and pass it on; there is no global one.
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

// The options of a protocol ("--option name=value"), as its maker function reads them. Every maker calls
// only(), so that a misspelt option is an error.
class Options {
public:
    Options() = default;
    using Map = std::map<std::string, std::string, std::less<>>;
    explicit Options(Map values) : values_(std::move(values)) {}
    [[nodiscard]] static Result<Options> parse(
        const std::vector<std::string>& assignments);  // "name=value" each

    // Returns the value, or null if the option was not given.
    const std::string* find(std::string_view name) const;
    std::string text(std::string_view name, const std::string& fallback) const;
    [[nodiscard]] Result<std::size_t> size(std::string_view name,
                                           std::size_t fallback) const;  // as parse_size()
    // Errors: errc::bad_option if an option was given that is not in `known`.
    [[nodiscard]] Result<void> only(std::initializer_list<std::string_view> known) const;

private:
    Map values_;
};

// What a maker function may use besides the options.
struct ProtocolContext {
    Reactor* reactor = nullptr;  // null under a blocking driver
    Limits limits = {};
};

struct Registration {
    std::string name;     // "echo"; lower case, no spaces
    std::string summary;  // one line, with the source: "sends its input back (RFC 862)"
    std::string options;  // one line: "target=ENDPOINT", or empty
    bool needs_reactor = false;
    bool one_reactor = false;  // its connections use each other, so all must be on one reactor
    // The maker functions, for streams and for datagrams. At most one of them may be empty.
    std::function<Result<ProtocolFactory>(const Options&, const ProtocolContext&)> make = {};
    std::function<Result<std::unique_ptr<DatagramProtocol>>(const Options&, const ProtocolContext&)>
        make_datagram = {};
};

class Registry {
public:
    void add(Registration registration);  // asserts that the name is new
    const Registration* find(std::string_view name) const;
    const std::vector<Registration>& all() const noexcept { return registrations_; }

    // Returns the factory of protocol `name`. Opens nothing. Errors: errc::unknown_protocol (the message
    // lists the available names), errc::needs_reactor, errc::unsupported if the protocol does not support
    // streams, errc::bad_option, or the error of its maker function.
    [[nodiscard]] Result<ProtocolFactory> make(std::string_view name, const Options& options,
                                               const ProtocolContext& context) const;
    // Returns a protocol for one datagram socket. Errors: as for make(); errc::unsupported if the protocol
    // does not support datagrams.
    [[nodiscard]] Result<std::unique_ptr<DatagramProtocol>> make_datagram(
        std::string_view name, const Options& options, const ProtocolContext& context) const;

private:
    Result<const Registration*> choose(std::string_view name, const ProtocolContext& context) const;

    std::vector<Registration> registrations_;
};

}  // namespace switchboard
