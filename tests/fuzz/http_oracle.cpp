// What our parsers accept, llhttp reads in the same way. The first byte of the input chooses the parser.
#include <oracle.hpp>

#include "fuzz.hpp"

using namespace switchboard;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto kind = static_cast<oracle::Input>(data[0] % 4);
    const std::string found = oracle::difference(kind, fuzz::as_text(data + 1, size - 1));
    fuzz::require(found.empty(), found);
    return 0;
}
