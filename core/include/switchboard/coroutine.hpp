// Coroutines: a protocol that is written from top to bottom, as one function per connection.
//
//     Task<> echo(Stream& peer) {
//         while (const auto in = co_await peer.read_some()) peer.write(*in);
//     }
//     reactor.listen(endpoint, coroutine(echo));
//
// Such a protocol runs on every driver, and costs little more than a class: see examples/guide/coroutines.md,
// which also lists the expressions that gcc 12 compiles wrongly. Nothing here needs exceptions or run-time
// types. Stream is in coroutine/stream.hpp, and Task in coroutine/task.hpp.
#pragma once

#include <memory>
#include <switchboard/coroutine/branches.hpp>
#include <switchboard/coroutine/session.hpp>
#include <utility>

namespace switchboard {

// Returns a factory of sessions. Each connection has a copy of `session`, which is called once, as
// Task<>(Stream&). The copy lives as long as the session. So the captures of a lambda are valid in it.
template <class Function>
ProtocolFactory coroutine(Function session) {
    return [session = std::move(session)]() -> std::unique_ptr<Protocol> {
        return std::make_unique<detail::SessionOf<Function>>(session);
    };
}

// Runs tasks side by side, on this thread, and ends when all have returned. If one throws, the others are
// destroyed where they wait, and the await throws the same. Results go through references that the tasks
// are given. Use it in a session, or in a task of a reactor (reactor_coroutine.hpp).
template <class... Rest>
detail::WhenAll<sizeof...(Rest) + 1> when_all(Task<> first, Rest... rest) {
    return detail::WhenAll<sizeof...(Rest) + 1>(std::move(first), std::move(rest)...);
}

// Ends when the first of the tasks returns or throws. The others are destroyed where they wait. Gives the
// index of the first: 0 for the first argument.
template <class... Rest>
detail::FirstOf<sizeof...(Rest) + 1> first_of(Task<> first, Rest... rest) {
    return detail::FirstOf<sizeof...(Rest) + 1>(std::move(first), std::move(rest)...);
}

}  // namespace switchboard
