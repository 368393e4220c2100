// What is compressed is decompressed again. What any bytes are decompressed to is within its limit, and does
// not depend on how they are split. The first byte of the input chooses the options.
#include <algorithm>
#include <compression.hpp>
#include <switchboard/gzip.hpp>

#include "fuzz.hpp"

using namespace switchboard;
using websocket::detail::Agreed;
using websocket::detail::Compression;
using Buffer = std::pmr::vector<std::byte>;

namespace {

constexpr std::size_t kMost = 20'000;

struct Inflated {
    Inflater::Outcome outcome = Inflater::Outcome::ok;
    Buffer out = {};
};

Inflated inflated(Bytes in, unsigned window_bits, std::size_t step) {
    Inflater stream(window_bits);
    Inflated result;
    while (!in.empty() && result.outcome == Inflater::Outcome::ok) {
        const Bytes part = in.first(std::min(in.size(), step));
        in = in.subspan(part.size());
        result.outcome = stream.decompress(part, result.out, kMost);
        fuzz::require(result.out.size() <= kMost + 1, "the limit of the output");
    }
    return result;
}

void check_any_bytes(Bytes in, unsigned window_bits) {
    const Inflated whole = inflated(in, window_bits, std::max<std::size_t>(in.size(), 1));
    for (const std::size_t step : {1U, 7U}) {
        const Inflated parts = inflated(in, window_bits, step);
        fuzz::require(parts.outcome == whole.outcome, "the outcome in parts");
        if (whole.outcome == Inflater::Outcome::ok)
            fuzz::require(parts.out == whole.out, "the bytes in parts");
    }
}

// Two messages over one connection, one whole and one in parts of `step` bytes.
void check_messages(Bytes in, bool takeover, unsigned window_bits, std::size_t step) {
    const auto shared = std::make_shared<const websocket::detail::Shared>(websocket::Options{});
    const Agreed agreed{.own_takeover = takeover,
                        .peer_takeover = takeover,
                        .own_bits = window_bits,
                        .peer_bits = window_bits};
    Compression from(agreed, shared), to(agreed, shared);
    const auto arrives = [&](const Buffer& payload) {
        Buffer out;
        fuzz::require(to.decompress(payload, out, in.size()) == Inflater::Outcome::ok, "a message");
        fuzz::require(std::equal(out.begin(), out.end(), in.begin(), in.end()), "its bytes");
    };
    Buffer payload;
    if (from.compress({&in, 1}, in.size(), payload)) arrives(payload);
    payload.clear();
    for (Bytes left = in; !left.empty();) {
        const Bytes part = left.first(std::min(left.size(), step));
        left = left.subspan(part.size());
        from.compress_part(part, payload);
    }
    from.end_parts();
    arrives(payload);
}

// Behind the head of 10 bytes and before the sum and the size.
void check_gzip(Bytes in) {
    DeflatePool pool;
    Buffer file;
    gzip(pool, in, file);
    const Bytes payload = Bytes(file).subspan(10, file.size() - 18);
    Buffer out;
    fuzz::require(pool.inflater()->decompress(payload, out, in.size()) == Inflater::Outcome::ok,
                  "a gzip file");
    fuzz::require(std::equal(out.begin(), out.end(), in.begin(), in.end()), "its bytes");
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    const Bytes in = as_bytes(fuzz::as_text(data + 1, size - 1));
    const unsigned choice = data[0];
    check_any_bytes(in, 8 + choice % 8);
    check_messages(in, (choice & 8U) != 0, 9 + choice % 7, 1 + choice / 16);
    check_gzip(in);
    return 0;
}
