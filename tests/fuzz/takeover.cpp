// The message of a takeover. The first byte of the input is the number of descriptors that come with it, as a
// digit. The rest is the text.
#include "group/takeover_message.hpp"

#include <algorithm>

#include "fuzz.hpp"

using namespace switchboard;

namespace {

using Parsed = Result<std::optional<std::vector<std::string>>>;

// The result for a prefix must not contradict the result for the whole text.
void check_part(const Parsed& part, const Parsed& whole) {
    if (!part) {
        fuzz::require(!whole && whole.error().context() == part.error().context(),
                      "what is malformed stays so, for the same reason");
    } else if (part->has_value()) {
        fuzz::require(!whole, "nothing may follow a whole message");
    }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto descriptors = static_cast<std::uint8_t>(data[0] - '0');
    const auto text = fuzz::as_text(data + 1, size - 1);
    const Parsed whole = detail::parse_takeover(text, descriptors);
    for (const std::size_t part :
         {text.size() / 2, text.size() - std::min<std::size_t>(text.size(), 1)}) {
        if (part < text.size())
            check_part(detail::parse_takeover(text.substr(0, part), descriptors), whole);
    }
    if (!whole) {
        fuzz::require(whole.error() == errc::malformed_message, "malformed is all it can be");
        return 0;
    }
    if (!*whole) return 0;
    fuzz::require((*whole)->size() == descriptors, "each descriptor has a name");
    const std::span<const std::string> names(**whole);
    fuzz::require(detail::make_takeover(names.subspan(1)) == text, "it is made as it was read");
    return 0;
}
