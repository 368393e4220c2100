/* Answers each byte with the number of its process, except '!', which ends the process by a signal. */
#include <signal.h>
#include <stdio.h>
#include <switchboard/plugin.h>
#include <unistd.h>

static const sb_host* host;

static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    for (size_t i = 0; i < size; ++i) {
        char text[16];
        if (in[i] == '!') {
            signal(SIGSEGV, SIG_DFL); /* sanitizers have a handler */
            raise(SIGSEGV);
        }
        host->write(peer, text, (size_t)snprintf(text, sizeof text, "%010ld\n", (long)getpid()));
    }
    return size;
}

static const sb_stream stream = {.struct_size = sizeof stream, .on_data = on_data};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "crash",
     .summary = "crashes on some bytes",
     .stream = &stream},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why, (void)size;
    host = of;
    return 0;
}

static const sb_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = SB_ABI,
    .name = "crash",
    .version = "1.0",
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
