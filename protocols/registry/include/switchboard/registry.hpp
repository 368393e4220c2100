// Registry: the protocols of a program, by name. Create one in main and pass it on; there is no global one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <switchboard/datagram.hpp>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/options.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard {

class Reactor;

// What a maker function may use besides the options.
struct ProtocolContext {
    Reactor* reactor = nullptr;  // null under a blocking driver
    Limits limits = {};
    bool forks =
        false;  // the driver serves in child processes, which have no copy of other threads
};

struct Registration {
    std::string name;     // "echo"; lower case, no spaces
    std::string summary;  // one line, with the source: "sends its input back (RFC 862)"
    std::vector<OptionSpec> options = {};
    bool needs_reactor = false;
    bool one_reactor = false;     // its connections use each other, so all must be on one reactor
    bool starts_threads = false;  // so a driver that forks cannot serve it
    // The maker functions, for streams and for datagrams. At most one of them may be empty. The options are
    // checked, and have a value for each of `options` above.
    std::function<Result<ProtocolFactory>(const Options&, const ProtocolContext&)> make = {};
    std::function<Result<std::unique_ptr<DatagramProtocol>>(const Options&, const ProtocolContext&)>
        make_datagram = {};
};

class Registry {
public:
    void add(Registration registration);  // asserts that the name is new
    // Takes the place of the one of that name. What it has made stays as it is. Returns the one before.
    // Errors: errc::unknown_protocol; nothing is added then.
    [[nodiscard]] Result<Registration> replace(Registration registration);
    // Returns what it removed. Errors: errc::unknown_protocol.
    [[nodiscard]] Result<Registration> remove(std::string_view name);
    // Null if there is none. Valid until the registry changes.
    const Registration* find(std::string_view name) const;
    const std::vector<Registration>& all() const noexcept { return registrations_; }

    // Returns the factory of protocol `name`. Opens nothing. Errors: errc::unknown_protocol (the message
    // lists the available names), errc::needs_reactor, errc::unsupported if the protocol does not support
    // streams or starts threads and the driver forks, errc::bad_option, or the error of its maker function.
    [[nodiscard]] Result<ProtocolFactory> make(std::string_view name, const Options& options,
                                               const ProtocolContext& context) const;
    // Returns a protocol for one datagram socket. Errors: as for make(); errc::unsupported if the protocol
    // does not support datagrams.
    [[nodiscard]] Result<std::unique_ptr<DatagramProtocol>> make_datagram(
        std::string_view name, const Options& options, const ProtocolContext& context) const;

private:
    Result<std::size_t> place_of(std::string_view name) const;
    Result<const Registration*> choose(std::string_view name, const ProtocolContext& context) const;

    std::vector<Registration> registrations_;
};

}  // namespace switchboard
