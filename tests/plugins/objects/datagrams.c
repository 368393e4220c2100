/* The first byte of each datagram is a command, so that a test can make every call with a socket. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <switchboard/plugin.h>

static const sb_host* host;
static sb_socket* kept; /* longer than it should be */

struct state {
    sb_address last;
    long double aligned;
};

static void say(sb_socket* socket, const sb_address* to, const char* text) {
    sb_bytes piece;
    piece.data = text;
    piece.size = strlen(text);
    host->send(socket, to, &piece, 1);
}

static void note(const char* text) {
    host->log(host, 0, text);
}

static int create(void* self, void* service) {
    struct state* state = self;
    if ((uintptr_t)&state->aligned % 16 != 0 || state->last.size != 0) return 1;
    return service && *(const int*)service == 13; /* an unlucky number */
}

static void destroy(void* self) {
    (void)self;
    note("destroyed");
}

static void on_open(void* self, sb_socket* socket) {
    char text[100] = "open ";
    (void)self;
    host->socket_endpoint(socket, 1, text + 5, sizeof text - 5);
    note(text);
}

static void send_pieces(sb_socket* socket, const sb_address* to) {
    sb_bytes pieces[20];
    for (size_t i = 0; i < 20; ++i) {
        pieces[i].data = &"abcdefghijklmnopqrst"[i];
        pieces[i].size = 1;
    }
    host->send(socket, to, pieces, 20);
}

static void tell(sb_socket* socket, const sb_address* to) {
    char local[64], peer[64], from[64], text[300], cut[4];
    struct sockaddr_in plain;
    sb_address again;
    const size_t whole = host->address_text(to, cut, sizeof cut);
    const sb_error none = host->parse_address("udp://localhost:1", &again);
    host->socket_endpoint(socket, 1, local, sizeof local);
    host->socket_endpoint(socket, 0, peer, sizeof peer);
    host->address_text(to, from, sizeof from);
    host->parse_address(from, &again);
    memcpy(&plain, to->name, sizeof plain);
    snprintf(text, sizeof text, "%s|%s|%s|%d|%d %d|%d|%d|%d", local, peer, from,
             to->size == sizeof plain ? ntohs(plain.sin_port) : 0, whole == strlen(from),
             (int)strlen(cut), none.value != 0,
             again.size == to->size && memcmp(again.name, to->name, to->size) == 0,
             host->socket_closing(socket));
    say(socket, to, text);
}

static void set_options(sb_socket* socket, const sb_address* to) {
    static const int values[][2] = {
        {SB_TTL, 5},       {SB_MULTICAST_TTL, 0}, {SB_MULTICAST_LOOP, 1},
        {SB_BROADCAST, 1}, {SB_TTL, 0},           {99, 1}};
    char all[200] = "";
    for (size_t i = 0; i < sizeof values / sizeof *values; ++i) {
        const sb_error error = host->set_socket_option(socket, values[i][0], values[i][1]);
        char text[32];
        snprintf(text, sizeof text, "%d %d;", (int)error.domain, (int)error.value);
        strcat(all, text);
    }
    say(socket, to, all);
}

static void join(sb_socket* socket, const sb_address* to) {
    sb_address group, damaged;
    char text[100];
    host->parse_address("udp://239.1.2.3:0", &group);
    damaged = group;
    damaged.size = 27;
    const sb_error joined = host->join_group(socket, &group, NULL);
    const sb_error left = host->leave_group(socket, &group, NULL);
    const sb_error again = host->leave_group(socket, &group, NULL);
    const sb_error refused = host->join_group(socket, &damaged, NULL);
    snprintf(text, sizeof text, "%d %d %d %d", (int)joined.value, (int)left.value, again.value != 0,
             (int)refused.value);
    say(socket, to, text);
}

static void send_damaged(sb_socket* socket, const sb_address* to) {
    sb_address damaged = *to;
    damaged.size = 200;
    say(socket, &damaged, "damaged");
    damaged = *to;
    damaged.local_size = 17;
    say(socket, &damaged, "damaged");
}

static void call_late(void) {
    const sb_error none = {0, 0};
    sb_bytes piece = {"late", 4};
    host->send(kept, NULL, &piece, 1);
    host->close_socket(kept, none);
    host->set_socket_deadline(kept, 1);
    host->socket_failed(kept, "late");
    if (!host->socket_closing(kept) || host->socket_now(kept) != 0) note("not closing");
}

static void end(sb_socket* socket, int32_t domain, int32_t value, int abort) {
    sb_error error;
    error.domain = domain;
    error.value = value;
    abort ? host->abort_socket(socket, error) : host->close_socket(socket, error);
}

static void command(struct state* state, sb_socket* socket, const sb_datagram* in) {
    const sb_address* const to = &in->from;
    sb_bytes all = {in->data, in->size};
    state->last = *to;
    switch (in->size > 0 ? in->data[0] : 'e') {
        case 'p': send_pieces(socket, to); break;
        case 'n': say(socket, NULL, "to the peer"); break;
        case 'x': send_damaged(socket, to); break;
        case 'd': host->set_socket_deadline(socket, host->socket_now(socket) + 5000000); break;
        case 'D': host->set_socket_deadline(socket, SB_NEVER); break;
        case 'o': set_options(socket, to); break;
        case 'j': join(socket, to); break;
        case '?': tell(socket, to); break;
        case 'c': end(socket, 0, 0, 0); break;
        case 'a': end(socket, SB_OWN, 3, 1); break;
        case 'f': host->socket_failed(socket, "cannot\tgo on"); break;
        case 'k': kept = socket; break;
        case 'K': call_late(); break;
        default:
            if (!host->send(socket, to, &all, 1)) note("full");
    }
}

static void on_datagrams(void* self, sb_socket* socket, sb_datagram* in, size_t count) {
    for (size_t i = 0; i < count; ++i) command(self, socket, &in[i]);
}

static void on_writable(void* self, sb_socket* socket) {
    (void)self;
    (void)socket;
    note("writable");
}

static void on_error(void* self, sb_socket* socket, const sb_datagram_error* error) {
    char peer[64], text[160];
    (void)self;
    (void)socket;
    host->address_text(&error->peer, peer, sizeof peer);
    snprintf(text, sizeof text, "error %d %d of %s, size %d, count %d, earlier %d",
             (int)error->error.domain, (int)error->error.value, peer, (int)error->size,
             (int)error->count, (int)error->earlier);
    note(text);
}

static void on_deadline(void* self, sb_socket* socket) {
    say(socket, &((struct state*)self)->last, "deadline");
}

static void on_close(void* self, sb_error reason) {
    char text[64];
    (void)self;
    snprintf(text, sizeof text, "closed: %d %d", (int)reason.domain, (int)reason.value);
    note(text);
}

static int configure(const sb_protocol* protocol, const sb_use* use, void** service, char* why,
                     size_t size) {
    static int number;
    (void)protocol;
    if (use->datagrams != 1 || use->reactor) {
        snprintf(why, size, "not of a datagram socket");
        return 1;
    }
    number = (int)use->values[0].number;
    *service = &number;
    return 0;
}

static void release(void* service) {
    (void)service;
    note("released");
}

static const sb_option options[] = {{.struct_size = sizeof(sb_option),
                                     .type = SB_INTEGER,
                                     .name = "number",
                                     .help = "a number",
                                     .fallback = "1"}};

static const sb_datagrams datagrams = {
    .struct_size = sizeof datagrams,
    .state_size = sizeof(struct state),
    .create = create,
    .destroy = destroy,
    .on_open = on_open,
    .on_datagrams = on_datagrams,
    .on_writable = on_writable,
    .on_error = on_error,
    .on_deadline = on_deadline,
    .on_close = on_close,
};

static void discard(void* self, sb_socket* socket, sb_datagram* in, size_t count) {
    (void)self;
    (void)in;
    if (count > 0 && in[0].size == 1) host->set_socket_deadline(socket, 0);
}
/* All others are null. */
static const sb_datagrams plain = {.struct_size = sizeof plain, .on_datagrams = discard};

static const sb_protocol protocols[] = {
    {.struct_size = sizeof(sb_protocol),
     .name = "datagrams",
     .summary = "does what each datagram says",
     .options = options,
     .option_count = 1,
     .configure = configure,
     .release = release,
     .datagrams = &datagrams},
    {.struct_size = sizeof(sb_protocol),
     .name = "plain",
     .summary = "discards its input",
     .datagrams = &plain},
};

static int start(const sb_host* of, char* why, size_t size) {
    (void)why;
    (void)size;
    host = of;
    return 0;
}

static const sb_plugin plugin = {.struct_size = sizeof plugin,
                                 .abi_version = SB_ABI,
                                 .name = "datagrams",
                                 .version = "1.0",
                                 .protocols = protocols,
                                 .protocol_count = 2,
                                 .start = start};

const sb_plugin* switchboard_plugin(uint32_t host_abi) {
    (void)host_abi;
    return &plugin;
}
