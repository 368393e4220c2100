/* Each byte of input is a command, so that a test can make every call of the interface. What the callbacks do
 * is visible in the output. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <switchboard/plugin.h>
#include <unistd.h>

static const sb_host* host;
static int released; /* how often the host returned what was lent */
static int stopped;

struct state {
    int64_t busy;
    long double aligned; /* the state may need any alignment */
};
struct service {
    char greeting[64];
    int64_t numbers[4];
};

static void say(sb_peer* peer, const char* text) {
    host->write(peer, text, strlen(text));
}

static void release(void* owner) {
    ++*(int*)owner;
}

static void close_file(void* owner) {
    close(*(int*)owner);
    ++released;
}

static void write_options(sb_peer* peer, const struct service* service) {
    char text[160];
    snprintf(text, sizeof text, "%s %d %d %d %d;", service->greeting, (int)service->numbers[0],
             (int)service->numbers[1], (int)service->numbers[2], (int)service->numbers[3]);
    say(peer, text);
}

static struct service* last_service;

static int create(void* self, void* service) {
    struct state* state = self;
    last_service = service;
    if ((uintptr_t)&state->aligned % 16 != 0) return 1;
    return state->busy != 0;
}

static void on_open(void* self, sb_peer* peer) {
    (void)self;
    write_options(peer, last_service);
}

static size_t upper(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    for (size_t i = 0; i < size; ++i) in[i] = (unsigned char)(in[i] & ~0x20);
    host->write(peer, in, size);
    return size;
}
static const sb_stream upper_stream = {.struct_size = sizeof(sb_stream), .on_data = upper};
static const sb_stream bad_stream = {.struct_size = sizeof(sb_stream)};

static void write_pieces(sb_peer* peer) {
    sb_bytes pieces[20];
    for (size_t i = 0; i < 20; ++i) {
        pieces[i].data = &"abcdefghijklmnopqrst"[i];
        pieces[i].size = 1;
    }
    host->write_pieces(peer, pieces, 20);
}

static void tell(sb_peer* peer) {
    char text[300], peer_name[64], cut[4];
    sb_credentials who;
    who.struct_size = sizeof who;
    const sb_error error = host->credentials(peer, &who);
    const size_t length = host->endpoint(peer, 0, peer_name, sizeof peer_name);
    const size_t whole = host->endpoint(peer, 1, cut, sizeof cut);
    snprintf(text, sizeof text,
             "peer %d, local %d %zu, id %d, queued %d, closing %d, credentials %d;",
             length == strlen(peer_name), whole >= strlen(cut), strlen(cut), host->id(peer) != 0,
             (int)host->queued(peer), host->closing(peer), error.domain == 0 || error.value != 0);
    say(peer, text);
}

static void tell_security(void* text, const sb_security* security) {
    const sb_identity* who = security->peer;
    snprintf(text, 300, "%s %s %s %s %d %s %s %d %d;", security->version, security->cipher,
             security->protocol, security->server_name, security->resumed,
             who ? who->subject : "nobody", who ? who->names[who->name_count - 1] : "-",
             who ? (int)who->der.size : 0, who ? who->fingerprint[31] : 0);
}

static void write_security(sb_peer* peer) {
    char text[300] = "plain;";
    host->security(peer, tell_security, text);
    say(peer, text);
}

static void end(sb_peer* peer, int32_t domain, int32_t value) {
    sb_error error;
    error.domain = domain;
    error.value = value;
    host->close(peer, error);
}

static void command(struct state* state, sb_peer* peer, int which) {
    static int file;
    sb_error reset = {SB_SYSTEM, ECONNRESET};
    switch (which) {
        case 'w': say(peer, "written;"); break;
        case 'p': write_pieces(peer); break;
        case 's': host->write_shared(peer, "shared;", 7, release, &released); break;
        case 'f':
            file = open("/proc/self/exe", O_RDONLY);
            host->send_file(peer, file, 1, 3, close_file, &file);
            break;
        case 'h': host->shutdown_write(peer); break;
        case 'c': end(peer, 0, 0); break;
        case 'o': end(peer, SB_OWN + 1, 7); break;
        case 'u': end(peer, 99, 5); break;
        case 'a': host->abort(peer, reset); break;
        case 'd': host->set_deadline(peer, host->now(peer) + 5 * 1000000); break;
        case 'D': host->set_deadline(peer, SB_NEVER); break;
        case 'P':
            host->pause_reading(peer);
            host->resume_reading(peer);
            break;
        case 't': host->switch_to(peer, &upper_stream, NULL); break;
        case 'T':
            say(peer, host->switch_to(peer, &bad_stream, NULL) ? "switched;" : "not switched;");
            break;
        case 'b': state->busy = 1; break;
        case 'i': state->busy = 0; break;
        case '?': tell(peer); break;
        case '!': write_security(peer); break;
        case 'l': host->log(host, 2, "a line\nof text"); break;
        case 'r': say(peer, released == 2 ? "released twice;" : "not released;"); break;
        case 'F': host->failed(peer, "cannot\tgo on"); break;
        default: break;
    }
}

static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)size;
    command(self, peer, in[0]);
    return 1;
}

static void on_writable(void* self, sb_peer* peer) {
    (void)self;
    say(peer, "writable;");
}
static void on_resume(void* self, sb_peer* peer) {
    (void)self;
    say(peer, "resume;");
}
static void on_eof(void* self, sb_peer* peer) {
    (void)self;
    say(peer, "eof;");
    end(peer, 0, 0);
}
static void on_deadline(void* self, sb_peer* peer) {
    (void)self;
    say(peer, "deadline;");
}
static void on_shutdown(void* self, sb_peer* peer) {
    (void)self;
    say(peer, "shutdown;");
}
static void on_close(void* self, sb_error reason) {
    char text[64];
    (void)self;
    snprintf(text, sizeof text, "closed: %d %d", (int)reason.domain, (int)reason.value);
    host->log(host, 0, text);
}
static int is_busy(const void* self) {
    return ((const struct state*)self)->busy != 0;
}
static int reads_under_backpressure(const void* self) {
    return is_busy(self);
}
static void destroy(void* self) {
    (void)self;
    host->log(host, 0, "destroyed");
}

static int configure(const sb_protocol* protocol, const sb_use* use, void** service, char* why,
                     size_t size) {
    static struct service made;
    const sb_value* const values = use->values;
    if (strcmp(values[0].text, "rude") == 0) {
        snprintf(why, size, "%s: be polite", protocol->name);
        return 1;
    }
    snprintf(made.greeting, sizeof made.greeting, "%s", values[0].text);
    for (size_t i = 0; i < 4; ++i) made.numbers[i] = values[i + 1].number;
    *service = &made;
    return 0;
}
static void release_service(void* service) {
    (void)service;
    host->log(host, 0, "released");
}

static const char* const choices[] = {"red", "green", "blue", NULL};
static const sb_option options[] = {
    {.struct_size = sizeof(sb_option),
     .type = SB_TEXT,
     .name = "greeting",
     .help = "what it says",
     .fallback = "hi"},
    {.struct_size = sizeof(sb_option),
     .type = SB_FLAG,
     .name = "flag",
     .help = "a flag",
     .fallback = "yes"},
    {.struct_size = sizeof(sb_option),
     .type = SB_SIZE,
     .name = "size",
     .help = "bytes",
     .fallback = "2k",
     .most = 4096},
    {.struct_size = sizeof(sb_option),
     .type = SB_DURATION,
     .name = "time",
     .help = "a time",
     .fallback = "3s"},
    {.struct_size = sizeof(sb_option),
     .type = SB_CHOICE,
     .name = "colour",
     .help = "a colour",
     .fallback = "blue",
     .choices = choices},
};
static const sb_stream stream = {
    .struct_size = sizeof stream,
    .state_size = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .on_open = on_open,
    .on_data = on_data,
    .on_writable = on_writable,
    .on_resume = on_resume,
    .on_eof = on_eof,
    .on_deadline = on_deadline,
    .on_shutdown = on_shutdown,
    .on_close = on_close,
    .is_busy = is_busy,
    .reads_under_backpressure = reads_under_backpressure,
};
static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .flags = SB_ONE_REACTOR,
     .name = "commands",
     .summary = "does what each byte says",
     .options = options,
     .option_count = sizeof options / sizeof *options,
     .stream = &stream,
     .configure = configure,
     .release = release_service},
};

static int start(const sb_host* of, char* why, size_t size) {
    host = of;
    if (of->abi_version != SB_ABI || !SB_HAS(of, log)) {
        snprintf(why, size, "this host is too old");
        return 1;
    }
    host->log(host, 1, stopped ? "started again" : "started");
    return 0;
}
static void stop(void) {
    ++stopped;
    host->log(host, 1, "stopped");
}
static void describe(sb_error error, char* out, size_t size) {
    if (error.value == 7)
        snprintf(out, size, "own error %d of domain %d", (int)error.value,
                 (int)error.domain - SB_OWN);
}

static const sb_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = SB_ABI,
    .name = "commands",
    .version = "1.0",
    .summary = "for tests",
    .licence = "MIT",
    .protocols = protocols,
    .protocol_count = 1,
    .start = start,
    .stop = stop,
    .describe = describe,
};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
