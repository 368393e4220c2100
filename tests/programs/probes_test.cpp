// The probes of a build with SWITCHBOARD_USDT are ELF notes in the program, where tracers find them.
#include <doctest/doctest.h>
#include <fstream>
#include <iterator>
#include <string>

TEST_CASE("probes: are in the program where the build has them, and only there") {
    std::ifstream file(SWITCHBOARD_BIN "/switchboard", std::ios::binary);
    const std::string program{std::istreambuf_iterator<char>(file), {}};
    REQUIRE_FALSE(program.empty());
    for (const char* name :
         {"connection_open", "connection_close", "accept_error", "stall", "drain"}) {
        CAPTURE(name);
        // In the format of a SystemTap note: provider and probe, each with a terminating zero.
        const std::string note = std::string("switchboard") + '\0' + name + '\0';
        CHECK((program.find(note) != std::string::npos) == SWITCHBOARD_PROBES);
    }
}
