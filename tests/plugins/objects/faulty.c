/* An echo with the bug that its option names. */
#include <stdlib.h>
#include <switchboard/plugin.h>

enum { NONE, CUT, CRASH, HANG, LATE, DESTROY };

static const sb_host* host;
static sb_peer* ended;

typedef struct {
    int bug;
    sb_peer* peer;
} state;

static int create(void* self, void* service) {
    ((state*)self)->bug = *(const int*)service;
    return 0;
}

static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    static volatile int forever = 1;
    const int bug = ((state*)self)->bug;
    if (bug == CRASH && size == 3) abort();
    if (bug == HANG && size == 3) host->log(host, 3, "it hangs");
    while (bug == HANG && size == 3 && forever) {
    }
    if (bug == LATE && ended) host->write(ended, in, size);
    ((state*)self)->peer = peer;
    host->write(peer, bug == CUT && size < 3 ? (const unsigned char*)"???" : in, size);
    return size;
}

static void on_close(void* self, sb_error reason) {
    (void)reason;
    ended = ((state*)self)->peer;
}

static void destroy(void* self) {
    if (((state*)self)->bug == DESTROY && ((state*)self)->peer)
        host->write(((state*)self)->peer, (const unsigned char*)"?", 1);
}

static int configure(const sb_protocol* protocol, const sb_use* use, void** service, char* why,
                     size_t size) {
    static const int bugs[] = {NONE, CUT, CRASH, HANG, LATE, DESTROY};
    (void)protocol, (void)why, (void)size;
    *service = (void*)&bugs[use->values[0].number];
    return 0;
}

static const char* const names[] = {"none", "cut", "crash", "hang", "late", "destroy", NULL};
static const sb_option options[] = {{.struct_size = sizeof(sb_option),
                                     .type = SB_CHOICE,
                                     .name = "bug",
                                     .help = "what it does wrong",
                                     .fallback = "none",
                                     .choices = names}};
static const sb_stream stream = {.struct_size = sizeof stream,
                                 .state_size = sizeof(state),
                                 .create = create,
                                 .on_data = on_data,
                                 .on_close = on_close,
                                 .destroy = destroy};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "faulty",
     .summary = "an echo with a bug",
     .options = options,
     .option_count = 1,
     .stream = &stream,
     .configure = configure},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why, (void)size;
    host = of;
    return 0;
}

static const sb_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = SB_ABI,
    .name = "faulty",
    .version = "1.0",
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
