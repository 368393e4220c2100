// Runs one action in every callback.
#include "suite.hpp"

using namespace switchboard;
using namespace std::chrono_literals;

namespace {

using Action = std::function<void(Connection&)>;

struct Place {
    const char* name;
    Callbacks does;
};

// Returns handlers that do `action`, each in a different callback. Every one of these callbacks is called:
// each handler has a deadline, and is sent a byte and then a FIN.
std::vector<Place> everywhere(const Action& action) {
    const auto on_data = [action](Connection& c, MutableBytes in) {
        action(c);
        return in.size();
    };
    const auto soon = [](Connection& c) { c.set_deadline(c.now() + 5ms); };
    const auto again = [](Connection& c) {
        c.pause_reading();
        c.resume_reading();
    };
    const auto nothing = [](Connection&) {};
    return {{"open", {.on_open = action}},
            {"data", {.on_data = on_data}},
            {"eof", {.on_eof = action}},
            {"resume", {.on_open = again, .on_resume = action, .on_eof = nothing}},
            {"deadline", {.on_open = soon, .on_eof = nothing, .on_deadline = action}}};
}

// The first byte selects the place. The test and a forked server thus agree on it.
class Chooser final : public Protocol {
public:
    Chooser(const Story& story, const std::vector<Place>& places)
        : story_(story), places_(places) {}
    std::size_t on_data(Connection& c, MutableBytes in) override {
        const auto which = std::to_integer<std::size_t>(in[0]) - '0';
        c.switch_to(story_.handler(places_[which].does)());
        return 1;
    }

private:
    const Story& story_;
    const std::vector<Place>& places_;
};

}  // namespace

void check_everywhere(DriverUnderTest& driver, const Action& action, const std::string& close,
                      const std::function<void(Peer&)>& check, Limits limits) {
    Story story(driver);
    const auto places = everywhere(action);
    limits.connection.close_timeout =
        100ms;  // limits the wait for input from a peer that sends nothing more
    driver.start([&] { return std::make_unique<Chooser>(story, places); }, limits);
    for (std::size_t i = 0; i < places.size(); ++i) {
        CAPTURE(places[i].name);
        auto peer = driver.connect();
        peer->send(std::to_string(i) + "x");
        if (std::string_view(places[i].name) != "data") peer->shutdown_write();
        CHECK(story.ending() == close);
        check(*peer);
    }
    driver.drain();
    CHECK(story.over());
}
