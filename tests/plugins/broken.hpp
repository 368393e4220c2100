// The ways in which objects/broken.cpp is broken: the environment variable BROKEN names one.
#pragma once

#include <cstdlib>
#include <string>

namespace switchboard::test {

struct Broken {
    const char* kind;
    const char* message;  // a part of it
};

// Each of these is refused when it is loaded.
inline constexpr Broken kRefused[] = {
    {"entry_throws", "switchboard_plugin() threw: thrown for entry_throws"},
    {"entry_is_null", "switchboard_plugin() returned no table"},
    {"major", "it was built for plugin ABI 7.0, and this program has 0.2: "},
    {"minor",
     "it was built for plugin ABI 0.3, and this program has 0.2; while the major number is 0, "
     "both"},
    {"previous_minor",
     "it was built for plugin ABI 0.1, and this program has 0.2; while the major number"},
    {"short_plugin", "the struct_size of its sb_plugin is 8, and must be "},
    {"huge_plugin", "the struct_size of its sb_plugin is 1073741824"},
    {"no_name", "the plugin has no name"},
    {"bad_name", "the name \"Bad Name\" of the plugin must consist of a-z"},
    {"no_version", "it has no version"},
    {"no_protocols", "it has no protocols"},
    {"null_protocols", "it claims 2 elements of type sb_protocol, and has none"},
    {"many_protocols", "it claims 18446744073709551615 elements of type sb_protocol"},
    {"short_protocol", "the struct_size of its sb_protocol is 12"},
    {"unnamed_protocol", "protocol 1 has no name"},
    {"same_protocol", "it has protocol broken twice"},
    {"no_stream", "protocol other: it has no stream and no datagrams"},
    {"unknown_flags", "protocol other: it has the flags 16, which this program does not know"},
    {"short_stream", "protocol broken: the struct_size of its sb_stream is 0"},
    {"no_on_data", "protocol broken: it has no on_data"},
    {"huge_state", "protocol broken: its state_size is 1048577, and may be at most 1048576"},
    {"short_option", "protocol broken: the struct_size of its sb_option is 4"},
    {"null_options", "protocol broken: it claims 2 elements of type sb_option, and has none"},
    {"unnamed_option", "protocol broken: option 1 has no name"},
    {"same_option", "protocol broken: it has option first twice"},
    {"unknown_type", "protocol broken: option second: this program does not know type 99"},
    {"bad_fallback",
     "option second: its fallback is invalid: option second: \"one\" is not an integer"},
    {"no_choices", "protocol broken: option second: it has no choices"},
    {"bad_range", "protocol broken: option second: its least value is above its most"},
    {"start_fails", ".so: the licence?has run out: the plugin was refused"},
    {"start_is_silent", "start() failed and gave no reason"},
    {"start_throws", "start() threw: thrown for start_throws"},
};

// Each of these is loaded, and does wrong while it serves.
inline constexpr Broken kContained[] = {
    {"configure_fails", "broken: no such table: bad option"},
    {"configure_throws", "configure() threw: thrown for configure_throws"},
    {"create_throws", "thrown for create_throws"},
    {"on_data_throws", "on_data threw: thrown for on_data_throws"},
    {"throws_a_number", "on_data threw"},
    {"claims_more", "on_data used 6 of 5 bytes"},
    {"gives_up", "on_data threw: cannot go on"},
    {"writes_late", "write() with a connection that has ended"},
    {"on_close_throws", "on_close() threw, which it must not"},
    {"destroy_throws", "destroy() threw, which it must not"},
    {"is_busy_throws", "is_busy() threw, which it must not"},
    {"backpressure_throws", "reads_under_backpressure() threw, which it must not"},
    {"release_throws", "release() threw"},
    {"stop_throws", "stop() threw"},
};

// Each of these would end the process, so that only a probe finds it.
inline constexpr Broken kProbed[] = {
    {"initializer_throws", "it ended the process that tried it, with signal 6"},
    {"initializer_exits", "it ended the process that tried it, with status 0"},
    {"stop_crashes", "it ended the process that tried it, with signal 6"},
    {"start_hangs", "it did not start and stop within "},
    {"start_closes_all", "the process that tried it was killed without an answer"},
};

// Each of these is loaded, but not in the place of a version whose uses have the option second=7.
inline constexpr Broken kNotReplacing[] = {
    {"other_name", "it is plugin another, and not broken"},
    {"fewer_protocols", "it has no protocol other, which the version in use has"},
    {"taken_protocol", "there is a protocol taken already"},
    {"other_flags", "the flags of protocol other are 1, and those of the version in use 0"},
    {"other_options", "protocol broken: option second: no such option; available: first, third"},
    {"other_range", "protocol broken: option second: must be at most 6"},
    {"configure_fails", "protocol broken: no such table"},
    {"configure_is_silent", "protocol broken: configure() failed and gave no reason"},
    {"configure_throws", "protocol broken: configure() threw: thrown for configure_throws"},
    {"check_fails", ".so: the table is empty"},
    {"check_is_silent", ".so: check() failed and gave no reason"},
    {"check_throws", ".so: check() threw: thrown for check_throws"},
};

// Sets BROKEN while it lives.
class BrokenAs {
public:
    explicit BrokenAs(const char* kind) { ::setenv("BROKEN", kind, 1); }
    BrokenAs(const BrokenAs&) = delete;
    BrokenAs& operator=(const BrokenAs&) = delete;
    ~BrokenAs() { ::unsetenv("BROKEN"); }
};

}  // namespace switchboard::test
