// What no single option of compare can know.
#include <algorithm>

#include "compare_options.hpp"
#include "generator.hpp"
#include "lists.hpp"
#include "programs.hpp"
#include "server.hpp"

namespace switchboard::bench {
namespace {

Result<void> bad(const std::string& what) {
    return fail(errc::bad_option, what);
}

Result<void> check_server(const std::string& name) {
    if (find_server_kind(name)) return {};
    return bad("--drivers " + name + ": there is " + list_servers());
}

Result<void> check_connections(std::size_t connections) {
    const std::string asked = "--connections " + std::to_string(connections);
    if (connections == 0) return bad(asked + ": at least 1");
    if (connections <= most_connections()) return {};
    return bad(asked + ": the descriptor limit is " + std::to_string(descriptor_limit()) +
               " (ulimit -Hn), so at most " + std::to_string(most_connections()));
}

Result<void> check_counts(const CompareOptions& options) {
    if (options.depth == 0) return bad("--depth 0: at least 1");
    if (auto fits = check_range("--rounds", options.rounds, 1, 1'000); !fits) return fits;
    if (auto fits = check_range("--workers", options.workers, 1, 1'000); !fits) return fits;
    if (auto fits = check_duration(options.duration); !fits) return fits;
    if (options.over != "tcp" && options.over != "unix") {
        return bad("--over " + options.over + ": tcp or unix");
    }
    return {};
}

Result<void> check_together(const CompareOptions& options) {
    if (options.same_core && options.spread)
        return bad("--same-core and --spread exclude each other");
    if (options.find_knee != options.slo.has_value())
        return bad("--find-knee and --slo go together");
    if (options.find_knee && options.rate > 0) return bad("--find-knee looks for --rate itself");
    if (options.find_knee && find_workload_kind(options.workload)->is_stream)
        return bad("--find-knee: " + options.workload + " has no requests");
    if (options.cost && options.workload != "echo") return bad("--cost: counts echo alone");
    if (options.cost && (options.depth > 1 || options.over != "tcp" || !options.beside.empty()))
        return bad("--cost: counts TCP, depth 1, with nobody beside");
    if (find_workload_kind(options.workload)->manner == WorkloadKind::Manner::idles)
        return bad("--workload " + options.workload + ": has nothing to compare; it goes --beside");
    if (options.arrivals != Arrivals::constant && options.rate <= 0)
        return bad("--arrivals: of --rate alone");
    if (options.work.count() > 0 && options.workload != "reply")
        return bad("--work: of --workload reply alone");
    return {};
}

// That there is such a load, with each size.
Result<void> check_loads(const CompareOptions& options) {
    for (const std::size_t size : options.sizes) {
        for (const std::size_t connections : options.connections) {
            LoadPlan plan;
            plan.group = {options.workload, connections, size, options.reply, options.depth};
            plan.rate = options.rate;
            plan.exchanges = options.exchanges;
            for (const std::string& text : options.beside) {
                auto beside = parse_beside(text, size);
                if (!beside) return tl::unexpected(beside.error());
                plan.beside.push_back(*std::move(beside));
            }
            if (auto fits = check(plan); !fits) return fits;
            if (auto fits = check_connections(all_connections(plan)); !fits) return fits;
        }
    }
    return {};
}

Result<void> check_once(const std::string& option, std::vector<std::string> values) {
    std::sort(values.begin(), values.end());
    const auto twice = std::adjacent_find(values.begin(), values.end());
    return twice == values.end() ? Result<void>() : bad(option + " " + *twice + ": is there twice");
}

std::vector<std::string> texts_of(const std::vector<std::size_t>& numbers) {
    std::vector<std::string> texts;
    texts.reserve(numbers.size());
    for (const std::size_t number : numbers) texts.push_back(std::to_string(number));
    return texts;
}

Result<void> check_lists(const CompareOptions& options) {
    auto once = check_once("--drivers", options.servers);
    if (once) once = check_once("--connections", texts_of(options.connections));
    return once ? check_once("--size", texts_of(options.sizes)) : once;
}

}  // namespace

Result<void> check(const CompareOptions& options) {
    if (auto counts = check_counts(options); !counts) return counts;
    if (auto lists = check_lists(options); !lists) return lists;
    for (const std::string& name : options.servers) {
        if (auto server = check_server(name); !server) return server;
    }
    for (const std::size_t connections : options.connections) {
        if (auto allowed = check_connections(connections); !allowed) return allowed;
    }
    if (auto loads = check_loads(options); !loads) return loads;
    if (auto fits = check_together(options); !fits) return fits;
    return find_server_kind(options.baseline)
               ? Result<void>()
               : bad("--baseline " + options.baseline + ": there is " + list_servers());
}

}  // namespace switchboard::bench
