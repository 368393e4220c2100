// A name server that the test plays. It gives the answers that the test sets, and remembers the questions.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <stdexcept>
#include <string>
#include <switchboard/socket.hpp>
#include <utility>
#include <vector>

namespace switchboard::test {

// Listens on 127.0.0.1:53, in a network namespace of the test. answer() replies to the questions that have
// come.
class DnsServer {
public:
    enum Type : std::uint16_t { a = 1, aaaa = 28 };
    using Question = std::pair<std::string, Type>;

    DnsServer() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(53);
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        if (::bind(socket_.fd(), reinterpret_cast<sockaddr*>(&at), sizeof at) != 0)
            throw std::runtime_error("bind port 53");
    }

    // The addresses for a name and type. An empty list means that the name has no addresses of that type.
    // Questions that are not in the map get no answer.
    std::map<Question, std::vector<std::string>> zone;
    bool knows_all = false;  // questions not in the map are answered: no such name or type
    std::vector<std::string> unknown;  // names that do not exist (NXDOMAIN)
    std::vector<std::string> failing;  // names that the server fails for (SERVFAIL)
    std::vector<Question> held;        // answered by release()
    std::vector<Question> asked;
    int ignore = 0;  // the number of next questions that get no answer

    void answer() {
        std::array<char, 512> packet{};
        sockaddr_in peer{};
        socklen_t size = sizeof peer;
        ssize_t got = 0;
        while ((got = ::recvfrom(socket_.fd(), packet.data(), packet.size(), 0,
                                 reinterpret_cast<sockaddr*>(&peer), &size)) > 12)
            respond(std::string(packet.data(), static_cast<std::size_t>(got)), peer);
    }

    void release() {
        held.clear();
        for (const auto& [query, peer] : std::exchange(kept_, {})) respond(query, peer);
    }

    // Answers until `stop` is true. Run it on a thread of its own, for callers that block.
    void answer_until(const std::atomic<bool>& stop) {
        while (!stop) {
            pollfd entry{socket_.fd(), POLLIN, 0};
            if (::poll(&entry, 1, 10) > 0) answer();
        }
    }

private:
    void respond(const std::string& query, const sockaddr_in& peer) {
        const std::string reply = reply_to(query);
        if (std::find(held.begin(), held.end(), asked.back()) != held.end()) {
            kept_.emplace_back(query, peer);
        } else if (!reply.empty()) {
            ::sendto(socket_.fd(), reply.data(), reply.size(), 0,
                     reinterpret_cast<const sockaddr*>(&peer), sizeof peer);
        }
    }

    bool is_known(const std::string& name) const {
        return std::any_of(zone.begin(), zone.end(),
                           [&](const auto& entry) { return entry.first.first == name; });
    }

    // RFC 1035, section 4: a header of twelve bytes, and one question.
    std::string reply_to(const std::string& query) {
        std::string name;
        std::size_t at = 12;
        while (query.at(at) != 0) {
            const auto length = static_cast<std::size_t>(query.at(at));
            name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
            at += length + 1;
        }
        const auto type = static_cast<Type>(query.at(at + 2));
        asked.emplace_back(name, type);
        const std::string question = query.substr(12, at + 5 - 12);
        for (const std::string& none : unknown)
            if (none == name) return header(query, 3, 0) + question;
        for (const std::string& name_that_fails : failing)
            if (name_that_fails == name) return header(query, 2, 0) + question;
        const auto found = zone.find({name, type});
        if (found == zone.end() && knows_all)
            return header(query, is_known(name) ? 0 : 3, 0) + question;
        if (found == zone.end() || ignore-- > 0) return "";
        std::string reply = header(query, 0, found->second.size()) + question;
        for (const std::string& address : found->second) reply += record(type, address);
        return reply;
    }

    static std::string header(const std::string& query, int code, std::size_t answers) {
        std::string header = query.substr(0, 2);
        header += std::string("\x81") + static_cast<char>(0x80 | code);
        return header + std::string("\0\1\0", 3) + static_cast<char>(answers) +
               std::string("\0\0\0\0", 4);
    }

    static std::string record(Type type, const std::string& address) {
        std::array<char, 16> bytes{};
        const std::size_t size = type == a ? 4 : 16;
        ::inet_pton(type == a ? AF_INET : AF_INET6, address.c_str(), bytes.data());
        std::string record("\xc0\x0c\0", 3);  // the name of the question
        record += static_cast<char>(type);
        record += std::string("\0\1\0\0\0\x3c\0", 7) + static_cast<char>(size);
        return record + std::string(bytes.data(), size);
    }

    Socket socket_;
    std::vector<std::pair<std::string, sockaddr_in>> kept_;
};

}  // namespace switchboard::test
