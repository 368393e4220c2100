// `switchboard-bench load`: any server under load.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace switchboard::bench {

// Adds `load` to `app`, as add_compare() does. Exit status: 0; 1 if nothing could be measured or a byte
// was wrong; 130 after Ctrl-C, with what was measured by then.
void add_load(CLI::App& app, std::function<int()>& chosen);

}  // namespace switchboard::bench
