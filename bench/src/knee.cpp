#include "knee.hpp"

namespace switchboard::bench {

Knee find_knee(double ceiling, double precision,
               const std::function<std::optional<Probe>(double rate)>& measure) {
    Knee knee;
    double lowest_over = ceiling;
    for (double rate = ceiling; lowest_over - knee.rate > precision * ceiling;
         rate = (knee.rate + lowest_over) / 2) {
        auto probe = measure(rate);
        if (!probe) break;
        knee.probes.push_back(*std::move(probe));
        const Probe& made = knee.probes.back();
        if (made.holds == true) {
            knee.rate = rate;
        } else {
            lowest_over = rate;
            knee.untold = made.holds ? "" : made.why;
        }
        if (knee.rate == ceiling) {
            knee.untold = "it holds as fast as its closed loop goes";
            break;
        }
    }
    return knee;
}

}  // namespace switchboard::bench
