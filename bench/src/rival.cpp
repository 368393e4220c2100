#include "rival.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>

#include "programs.hpp"

namespace switchboard::bench {

Result<double> run_rival(const RivalPlan& plan) {
    const std::string command = "'" + own_folder() + "/bare-load' " + plan.target.to_string() +
                                " " + std::to_string(plan.connections) + " " +
                                std::to_string(plan.size) + " " +
                                std::to_string(plan.duration.count()) + " 2>&1";
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), pclose);
    if (!pipe) return fail_errno("start bare-load");
    std::string said;
    std::array<char, 512> line{};
    while (std::fgets(line.data(), line.size(), pipe.get()) != nullptr) {
        double rate = 0;
        if (std::sscanf(line.data(), "exchanges/s %lf", &rate) == 1) return rate;
        said = line.data();
    }
    return fail(errc::unsupported, "bare-load: " + said);
}

}  // namespace switchboard::bench
