/* Sends its option `text`, which is its version by default, and then its input. Tests make other versions of
 * it: they change the digits of the text in a copy of the file. */
#include <stdlib.h>
#include <string.h>
#include <switchboard/plugin.h>

static const sb_host* host;
static const char version[] = "version 000";

static int configure(const sb_protocol* protocol, const sb_use* use, void** service, char* why,
                     size_t size) {
    (void)protocol, (void)why, (void)size;
    *service = calloc(1, strlen(use->values[0].text) + 1);
    if (!*service) return 1;
    strcpy(*service, use->values[0].text);
    return 0;
}
static int create(void* self, void* service) {
    memcpy(self, &service, sizeof service);
    return 0;
}
static void on_open(void* self, sb_peer* peer) {
    const char* text;
    memcpy(&text, self, sizeof text);
    host->write(peer, text, strlen(text));
}
static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    host->write(peer, in, size);
    return size;
}

static const sb_option options[] = {
    {.struct_size = sizeof(sb_option), .type = SB_TEXT, .name = "text", .fallback = version},
};
static const sb_stream stream = {.struct_size = sizeof stream,
                                 .state_size = sizeof(void*),
                                 .create = create,
                                 .on_open = on_open,
                                 .on_data = on_data};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "version",
     .summary = version,
     .options = options,
     .option_count = 1,
     .stream = &stream,
     .configure = configure,
     .release = free},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why, (void)size;
    host = of;
    return 0;
}
static int check(char* why, size_t size) {
    (void)why, (void)size;
    host->log(host, 1, "checked");
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
    .check = check,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
