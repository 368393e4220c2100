// TLS 1.2 and 1.3 (RFC 5246, 8446) as a layer, over OpenSSL 3.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/error.hpp>
#include <switchboard/limits.hpp>
#include <switchboard/protocol.hpp>
#include <vector>

namespace switchboard::tls {

// Errors of this layer. Errors that OpenSSL finds are in openssl_category(), and faults of the peer's
// certificate in verify_category().
enum class errc {
    handshake_timed_out = 1,  // handshake_timeout; equals std::errc::timed_out
    handshake_too_large,      // more than max_handshake bytes from the peer
    not_tls,                  // the first byte begins no handshake: the peer does not speak TLS
    truncated,                // the peer's FIN came without close_notify, so bytes may be missing
    no_common_protocol,       // ALPN: the client offered none of ours; alert 120 was sent
    unknown_name,  // SNI with strict_names: no certificate has the name; alert 112 was sent
    too_many_quiet_records,  // more than quiet_records had no data
    bad_name,                // Client: the name to verify is empty, too long or malformed
};

const std::error_category& category() noexcept;          // named "tls"
const std::error_category& openssl_category() noexcept;  // the reasons of OpenSSL, with its texts
const std::error_category& verify_category() noexcept;  // X509_V_ERR_*: the certificate was refused
std::error_code make_error_code(errc) noexcept;

// A certificate with its key. A value.
struct Certificate {
    std::string chain_pem = {};  // the certificate first, then the intermediate ones
    std::string key_pem = {};    // not encrypted
    std::string name = {};  // for error texts: load() puts the files here. Empty: "certificate N"

    // Reads both files; they may be the same file. Errors: those of the system, or errc::bad_option if a file
    // has more than 1 MiB. The content is checked by Server::make() and Client::make().
    [[nodiscard]] static Result<Certificate> load(const std::string& chain_path,
                                                  const std::string& key_path);
};

// Reads the certificates of authorities, for trust_pem. Errors: those of the system, or errc::bad_option if
// the file has more than 1 MiB, no certificate or a malformed one. They name the file.
[[nodiscard]] Result<std::string> load_trust(const std::string& path);

// What servers and clients have in common. A value.
struct Options {
    // The protocols for ALPN (RFC 7301), the best first; each has 1 to 255 bytes. Empty: ALPN is not used.
    // A server refuses a client that offers protocols, but none of these. Without an offer it accepts.
    std::vector<std::string> protocols = {};
    // The certificates of the authorities to trust. Empty: those of the system, for clients.
    std::string trust_pem = {};
    std::chrono::milliseconds handshake_timeout{10'000};  // from on_open of the layer; 0: no limit
    std::size_t max_handshake = 64 * 1024;                // bytes from the peer until it is done
    // Records in a row that carry no data, after the handshake: key updates, tickets, empty records. They
    // cost time, and a peer could send them without an end. As many are allowed at once, even with data
    // between them, and 10 more with each second.
    unsigned quiet_records = 32;
    // False: a FIN without close_notify is an EOF, unless it comes within a record. For peers that send none,
    // if the protocol above knows where a message ends. Otherwise an attacker could cut a message.
    bool require_close_notify = true;
    // Gets the secrets of each connection, as lines of the format SSLKEYLOGFILE, with which Wireshark
    // decrypts what it has recorded. Whoever has these lines can read everything. Called on the threads of
    // all drivers, also at the same time. An exception is ignored.
    std::function<void(std::string_view line)> key_log = {};
    // For the periods of tickets, and for the end of the peer's certificates when a session is resumed. In
    // a whole handshake OpenSSL judges them by the system's clock. Called on the threads of all drivers, also
    // at the same time. An exception ends the handshake, or comes out of Server::make().
    std::function<std::chrono::system_clock::time_point()> clock = std::chrono::system_clock::now;
    // As for Layer: marks and sizes of the layer's own queue and of the bytes that the protocol above leaves
    // unused. The driver's max_read_buffer must allow a whole record, which has up to 18,437 bytes.
    ConnectionLimits limits = {};
};

// Whether clients present certificates (mutual TLS). One that is presented must be valid in both cases.
enum class ClientCertificates : std::uint8_t { none, optional, required };

struct ServerOptions {
    Options common = {};
    // One or more. The client's name (SNI, RFC 6066) selects among them by their DNS names, exact ones first,
    // then wildcards ("*.example.org", which stands for one label). The first certificate serves clients that
    // send no name, and all other names unless strict_names is set.
    std::vector<Certificate> certificates = {};
    bool strict_names = false;
    ClientCertificates clients = ClientCertificates::none;  // otherwise trust_pem is required
    // Handshakes that begin in one millisecond, or in one turn of a reactor if it takes longer, on all
    // threads together. The others wait in a line, within handshake_timeout, so that a flood of handshakes
    // does not hold up the connections that are open. 0: no limit.
    unsigned handshakes_per_turn = 4;
    // Sessions are resumed by tickets. Their keys are a hash chain over periods of time, so that processes
    // and machines with one secret accept each other's tickets, and keys of the past are forgotten. Empty:
    // random, and shared only with copies of this Server and with processes forked later.
    std::string ticket_secret = {};  // or at least 32 bytes, secret and random
    // A ticket is accepted for one to two periods. From 10 min to 84 h; the same on all machines.
    std::chrono::seconds ticket_period{12 * 3600};
};

// The server's end. A value; copies share their state. Threading: any thread.
//
// - The protocol above is made and opened when the handshake is done. Its Connection::security() says what
//   was agreed on, and who the client is. A connection that fails before makes no protocol.
// - A FIN from above is sent as close_notify and FIN; close() sends close_notify, too. A close_notify from
//   the peer is on_eof, and writing goes on. abort() sends nothing.
// - What a callback writes is sent in as few records as it fits. Bytes that were written at other times
//   are a record for each call.
// - A client that speaks plain HTTP gets a reply with status 400 and errc::not_tls.
// - Renegotiation, compression and early data are refused.
class Server {
public:
    // Errors: switchboard::errc::bad_option. The text names the option, and which certificate is wrong.
    [[nodiscard]] static Result<Server> make(ServerOptions options);
    // Replaces the certificates for connections that come later in this process: all of them, or none if
    // there is an error. Errors: as above.
    [[nodiscard]] Result<void> reload(const std::vector<Certificate>& certificates) const;
    // Returns a factory of layers. `above` is called once for each handshake that succeeds.
    ProtocolFactory wrap(ProtocolFactory above) const;
    // The same with a factory for each protocol of ALPN. The keys are names in `protocols`, and "" for
    // clients that do not use ALPN. A connection without a factory ends with errc::no_common_protocol.
    ProtocolFactory wrap(std::map<std::string, ProtocolFactory> by_protocol) const;

private:
    struct State;
    explicit Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

struct ClientOptions {
    Options common = {};
    std::vector<Certificate> certificates = {};  // at most one, for servers that ask for one
    bool verify =
        true;  // false: any certificate is accepted, so anybody can be the server. For tests
    std::size_t max_sessions = 256;  // kept for resumption, one for each name; 0: none
};

// The client's end. A value; copies share their state, that is, the sessions. Threading: any thread.
class Client {
public:
    // Errors: switchboard::errc::bad_option, as for Server.
    [[nodiscard]] static Result<Client> make(ClientOptions options = {});
    // Returns a layer for one connection. `name` is the host name or IP address that the server's certificate
    // must have. A host name is also sent as SNI. `above` is opened after the handshake; if that fails, only
    // its on_close is called.
    std::unique_ptr<Protocol> wrap(std::string_view name, std::unique_ptr<Protocol> above) const;

private:
    struct State;
    explicit Client(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::shared_ptr<State> state_;
};

}  // namespace switchboard::tls

template <>
struct std::is_error_code_enum<switchboard::tls::errc> : std::true_type {};
