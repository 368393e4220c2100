#include "frame.hpp"

namespace switchboard::websocket::detail {
namespace {

constexpr unsigned kFin = 0x80, kRsv1 = 0x40, kRsv23 = 0x30, kMasked = 0x80;
constexpr unsigned kTwoBytes = 126, kEightBytes = 127;

unsigned byte_at(Bytes in, std::size_t at) noexcept {
    return std::to_integer<unsigned>(in[at]);
}

const char* check_first(unsigned first, bool deflate) noexcept {
    const unsigned opcode = first & 0x0fU;
    if ((first & kRsv23) != 0) return "reserved bit set";
    if ((first & kRsv1) != 0 && (!deflate || opcode == 0 || opcode >= 8)) return "reserved bit set";
    if ((opcode > 2 && opcode < 8) || opcode > 10) return "reserved opcode";
    if (opcode >= 8 && (first & kFin) == 0) return "fragmented control frame";
    return nullptr;
}

const char* check_second(unsigned first, unsigned second, Role sender) noexcept {
    const bool masked = (second & kMasked) != 0;
    if (masked != (sender == Role::client)) return masked ? "masked by a server" : "not masked";
    if ((first & 0x08U) != 0 && (second & 0x7fU) > kMaxControl) return "long control frame";
    return nullptr;
}

const char* check_length(unsigned form, std::uint64_t length) noexcept {
    if (length >> 63U != 0) return "length with its top bit set";
    if ((form == kTwoBytes && length < kTwoBytes) || (form == kEightBytes && length <= 0xffff))
        return "length not in its shortest form";
    return nullptr;
}

std::size_t length_bytes(unsigned form) noexcept {
    return form == kTwoBytes ? 2 : form == kEightBytes ? 8 : 0;
}

}  // namespace

const char* parse_head(Bytes in, Role sender, bool deflate, FrameHead& head) noexcept {
    if (in.empty()) return nullptr;
    const unsigned first = byte_at(in, 0);
    if (const char* const wrong = check_first(first, deflate)) return wrong;
    if (in.size() < 2) return nullptr;
    const unsigned second = byte_at(in, 1);
    if (const char* const wrong = check_second(first, second, sender)) return wrong;
    const unsigned form = second & 0x7fU;
    const std::size_t mask_at = 2 + length_bytes(form);
    std::uint64_t length = form;
    if (form >= kTwoBytes) {
        if (in.size() < mask_at) return nullptr;
        length = 0;
        for (std::size_t at = 2; at < mask_at; ++at) length = length << 8U | byte_at(in, at);
        if (const char* const wrong = check_length(form, length)) return wrong;
    }
    const std::size_t size = mask_at + (sender == Role::client ? sizeof(Mask) : 0);
    if (in.size() < size) return nullptr;
    if (sender == Role::client) std::memcpy(&head.mask, in.data() + mask_at, sizeof(Mask));
    head.opcode = static_cast<Opcode>(first & 0x0fU);
    head.fin = (first & kFin) != 0;
    head.compressed = (first & kRsv1) != 0;
    head.length = length;
    head.size = size;
    return nullptr;
}

std::size_t encode_head(std::array<std::byte, kMaxHead>& to, const FrameHead& head,
                        bool masked) noexcept {
    const unsigned form = head.length < kTwoBytes ? static_cast<unsigned>(head.length)
                          : head.length <= 0xffff ? kTwoBytes
                                                  : kEightBytes;
    to[0] = static_cast<std::byte>((head.fin ? kFin : 0) | (head.compressed ? kRsv1 : 0) |
                                   static_cast<unsigned>(head.opcode));
    to[1] = static_cast<std::byte>(form | (masked ? kMasked : 0));
    std::size_t size = 2;
    for (std::size_t left = length_bytes(form); left-- > 0; ++size)
        to[size] = static_cast<std::byte>(head.length >> 8 * left & 0xffU);
    if (!masked) return size;
    std::memcpy(to.data() + size, &head.mask, sizeof(Mask));
    return size + sizeof(Mask);
}

bool is_close_code(std::uint16_t code) noexcept {
    if (code >= 3000) return code <= 4999;          // libraries and applications
    if (code >= 1000 && code <= 1003) return true;  // 1004 to 1006 are reserved
    return code >= 1007 && code <= 1014;            // 1012 to 1014 were registered later
}

}  // namespace switchboard::websocket::detail
