// on_signal(): signals as callbacks of a reactor.
#pragma once

#include <functional>
#include <switchboard/error.hpp>

namespace switchboard {

class Reactor;

// Calls `fn` on the reactor's thread whenever `signal` (man 7 signal) arrives, until the reactor is
// destroyed. This changes the disposition of the signal for the whole process; nothing else in the library
// does so. A signal callback does not keep run() from returning. Errors: the error of the system if the
// signal cannot be caught; errc::forked; errc::stopping if the reactor is being destroyed.
[[nodiscard]] Result<void> on_signal(Reactor& reactor, int signal, std::function<void()> fn);

}  // namespace switchboard
