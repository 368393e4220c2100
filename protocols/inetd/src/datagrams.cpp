#include <switchboard/inetd_datagram.hpp>

#include "pattern.hpp"

namespace switchboard {
namespace {

constexpr std::size_t kMostCharacters = 512;  // RFC 864
constexpr std::size_t kQuoteLimit = 512 - 1;  // RFC 865: "less than 512 characters"
constexpr std::string_view kEnd = "\r\n";

}  // namespace

bool may_be_answered(const DatagramAddress& from) noexcept {
    switch (from.port()) {
        case 0:
        case 7:
        case 13:
        case 17:
        case 19:
        case 37: return false;
        default: return true;
    }
}

void ChargenDatagrams::on_datagram(DatagramSocket& socket, Datagram& in) {
    if (!may_be_answered(in.from)) return;
    const std::string_view pattern = detail::chargen_pattern();
    const std::size_t size = random_() % (kMostCharacters + 1);
    const std::size_t start = random_() % pattern.size();
    const std::string_view first = pattern.substr(start, size);
    const Bytes pieces[] = {as_bytes(first), as_bytes(pattern.substr(0, size - first.size()))};
    socket.send(in.from, pieces);
}

void DaytimeDatagrams::on_datagram(DatagramSocket& socket, Datagram& in) {
    if (may_be_answered(in.from)) socket.send(in.from, daytime_text(clock_()) + "\r\n");
}

void TimeDatagrams::on_datagram(DatagramSocket& socket, Datagram& in) {
    if (may_be_answered(in.from)) socket.send(in.from, Bytes(detail::time_reply(clock_())));
}

void QotdDatagrams::on_datagram(DatagramSocket& socket, Datagram& in) {
    if (!may_be_answered(in.from)) return;
    const std::string_view quote = choice_().substr(0, kQuoteLimit - kEnd.size());
    const Bytes pieces[] = {as_bytes(quote), as_bytes(kEnd)};
    socket.send(in.from, pieces);
}

}  // namespace switchboard
