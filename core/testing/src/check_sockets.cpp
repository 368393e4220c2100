#include <algorithm>
#include <array>
#include <switchboard/blocking.hpp>
#include <switchboard/testing/check_sockets.hpp>

#include "server_process.hpp"
#include "text.hpp"

namespace switchboard::testing {
namespace {

using Step = Transcript::Kind;

constexpr std::chrono::seconds kPatience{10};

// Plays the peer's part on one socket.
class SocketTalk {
public:
    SocketTalk(const ServerProcess& server, Socket socket, bool bytewise)
        : server_(server), socket_(std::move(socket)), bytewise_(bytewise) {}

    // Returns the problem, or an empty text.
    std::string play(const Transcript& transcript) {
        for (const Transcript::Step& step : transcript.steps())
            if (std::string problem = play(step); !problem.empty()) return problem;
        return may_end_ ? "" : still_open();
    }

private:
    std::string play(const Transcript::Step& step) {
        switch (step.kind) {
            case Step::opens:
            case Step::expect: expected_ += step.bytes; return compare(expected_.size());
            case Step::send: send(step.bytes); break;
            case Step::end:
                (void)socket_.shutdown_write();
                break;  // fails if the connection is lost
            case Step::reset:
                socket_.reset_on_close();
                socket_.close();
                may_end_ = true;
                break;
            case Step::shutdown: server_.drain(); break;
            case Step::closes: return socket_ ? closes(step.why) : "";
            case Step::wait: break;  // such transcripts are left out
        }
        return {};
    }

    // A server that has closed resets the connection. Then what it sent is compared, not the failure.
    void send(std::string_view bytes) const {
        const std::size_t part = bytewise_ ? 1 : bytes.size();
        for (std::size_t at = 0; at < bytes.size(); at += part)
            if (!socket_.send_all(as_bytes(bytes.substr(at, part)))) return;
    }

    // Reads until `size` bytes have come, or nothing more comes.
    void read(std::size_t size) {
        std::array<std::byte, 16 * 1024> buffer{};
        while (got_.size() < size && !ended_) {
            const auto count = socket_.receive(buffer);
            if (!count) error_ = count.error();
            ended_ = !count || *count == 0;
            if (count) got_ += as_text(Bytes(buffer).first(*count));
        }
    }

    std::string compare(std::size_t size) {
        read(size);
        std::string differs = difference(expected_, got_);
        if (!differs.empty() && error_) differs += ", " + name_of(error_);
        return differs;
    }

    std::string closes(const std::error_condition& why) {
        may_end_ = true;
        std::string differs = compare(std::string::npos);
        if (error_ == std::errc::operation_would_block)
            return "still open, although the transcript expects a close";
        const bool was_reset = error_ && !why;
        return was_reset ? "closed with " + name_of(error_) + ", expected no error" : differs;
    }

    // A FIN or a byte that comes later than this look is not seen.
    std::string still_open() {
        (void)socket_.set_blocking(Blocking::no);
        read(std::string::npos);
        if (error_ != std::errc::operation_would_block)
            return "closed, which the transcript does not expect";
        return difference(expected_, got_);
    }

    const ServerProcess& server_;
    Socket socket_;
    const bool bytewise_;
    std::string expected_, got_;
    std::error_code error_;
    bool ended_ = false, may_end_ = false;
};

std::string play_on(const SocketServer& server, const ProtocolFactory& factory,
                    const Transcript& transcript, bool bytewise, const ConnectionLimits& limits) {
    auto process = ServerProcess::start(server, factory, limits);
    if (!process) return "the server does not start: " + process.error().message();
    auto socket = connect(process->at(), kPatience);
    if (!socket) {  // the end of the server, if it has ended, explains it
        const std::string end = process->end();
        return end.empty() ? socket.error().message() : end;
    }
    if (auto set = socket->set_timeouts(kPatience, kPatience); !set) return set.error().message();
    std::string problem = SocketTalk(*process, std::move(*socket), bytewise).play(transcript);
    const std::string end = process->end();
    return problem.empty() ? end : problem;
}

bool waits(const Transcript& transcript) {
    return std::any_of(transcript.steps().begin(), transcript.steps().end(),
                       [](const auto& step) { return step.kind == Step::wait; });
}

template <class Driver>
SocketServer blocking_server(std::string name, Driver driver) {
    return {std::move(name), [driver](Socket listener, const ProtocolFactory& factory,
                                      const Stop& stop, const ConnectionLimits& limits) {
                return driver(std::move(listener), factory, stop,
                              ServeOptions{.connection = limits, .log = {}});
            }};
}

}  // namespace

std::vector<SocketServer> blocking_servers() {
    return {blocking_server("iterative", serve_iterative),
            blocking_server("threads", serve_threads),
            blocking_server("thread pool", serve_thread_pool),
            blocking_server("processes", serve_processes),
            blocking_server("process pool", serve_process_pool)};
}

Report check_sockets(const ProtocolFactory& factory, const std::vector<Transcript>& transcripts,
                     const std::vector<SocketServer>& servers, const CheckOptions& options) {
    Report report;
    const auto fails = [&](const Transcript& transcript, const SocketServer& server,
                           bool bytewise) {
        const std::string delivery = server.name + (bytewise ? ", byte by byte" : "");
        if (!options.only.empty() && options.only != transcript.name() + ": " + delivery)
            return false;
        std::string problem = transcript.mistake();
        if (problem.empty()) {
            ++report.runs;
            problem = play_on(server, factory, transcript, bytewise, options.limits);
        }
        if (problem.empty()) return false;
        report.findings.push_back({transcript.name(), delivery, std::move(problem), options.seed});
        return true;
    };
    for (const Transcript& transcript : transcripts) {
        if (waits(transcript)) continue;
        for (const bool bytewise : {false, true})
            if (std::any_of(servers.begin(), servers.end(), [&](const SocketServer& server) {
                    return fails(transcript, server, bytewise);
                }))
                break;
    }
    return report;
}

}  // namespace switchboard::testing
