// What a body in chunks contains does not depend on how its bytes arrived.
#include <chunks.hpp>

#include <string>

#include "fuzz.hpp"

using namespace switchboard::http::detail;
namespace fuzz = switchboard::fuzz;

namespace {

struct Body {
    std::string data, trailers;
    std::size_t used = 0;
    bool refused = false, done = false;
};

// Offers `step` more bytes each time.
Body read_chunks(std::string_view in, std::size_t step) {
    Chunks chunks;
    Body body;
    for (std::size_t size = std::min(step, in.size());; size = std::min(size + step, in.size())) {
        while (!chunks.done() && !body.refused) {
            // A copy of exactly these bytes, so that the sanitizer sees a read behind them.
            const std::string offered(in.substr(body.used, size - body.used));
            const Chunks::Piece piece = chunks.next(offered);
            fuzz::require(piece.used <= offered.size(), "it uses what there is");
            fuzz::require(piece.data.size() <= piece.used, "data is part of what is used");
            body.refused = piece.refused;
            if (piece.refused) break;
            body.used += piece.used;
            body.data += piece.data;
            body.trailers += piece.trailer;
            if (piece.used == 0) break;
        }
        if (size == in.size() || chunks.done() || body.refused) break;
    }
    body.done = chunks.done();
    return body;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto in = fuzz::as_text(data, size);
    const Body whole = read_chunks(in, std::max<std::size_t>(in.size(), 1));
    for (const std::size_t step : {1U, 2U, 3U, 7U}) {
        const Body parts = read_chunks(in, step);
        fuzz::require(parts.done == whole.done && parts.refused == whole.refused, "the same end");
        if (!whole.refused)
            fuzz::require(parts.data == whole.data && parts.trailers == whole.trailers &&
                              parts.used == whole.used,
                          "the same body");
    }
    fuzz::require(whole.data.size() <= in.size(), "a body is no longer than its framing");
    return 0;
}
