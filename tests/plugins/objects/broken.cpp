// A plugin that is broken in the way that the environment variable BROKEN names.
#include <fcntl.h>
#include <switchboard/plugin.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace {

const sb_host* host;
sb_peer* kept;

bool is(const char* kind) {
    const char* const broken = std::getenv("BROKEN");
    return broken && std::strcmp(broken, kind) == 0;
}

void throw_if(const char* kind) {
    if (is(kind)) throw std::runtime_error(std::string("thrown for ") + kind);
}

// Runs when the file is opened.
bool initialize() {
    throw_if("initializer_throws");
    if (is("initializer_crashes")) std::abort();
    if (is("initializer_exits")) std::_Exit(0);
    return true;
}
const bool initialized = initialize();

int create(void*, void*) {
    throw_if("create_throws");
    return is("create_refuses") ? 1 : 0;
}
void destroy(void*) {
    throw_if("destroy_throws");
}
std::size_t on_data(void*, sb_peer* peer, unsigned char* in, std::size_t size) {
    throw_if("on_data_throws");
    if (is("throws_a_number")) throw 42;
    if (is("claims_more")) return size + 1;
    if (is("gives_up")) host->failed(peer, "cannot go on");
    if (is("writes_late") && kept && kept != peer) host->write(kept, "late", 4);
    kept = peer;
    host->write(peer, in, size);
    return size;
}
void on_close(void*, sb_error) {
    throw_if("on_close_throws");
}
int is_busy(const void*) {
    throw_if("is_busy_throws");
    return 0;
}
int reads_under_backpressure(const void*) {
    throw_if("backpressure_throws");
    return 0;
}
int configure(const sb_protocol*, const sb_use*, void** service, char* why, std::size_t size) {
    throw_if("configure_throws");
    if (is("configure_fails")) std::snprintf(why, size, "no such table");
    if (is("configure_leaves")) static_cast<void>(::open("/dev/null", O_RDONLY));
    *service = &host;
    return is("configure_fails") || is("configure_is_silent") ? 1 : 0;
}
void release(void*) {
    throw_if("release_throws");
}
// What is ended and closed by stop(), and what is not.
std::thread joined;
int closed = -1;
void leave() {
    if (is("leaves_threads"))
        for (int i = 0; i < 2; ++i)
            std::thread([] {
                for (;;) ::pause();
            }).detach();
    if (is("leaves_threads") || is("leaves_a_file"))
        static_cast<void>(::open("/dev/null", O_RDONLY));
    if (is("leaves_a_socket")) static_cast<void>(::socket(AF_INET, SOCK_STREAM, 0));
    if (is("leaves_nothing")) {
        joined = std::thread([] {});
        closed = ::open("/dev/null", O_RDONLY);
    }
}

void wait_for_writers(const char* fifo) {
    const int fd = ::open(fifo, O_RDONLY | O_CLOEXEC);
    char byte = 0;
    while (fd >= 0 && ::read(fd, &byte, 1) > 0) continue;
    if (fd >= 0) ::close(fd);
}

int start(const sb_host* of, char* why, std::size_t size) {
    host = of;
    throw_if("start_throws");
    if (is("start_closes_all"))
        for (int fd = 0; fd < 1024; ++fd) ::close(fd);
    while (is("start_hangs") || is("start_closes_all")) {
    }
    if (is("start_forks") && ::fork() == 0)
        for (;;) ::pause();
    if (is("start_waits")) wait_for_writers(std::getenv("BROKEN_FIFO"));
    leave();
    if (is("start_fails")) std::snprintf(why, size, "the licence\nhas run out");
    return is("start_fails") || is("start_is_silent") ? 1 : 0;
}
int check(char* why, std::size_t size) {
    throw_if("check_throws");
    if (is("check_fails")) std::snprintf(why, size, "the table is empty");
    return is("check_fails") || is("check_is_silent") ? 1 : 0;
}
void stop() {
    if (is("stop_crashes")) std::abort();
    throw_if("stop_throws");
    if (joined.joinable()) joined.join();
    if (closed >= 0) ::close(closed);
}

sb_stream stream;
sb_option options[2];
sb_protocol protocols[2];
sb_plugin plugin;

void fill() {
    stream = {};
    stream.struct_size = sizeof stream;
    stream.create = create;
    stream.destroy = destroy;
    stream.on_data = on_data;
    stream.on_close = on_close;
    stream.is_busy = is_busy;
    stream.reads_under_backpressure = reads_under_backpressure;
    for (std::size_t i = 0; i < 2; ++i) {
        options[i] = {};
        options[i].struct_size = sizeof(sb_option);
        options[i].type = SB_INTEGER;
        options[i].name = i == 0 ? "first" : "second";
        options[i].fallback = "1";
        protocols[i] = {};
        protocols[i].struct_size = sizeof(sb_protocol);
        protocols[i].name = i == 0 ? "broken" : "other";
        protocols[i].options = options;
        protocols[i].option_count = 2;
        protocols[i].stream = &stream;
        protocols[i].configure = configure;
        protocols[i].release = release;
    }
    plugin = {sizeof plugin, SB_ABI, "broken", "1",  "",      "",
              protocols,     2,      start,    stop, nullptr, check};
}

void break_plugin() {
    if (is("major")) plugin.abi_version = 7u << 16;
    if (is("minor")) plugin.abi_version = SB_ABI + 1;
    if (is("previous_minor")) plugin.abi_version = SB_ABI - 1;
    if (is("short_plugin")) plugin.struct_size = 8;
    if (is("huge_plugin")) plugin.struct_size = 1u << 30;
    if (is("no_name")) plugin.name = nullptr;
    if (is("bad_name")) plugin.name = "Bad Name";
    if (is("no_version")) plugin.version = "";
    if (is("no_protocols")) plugin.protocol_count = 0;
    if (is("null_protocols")) plugin.protocols = nullptr;
    if (is("many_protocols")) plugin.protocol_count = SIZE_MAX;
}

void break_protocol() {
    sb_protocol& protocol = protocols[1];
    if (is("short_protocol")) protocol.struct_size = 12;
    if (is("unnamed_protocol")) protocol.name = "";
    if (is("same_protocol")) protocol.name = "broken";
    if (is("no_stream")) protocol.stream = nullptr;
    if (is("unknown_flags")) protocol.flags = 16;
    if (is("short_stream")) stream.struct_size = 0;
    if (is("no_on_data")) stream.on_data = nullptr;
    if (is("huge_state")) stream.state_size = SB_MAX_STATE + 1;
}

void break_option() {
    sb_option& option = options[1];
    if (is("short_option")) option.struct_size = 4;
    if (is("null_options")) protocols[0].options = nullptr;
    if (is("unnamed_option")) option.name = nullptr;
    if (is("same_option")) option.name = "first";
    if (is("unknown_type")) option.type = 99;
    if (is("bad_fallback")) option.fallback = "one";
    if (is("no_choices")) option.type = SB_CHOICE;
    if (is("bad_range")) option.least = 2;
}

// Good by itself, but not in the place of another version.
void change_version() {
    if (is("other_name")) plugin.name = "another";
    if (is("fewer_protocols")) plugin.protocol_count = 1;
    if (is("taken_protocol")) protocols[1].name = "taken";
    if (is("other_flags")) protocols[1].flags = SB_ONE_REACTOR;
    if (is("other_options")) options[1].name = "third";
    if (is("other_range")) options[1].least = 1, options[1].most = 6;
}

}  // namespace

extern "C" const sb_plugin* switchboard_plugin(std::uint32_t) {
    throw_if("entry_throws");
    if (is("entry_is_null")) return nullptr;
    if (!initialized) return nullptr;
    fill();
    break_plugin();
    break_protocol();
    break_option();
    change_version();
    return &plugin;
}
