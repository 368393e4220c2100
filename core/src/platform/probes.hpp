// USDT probes, for bpftrace(8), perf-probe(1) and SystemTap. Each costs one no-op instruction until a tracer
// attaches. They need the build option SWITCHBOARD_USDT (Debian: systemtap-sdt-dev); without it they are
// empty functions. Private to core and reactor.
#pragma once

#include <cstdint>

#if defined(SWITCHBOARD_USDT)
#include <sys/sdt.h>
#endif

namespace switchboard::platform {

#if defined(SWITCHBOARD_USDT)
inline void probe_open(int fd, std::uint32_t slot, bool accepted) noexcept {
    DTRACE_PROBE3(switchboard, connection_open, fd, slot, accepted);
}
inline void probe_close(int fd, std::uint32_t slot, int reason) noexcept {
    DTRACE_PROBE3(switchboard, connection_close, fd, slot, reason);
}
inline void probe_accept_error(int error) noexcept {
    DTRACE_PROBE1(switchboard, accept_error, error);
}
inline void probe_stall(std::int64_t milliseconds) noexcept {
    DTRACE_PROBE1(switchboard, stall, milliseconds);
}
inline void probe_drain(std::uint64_t open) noexcept {
    DTRACE_PROBE1(switchboard, drain, open);
}
#else
inline void probe_open(int, std::uint32_t, bool) noexcept {}
inline void probe_close(int, std::uint32_t, int) noexcept {}
inline void probe_accept_error(int) noexcept {}
inline void probe_stall(std::int64_t) noexcept {}
inline void probe_drain(std::uint64_t) noexcept {}
#endif

}  // namespace switchboard::platform
