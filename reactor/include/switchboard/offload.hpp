// offload(): work that blocks or takes long, on a thread pool.
#pragma once

#include <functional>
#include <switchboard/cancel_token.hpp>
#include <switchboard/id.hpp>
#include <switchboard/source_location.hpp>
#include <system_error>

namespace switchboard {

class Reactor;

using OffloadId = Id<struct OffloadTag>;

// Runs `work` on a thread of libuv's pool, which has 4 threads or as many as the environment variable
// UV_THREADPOOL_SIZE says. Then calls `done` once, on the reactor's thread: with {}, with
// errc::handler_failed if `work` threw (the exception is logged), or with std::errc::operation_canceled if it
// was cancelled before it began. If `work` is cancelled after that, its token says so; `work` itself decides
// what to do.
//
// What `work` owns is destroyed on the pool's thread after it has run. What `done` owns is destroyed on the
// reactor's thread. Pending work keeps run() from returning. The reactor's destructor cancels all work, waits
// for work that has begun (on a host's loop, the host waits), and calls no `done`. For the reactor's thread.
OffloadId offload(Reactor& reactor, std::function<void(const CancelToken&)> work,
                  std::function<void(std::error_code)> done,
                  SourceLocation location = SourceLocation::current());
void cancel(Reactor& reactor, OffloadId offload);  // no effect once `work` has run

}  // namespace switchboard
