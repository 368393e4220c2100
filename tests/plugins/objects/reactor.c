/* Each byte of input asks for one service of the reactor. What comes of it is visible in the output. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <switchboard/plugin.h>

#define MS INT64_C(1000000)

static const sb_host* host;
static pthread_mutex_t lock =
    PTHREAD_MUTEX_INITIALIZER; /* of `kept`: uses end on several threads */
static sb_reactor* kept;       /* of the last use that has ended */

/* One use. Each is on one reactor, and so on one thread. */
struct service {
    sb_reactor* reactor;
    char target[64];
    pthread_t thread;
    int has_thread;
    uint64_t ticker;
    uint64_t poster; /* the connection that the thread posts for */
};

struct state {
    struct service* service;
    uint64_t origin; /* of a connection that was made for another one */
};

/* What callbacks are given: the connection that asked, by its id. */
struct asked {
    struct service* service;
    uint64_t id;
    int count;
    const char* text;
};

static void say(struct service* service, uint64_t id, const char* text) {
    sb_peer* const peer = host->find(service->reactor, id);
    if (peer) host->write(peer, text, strlen(text));
}

static struct asked* ask(struct service* service, uint64_t id, const char* text) {
    struct asked* const asked = malloc(sizeof *asked);
    if (!asked) abort();
    asked->service = service;
    asked->id = id;
    asked->count = 0;
    asked->text = text;
    return asked;
}

static void release(void* arg) {
    struct asked* const asked = arg;
    host->log(host, 0, asked->text);
    free(asked);
}

static void tell(void* arg) {
    const struct asked* const asked = arg;
    say(asked->service, asked->id, asked->text);
}

static void nothing(void* arg) {
    if (arg) abort();
}

static void tick(void* arg) {
    struct asked* const asked = arg;
    say(asked->service, asked->id, asked->text);
    if (++asked->count == 3) host->cancel(asked->service->reactor, asked->service->ticker);
}

static void work(void* arg) {
    ((struct asked*)arg)->count = 42;
}

static sem_t gate;
static void wait_at_gate(void* arg) {
    (void)arg;
    host->log(host, 0, "works");
    sem_wait(&gate);
    host->log(host, 0, "worked");
}

static void work_done(void* arg, sb_error error) {
    const struct asked* const asked = arg;
    char text[64];
    snprintf(text, sizeof text, "%s %d %d;", asked->text, asked->count, (int)error.value);
    say(asked->service, asked->id, text);
}

static void resolved(void* arg, const char* const* endpoints, size_t count, sb_error error) {
    const struct asked* const asked = arg;
    char text[128];
    snprintf(text, sizeof text, "%d %s %d;", (int)count, count > 0 ? endpoints[0] : "",
             (int)error.domain);
    say(asked->service, asked->id, text);
}

static void* run_thread(void* arg) {
    struct service* const service = arg;
    for (int i = 0; i < 100; ++i)
        host->post(service->reactor, tell, release, ask(service, service->poster, "T"));
    return NULL;
}

static int create(void* self, void* service) {
    ((struct state*)self)->service = service;
    return 0;
}
static int refuse(void* self, void* service) {
    (void)self;
    (void)service;
    return 1;
}

/* The other end of what was connected. */
static void client_open(void* self, sb_peer* peer) {
    (void)self;
    host->write(peer, "hello", 5);
}
static size_t client_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    const struct state* const state = self;
    sb_peer* const origin = host->find(state->service->reactor, state->origin);
    const sb_error none = {0, 0};
    if (origin) {
        /* The state of another connection. */
        if (host->state(origin) == NULL || host->state(peer) != self) abort();
        host->write(origin, in, size);
    }
    host->close(peer, none);
    return size;
}
static void client_close(void* self, sb_error reason) {
    const struct state* const state = self;
    char text[64];
    snprintf(text, sizeof text, "closed %d %d;", (int)reason.domain, (int)reason.value);
    say(state->service, state->origin, text);
}
static int client_create(void* self, void* asked) {
    struct state* const state = self;
    state->service = ((const struct asked*)asked)->service;
    state->origin = ((const struct asked*)asked)->id;
    return 0;
}

static const sb_stream client_stream = {.struct_size = sizeof client_stream,
                                        .state_size = sizeof(struct state),
                                        .create = client_create,
                                        .on_open = client_open,
                                        .on_data = client_data,
                                        .on_close = client_close};
static const sb_stream refusing_stream = {
    .struct_size = sizeof refusing_stream, .create = refuse, .on_data = client_data};
static const sb_stream bad_stream = {.struct_size = sizeof bad_stream};

static void connect_to(struct service* service, uint64_t id, const char* endpoint,
                       const sb_stream* stream) {
    struct asked asked;
    sb_error why = {9, 9};
    char text[64];
    asked.service = service;
    asked.id = id;
    const uint64_t made = host->connect(service->reactor, endpoint, stream, &asked, &why);
    if (made != 0 && host->find(service->reactor, made)) abort(); /* not before on_open */
    snprintf(text, sizeof text, "%d %d %d;", made != 0, (int)why.domain, (int)why.value);
    say(service, id, text);
}

static void cancel_all(struct service* service, uint64_t id) {
    sb_reactor* const reactor = service->reactor;
    host->cancel(reactor,
                 host->after(reactor, 0, tell, release, ask(service, id, "wrong: after;")));
    host->cancel(reactor,
                 host->every(reactor, MS, tell, release, ask(service, id, "wrong: every;")));
    host->cancel(reactor, host->offload(reactor, work, work_done, release,
                                        ask(service, id, "wrong: offload;")));
    host->cancel(reactor, host->resolve(reactor, "localhost", "80", resolved, release,
                                        ask(service, id, "wrong: resolve;")));
    host->cancel(reactor, 0);
    host->cancel(reactor, 12345);
}

static void leave_all(struct service* service, uint64_t id) {
    sb_reactor* const reactor = service->reactor;
    host->after(reactor, 3600000 * MS, tell, release, ask(service, id, "left: after"));
    host->every(reactor, 3600000 * MS, tell, release, ask(service, id, "left: every"));
}

static void command(struct service* service, sb_peer* peer, int which) {
    sb_reactor* const reactor = service->reactor;
    const uint64_t id = host->id(peer);
    switch (which) {
        case 'a': host->after(reactor, 5 * MS, tell, release, ask(service, id, "after;")); break;
        case 'e':
            service->ticker =
                host->every(reactor, 2 * MS, tick, release, ask(service, id, "every;"));
            break;
        case 'p': host->post(reactor, tell, release, ask(service, id, "post;")); break;
        case 'n': host->post(reactor, nothing, NULL, NULL); break;
        case 't':
            service->poster = id;
            service->has_thread = pthread_create(&service->thread, NULL, run_thread, service) == 0;
            break;
        case 'o':
            host->offload(reactor, work, work_done, release, ask(service, id, "offload"));
            break;
        case 'w':
            sem_init(&gate, 0, 0);
            host->offload(reactor, wait_at_gate, work_done, release, ask(service, id, "long"));
            break;
        case 'g': sem_post(&gate); break;
        case 'r':
            host->resolve(reactor, "127.0.0.1", "80", resolved, release, ask(service, id, "look"));
            break;
        case 'R':
            host->resolve(reactor, "127.0.0.1", "no such service", resolved, release,
                          ask(service, id, "look"));
            break;
        case 'c': connect_to(service, id, service->target, &client_stream); break;
        case 'b': connect_to(service, id, "nonsense", &client_stream); break;
        case 'B': connect_to(service, id, service->target, &bad_stream); break;
        case 'C': connect_to(service, id, service->target, &refusing_stream); break;
        case 'x': cancel_all(service, id); break;
        case 'l': leave_all(service, id); break;
        default: break;
    }
}

static size_t on_data(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)size;
    command(((struct state*)self)->service, peer, in[0]);
    return 1;
}

static int configure(const sb_protocol* protocol, const sb_use* use, void** service, char* why,
                     size_t size) {
    struct service* const made = calloc(1, sizeof *made);
    (void)protocol;
    if (!use->reactor || !made) {
        snprintf(why, size, "no reactor");
        free(made);
        return 1;
    }
    made->reactor = use->reactor;
    snprintf(made->target, sizeof made->target, "%s", use->values[0].text);
    *service = made;
    return 0;
}

static void release_service(void* service) {
    struct service* const ending = service;
    if (ending->has_thread) pthread_join(ending->thread, NULL);
    pthread_mutex_lock(&lock);
    kept = ending->reactor;
    pthread_mutex_unlock(&lock);
    host->log(host, 0, "released");
    free(ending);
}

static const sb_option options[] = {{.struct_size = sizeof(sb_option),
                                     .type = SB_ENDPOINT,
                                     .name = "target",
                                     .help = "where it connects to",
                                     .fallback = "tcp://127.0.0.1:1"}};
static const sb_stream stream = {.struct_size = sizeof stream,
                                 .state_size = sizeof(struct state),
                                 .create = create,
                                 .on_data = on_data};
static size_t echo(void* self, sb_peer* peer, unsigned char* in, size_t size) {
    (void)self;
    host->write(peer, in, size);
    return size;
}
static const sb_stream echo_stream = {.struct_size = sizeof echo_stream, .on_data = echo};

static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .flags = SB_NEEDS_REACTOR | SB_THREADS,
     .name = "reactor",
     .summary = "asks for what each byte says",
     .options = options,
     .option_count = 1,
     .stream = &stream,
     .configure = configure,
     .release = release_service},
    {.struct_size = sizeof(sb_protocol),
     .flags = SB_THREADS,
     .name = "threads",
     .summary = "claims to start threads",
     .stream = &echo_stream},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why;
    (void)size;
    host = of;
    host->log(host, 1, host->version);
    return 0;
}

/* Waits until somebody opens the FIFO that REACTOR_CHECK names, for writing. */
static int check(char* why, size_t size) {
    const char* const fifo = getenv("REACTOR_CHECK");
    (void)why, (void)size;
    if (!fifo) return 0;
    host->log(host, 1, "checking");
    fclose(fopen(fifo, "r"));
    return 0;
}

static void stop(void) {
    sb_error why = {0, 0};
    if (!kept) return;
    /* The use has ended. */
    host->cancel(kept, 1);
    if (host->after(kept, 0, tell, release, ask(NULL, 0, "late: after")) != 0 ||
        host->post(kept, tell, release, ask(NULL, 0, "late: post")) != 0 ||
        host->find(kept, 1) != NULL ||
        host->connect(kept, "tcp://127.0.0.1:1", &client_stream, NULL, &why) != 0 || why.value == 0)
        abort();
    kept = NULL;
    host->log(host, 1, "stopped");
}

static const sb_plugin plugin = {.struct_size = sizeof plugin,
                                 .abi_version = SB_ABI,
                                 .name = "reactor",
                                 .version = "1.0",
                                 .protocols = protocols,
                                 .protocol_count = 2,
                                 .start = start,
                                 .stop = stop,
                                 .check = check};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
