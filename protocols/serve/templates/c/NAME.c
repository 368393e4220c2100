/* A request is a line, and the reply is the same line in upper case. "quit" ends the connection. */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <switchboard/plugin.h>

enum { MOST_LINE = 8 * 1024 };

static const sb_host* host;

/* Returns how many bytes it used. With 0 the same bytes come again, and more behind them. */
static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    const unsigned char* const end = memchr(in, '\n', size);
    const size_t length = end ? (size_t)(end - in) + 1 : size;
    (void)self;
    if (length > MOST_LINE) {
        host->close(peer, (sb_error){SB_GENERIC, EMSGSIZE});
        return 0;
    }
    if (!end) return 0;
    if (length == 5 && memcmp(in, "quit", 4) == 0) {
        host->close(peer, (sb_error){0, 0});
        return length;
    }
    for (size_t i = 0; i < length; ++i) in[i] = (unsigned char)toupper(in[i]);
    host->write(peer, in, length);
    return length;
}

static const sb_stream stream = {.struct_size = sizeof stream, .on_data = on_data};

static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "@NAME@",
     .summary = "answers each line in upper case",
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
    .name = "@NAME@",
    .version = "0.1",
    .summary = "answers each line in upper case",
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
