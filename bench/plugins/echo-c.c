/* Sends its input back: the smallest plugin in C. `switchboard-bench cost` measures it. */
#include <switchboard/plugin.h>

static const sb_host* host;

static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    host->write(peer, in, size);
    return size;
}

static const sb_stream stream = {.struct_size = sizeof stream, .on_data = on_data};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "echo-c",
     .summary = "sends its input back",
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
    .name = "echo-c",
    .version = "1.0",
    .summary = "an echo in C",
    .licence = "MIT",
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
