/* Sends its version and then its input. A test makes other versions of it: it changes the digits of the text
 * in a copy of the file. */
#include <switchboard/plugin.h>

static const sb_host* host;
static const char version[] = "version 000";

static void on_open(void* self, sb_peer* peer) {
    (void)self;
    host->write(peer, version, sizeof version - 1);
}
static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    host->write(peer, in, size);
    return size;
}

static const sb_stream stream = {
    .struct_size = sizeof stream, .on_open = on_open, .on_data = on_data};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "version",
     .summary = "sends its version",
     .stream = &stream},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why, (void)size;
    host = of;
    return 0;
}
static void stop(void) {
    host->log(host, 1, version);
}

static const sb_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = SB_ABI,
    .name = "version",
    .version = version,
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
    .stop = stop,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
