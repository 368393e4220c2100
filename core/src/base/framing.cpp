#include <switchboard/framing.hpp>

#include <algorithm>
#include <cassert>
#include <limits>

namespace switchboard {
namespace {

constexpr std::size_t kMaxVarint = 10;  // 64 bits in groups of seven

std::uint64_t widest(std::size_t width) {
    return width == 8 ? std::numeric_limits<std::uint64_t>::max()
                      : (std::uint64_t{1} << (8 * width)) - 1;
}

}  // namespace

Framing Framing::delimited(std::string_view delimiter, std::size_t max_payload) {
    assert(!delimiter.empty());
    Framing framing(Kind::delimited, max_payload);
    framing.delimiter_ = delimiter;
    return framing;
}

Framing Framing::fixed(std::size_t length) {
    assert(length > 0);
    return {Kind::fixed, length};
}

Framing Framing::prefixed(std::size_t width, std::endian order, std::size_t max_payload) {
    assert(width == 1 || width == 2 || width == 4 || width == 8);
    Framing framing(Kind::prefixed, std::min<std::uint64_t>(max_payload, widest(width)));
    framing.width_ = static_cast<std::uint8_t>(width);
    framing.big_endian_ = order == std::endian::big;
    return framing;
}

Framing Framing::varint(std::size_t max_payload) {
    return {Kind::varint, max_payload};
}

Framing::Front Framing::front(Bytes in, std::size_t seen) const noexcept {
    switch (kind_) {
        case Kind::delimited: return front_delimited(in, seen);
        case Kind::fixed: return sized(0, max_payload_, in.size());
        case Kind::prefixed: return front_prefixed(in);
        case Kind::varint: return front_varint(in);
    }
    return {};
}

Framing::Front Framing::front_delimited(Bytes in, std::size_t seen) const noexcept {
    const std::size_t width = delimiter_.size();
    // A delimiter may have begun in the bytes already searched, but cannot have ended there.
    const std::size_t from = seen < width ? 0 : seen - (width - 1);
    const std::size_t end = as_text(in).find(delimiter_, from);
    if (end != std::string_view::npos) {
        return {end > max_payload_ ? Found::too_long : Found::whole, 0, end, width};
    }
    // The last bytes may be the beginning of the delimiter and not payload.
    const bool too_long = in.size() > max_payload_ && in.size() - max_payload_ >= width;
    return {too_long ? Found::too_long : Found::part};
}

Framing::Front Framing::front_prefixed(Bytes in) const noexcept {
    if (in.size() < width_) return {};
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < width_; ++i) {
        const std::byte next = in[big_endian_ ? i : width_ - 1U - i];
        length = length << 8 | std::to_integer<std::uint64_t>(next);
    }
    return sized(width_, length, in.size());
}

Framing::Front Framing::front_varint(Bytes in) const noexcept {
    std::uint64_t length = 0;
    for (std::size_t i = 0; i < std::min(in.size(), kMaxVarint); ++i) {
        const auto next = std::to_integer<std::uint64_t>(in[i]);
        if (i == kMaxVarint - 1 && next > 1) return {Found::malformed};  // more than 64 bits
        length |= (next & 0x7f) << (7 * i);
        if (next >= 0x80) continue;
        if (next == 0 && i > 0) return {Found::malformed};  // not the shortest form
        return sized(i + 1, length, in.size());
    }
    return {};
}

Framing::Front Framing::sized(std::size_t head, std::uint64_t payload,
                              std::size_t available) const noexcept {
    if (payload > max_payload_) return {Found::too_long};
    const bool whole = available - head >= payload;
    return {whole ? Found::whole : Found::part, head, static_cast<std::size_t>(payload), 0};
}

Framing::Head Framing::head(std::size_t payload) const noexcept {
    Head head;
    if (kind_ == Kind::prefixed) {
        head.size = width_;
        for (std::size_t i = 0; i < width_; ++i) {
            const std::size_t shift = 8 * (big_endian_ ? width_ - 1U - i : i);
            head.bytes[i] = static_cast<std::byte>(std::uint64_t{payload} >> shift & 0xff);
        }
    } else if (kind_ == Kind::varint) {
        for (; payload >= 0x80; payload >>= 7) {
            head.bytes[head.size++] = static_cast<std::byte>((payload & 0x7f) | 0x80);
        }
        head.bytes[head.size++] = static_cast<std::byte>(payload);
    }
    return head;
}

bool Framing::carries(Bytes payload) const {
    if (kind_ == Kind::fixed) return payload.size() == max_payload_;
    if (payload.size() > max_payload_) return false;
    if (kind_ != Kind::delimited) return true;
    // If the payload ends like the delimiter begins, the delimiter may be found too early: in "a" + "aa" it
    // is, in "aa" + "aab" it is not.
    const std::size_t overlap = std::min(payload.size(), delimiter_.size() - 1);
    const std::string seam = std::string(as_text(payload.last(overlap))) + delimiter_;
    return as_text(payload).find(delimiter_) == std::string_view::npos &&
           seam.find(delimiter_) == overlap;
}

}  // namespace switchboard
