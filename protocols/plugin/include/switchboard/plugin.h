/* Protocols in shared objects: the whole interface between a plugin and its host, in C99. For plugins in C++
 * there is plugin.hpp, which wraps this interface in classes.
 *
 * A plugin exports one function, switchboard_plugin(). It returns a constant table that says what the plugin
 * has. The host checks the table and then calls start() with a table of its own. From then on the host calls
 * the plugin's tables, and the plugin calls the host's.
 *
 * Versions: the ABI has a major and a minor number. A host refuses a plugin with another major number, and
 * while the major number is 0, one with another minor number. From 1.0 on the following holds.
 *   - Each struct that may grow begins with struct_size, which its maker sets to sizeof. The host treats
 *     members beyond it as zero. A plugin tests with SB_HAS() whether the host has a member. Members are only
 *     added, at the end.
 *   - A plugin that needs features of minor version N says so in abi_version.
 *   - Flags and enumerators are only added. A host refuses flags and types that it does not know.
 * Memory: whoever allocates it frees it. What a call lends (bytes, texts, structs) is valid until the call
 *   returns. The tables of the plugin and their texts must stay valid until the process ends: a plugin is
 *   never unmapped.
 * Texts end with a zero byte and are UTF-8. Names consist of a-z, 0-9, '-' and '_'.
 * Errors are values, sb_error; {0, 0} is none. A callback must not throw. If one does, its own connection is
 *   aborted with errc::handler_failed.
 * Threads: the callbacks of one connection come on one thread, do not nest, and come in the order
 *
 *     create on_open (on_data | on_writable | on_resume | on_eof | on_deadline | on_shutdown)* on_close
 *
 *   and at the end destroy. For datagram sockets the same holds with the callbacks of sb_datagrams. Different
 *   connections may be on different threads at the same time. The plugin must lock what they share. A call
 *   with an sb_peer or sb_socket is allowed on the thread of its connection or socket, from on_open until
 *   on_close returns. It runs no callback. A call after that has no effect, and is logged. Under the drivers
 *   with processes, the host forks after start(): each child has a copy of everything but other threads. */
#ifndef SWITCHBOARD_PLUGIN_H
#define SWITCHBOARD_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SB_ABI_MAJOR 0
#define SB_ABI_MINOR 2
#define SB_ABI (((uint32_t)SB_ABI_MAJOR << 16) | (uint32_t)SB_ABI_MINOR)

/* Whether the maker of the table knew the member and set it: SB_HAS(host, write). */
#define SB_HAS(table, member)                                                                 \
    ((size_t)((const char*)&(table)->member - (const char*)(table)) < (table)->struct_size && \
     (table)->member)

typedef struct sb_peer sb_peer;       /* a connection; Connection in C++ */
typedef struct sb_socket sb_socket;   /* a datagram socket; DatagramSocket in C++ */
typedef struct sb_reactor sb_reactor; /* the reactor of one use of a protocol */

/* Where the value of an error comes from. The plugin's own errors have SB_OWN to SB_OWN + 15. */
enum {
    SB_SYSTEM = 1,  /* errno, of a system call */
    SB_GENERIC,     /* errno, as a condition (std::errc) */
    SB_SWITCHBOARD, /* errc of switchboard/error.hpp */
    SB_RESOLVER,    /* EAI_* of getaddrinfo(3) */
    SB_FOREIGN,     /* from part of the host that has no number here */
    SB_OWN = 16
};
typedef struct {
    int32_t domain, value;
} sb_error;

typedef struct {
    const void* data;
    size_t size;
} sb_bytes;

/* The process at the other end of a unix socket (man 7 unix, SO_PEERCRED); pid is -1 if it is unknown. */
typedef struct {
    uint32_t struct_size; /* set by the plugin */
    int32_t pid;
    uint32_t uid, gid;
} sb_credentials;

/* A certificate that was verified: Identity of switchboard/security.hpp. */
typedef struct {
    uint32_t struct_size;
    const char* subject;      /* "CN=alice,O=Example" */
    const char* const* names; /* "DNS:a.example", "IP:192.0.2.1" */
    size_t name_count;
    sb_bytes der;            /* the whole certificate */
    uint8_t fingerprint[32]; /* the SHA-256 of `der` */
} sb_identity;

/* What both ends of an encrypted connection have agreed on: Security of switchboard/security.hpp. */
typedef struct {
    uint32_t struct_size;
    int32_t resumed;         /* 1: an earlier session was continued */
    const char* version;     /* "TLSv1.3" */
    const char* cipher;      /* "TLS_AES_128_GCM_SHA256" */
    const char* protocol;    /* by ALPN; empty: none was agreed on */
    const char* server_name; /* as the client asked; empty: it did not */
    const sb_identity* peer; /* null: the peer presented no certificate, or none was verified */
} sb_security;

/* The address of the peer of a datagram: a value that may be copied and kept. Two addresses are the same if
 * `size` and that many bytes of `name` are the same. All zero is nobody. This struct does not grow. */
typedef struct {
    uint32_t name[7];  /* a struct sockaddr_in or sockaddr_in6 (man 7 ip, man 7 ipv6) */
    uint32_t local[4]; /* for the host: where the datagram came to, and the reply is sent from */
    uint8_t size;      /* of what `name` holds, in bytes; 0: nobody */
    uint8_t local_size;
    uint16_t reserved; /* 0 */
} sb_address;

/* Times are nanoseconds of the driver's clock, which is monotonic. This one disarms a deadline. */
#define SB_NEVER INT64_MAX

/* The types of options, as in switchboard/options.hpp. */
enum {
    SB_TEXT = 1,
    SB_FLAG,     /* "yes" or "no" */
    SB_INTEGER,  /* decimal */
    SB_SIZE,     /* "64k" */
    SB_DURATION, /* "250ms" */
    SB_ENDPOINT, /* "tcp://localhost:80" */
    SB_CHOICE
};

/* One option of a protocol. The host parses and checks its value before configure(). */
typedef struct {
    uint32_t struct_size;
    int32_t type;
    const char* name;
    const char* help;           /* one line */
    const char* fallback;       /* the value if none is given; null: one must be given */
    const char* placeholder;    /* of the value in help texts, "DIR"; null: from the type */
    const char* const* choices; /* of SB_CHOICE; ends with a null */
    /* The range of SB_INTEGER, SB_SIZE (bytes) and SB_DURATION (ms); both 0: any. */
    int64_t least, most;
} sb_option;

/* The value of an option. This struct does not grow. */
typedef struct {
    const char* text; /* as it was given, or the fallback */
    /* Flag: 0 or 1; integer; size: bytes; duration: ms; choice: its index; others: 0. */
    int64_t number;
} sb_value;

/* What a protocol does with its peer. The callbacks are those of switchboard/protocol.hpp, which says what
 * each may rely on; a null one does what Protocol does by default. Only on_data is required. `self` is the
 * state of one connection: state_size bytes, kept by the host, zeroed before create(), and aligned for any
 * type. */
typedef struct sb_stream {
    uint32_t struct_size;
    uint32_t reserved; /* 0 */
    size_t state_size; /* at most SB_MAX_STATE */
    /* Returns 0, or another value to refuse the connection. */
    int (*create)(void* self, void* service);
    void (*destroy)(void* self);
    void (*on_open)(void* self, sb_peer* peer);
    /* Returns how many leading bytes of `in` were used. `in` may be modified. */
    size_t (*on_data)(void* self, sb_peer* peer, unsigned char* in, size_t size);
    void (*on_writable)(void* self, sb_peer* peer);
    void (*on_resume)(void* self, sb_peer* peer);
    void (*on_eof)(void* self, sb_peer* peer);
    void (*on_deadline)(void* self, sb_peer* peer);
    void (*on_shutdown)(void* self, sb_peer* peer);
    void (*on_close)(void* self, sb_error reason);
    int (*is_busy)(const void* self);
    int (*reads_under_backpressure)(const void* self);
} sb_stream;
#define SB_MAX_STATE ((size_t)1 << 20)

/* A datagram that was received. `data` may be modified, and is valid until the callback returns. This struct
 * does not grow. */
typedef struct {
    unsigned char* data;
    size_t size;
    sb_address from;
} sb_datagram;

/* An error that concerns datagrams. The members mean what DatagramError of switchboard/datagram.hpp says. */
typedef struct {
    uint32_t struct_size;
    int32_t earlier; /* 1: ICMP reported it, for datagrams that were sent before */
    sb_error error;
    sb_address peer;
    size_t size;  /* of the first datagram */
    size_t count; /* of datagrams */
} sb_datagram_error;

/* What a protocol does with a datagram socket. The callbacks are those of DatagramProtocol in
 * switchboard/datagram.hpp; a null one does what that does by default. Only on_datagrams is required. `self`
 * is the state of one socket, as for sb_stream. */
typedef struct sb_datagrams {
    uint32_t struct_size;
    uint32_t reserved;                        /* 0 */
    size_t state_size;                        /* at most SB_MAX_STATE */
    int (*create)(void* self, void* service); /* returns 0, or another value to refuse the socket */
    void (*destroy)(void* self);
    void (*on_open)(void* self, sb_socket* socket);
    /* The datagrams that were received together, 1 to 64. */
    void (*on_datagrams)(void* self, sb_socket* socket, sb_datagram* in, size_t count);
    void (*on_writable)(void* self, sb_socket* socket);
    void (*on_error)(void* self, sb_socket* socket, const sb_datagram_error* error);
    void (*on_deadline)(void* self, sb_socket* socket);
    void (*on_close)(void* self, sb_error reason);
} sb_datagrams;

/* For set_socket_option(); the values are those of DatagramOption in switchboard/datagram.hpp. */
enum { SB_TTL = 1, SB_MULTICAST_TTL, SB_MULTICAST_LOOP, SB_BROADCAST };

/* Flags of a protocol. */
enum {
    SB_ONE_REACTOR = 1,   /* its connections use each other, so all must be on one thread */
    SB_NEEDS_REACTOR = 2, /* uses the calls with an sb_reactor; blocking drivers refuse it */
    SB_THREADS = 4        /* starts threads of its own; drivers with processes refuse it */
};

/* One use of a protocol, for configure(). */
typedef struct sb_use {
    uint32_t struct_size;
    int32_t datagrams;      /* 1: a use of sb_datagrams, for one socket; 0: of sb_stream */
    const sb_value* values; /* values[i] belongs to options[i] */
    sb_reactor* reactor;    /* not null if the protocol has SB_NEEDS_REACTOR; null otherwise */
} sb_use;

typedef struct sb_protocol {
    uint32_t struct_size;
    uint32_t flags;
    const char* name;    /* "echo" */
    const char* summary; /* one line */
    const sb_option* options;
    size_t option_count;
    const sb_stream* stream; /* null: it has datagrams only */
    /* Prepares one use of the protocol, such as one listener; `protocol` is the table itself. Returns 0 and
     * sets *service, which create() is given. Otherwise writes the reason to why[0..size), as one line. Null:
     * the service is null. */
    int (*configure)(const struct sb_protocol* protocol, const sb_use* use, void** service,
                     char* why, size_t size);
    /* Called after the last connection or socket of that use has ended, unless the service is null. May be
     * null. */
    void (*release)(void* service);
    const sb_datagrams* datagrams; /* null: it has streams only */
} sb_protocol;

/* What the host does for a plugin. The calls with a peer are those of switchboard/connection.hpp, which says
 * what each promises. */
typedef struct sb_host {
    uint32_t struct_size;
    uint32_t abi_version; /* of the host */

    int (*write)(sb_peer*, const void* data, size_t size); /* 0: write no more until on_writable */
    int (*write_pieces)(sb_peer*, const sb_bytes* pieces, size_t count);
    /* Like write(), but does not copy. `data` must stay valid and unchanged until the host has called
     * release(owner), once, on the thread of the connection and perhaps before this returns. release() must
     * not call the host for that connection. */
    int (*write_shared)(sb_peer*, const void* data, size_t size, void (*release)(void* owner),
                        void* owner);
    /* Sends a part of an open file. The descriptor must stay open until the host has called
     * release(owner), as for write_shared(). */
    void (*send_file)(sb_peer*, int fd, uint64_t offset, uint64_t length,
                      void (*release)(void* owner), void* owner);
    void (*shutdown_write)(sb_peer*);
    void (*close)(sb_peer*, sb_error reason);
    void (*abort)(sb_peer*, sb_error reason);
    void (*pause_reading)(sb_peer*);
    void (*resume_reading)(sb_peer*);
    int64_t (*now)(const sb_peer*);
    void (*set_deadline)(sb_peer*, int64_t when);
    /* Replaces the protocol; create() of `next` gets the service. Returns 0 if create() failed or was not
     * called: the protocol then stays. */
    int (*switch_to)(sb_peer*, const sb_stream* next, void* service);
    size_t (*queued)(const sb_peer*);
    int (*closing)(const sb_peer*);
    uint64_t (*id)(const sb_peer*); /* never used again; 0: the connection has ended */
    /* The address of the peer, or of the host if `local` is not 0: "tcp://127.0.0.1:80". Writes at most size
     * bytes, with a zero at the end, and returns the length of the whole text, like snprintf(3). */
    size_t (*endpoint)(const sb_peer*, int local, char* out, size_t size);
    sb_error (*credentials)(const sb_peer*, sb_credentials* out);
    /* If the connection is encrypted, calls use(arg, security) and then returns 1. Otherwise, or if memory is
     * short, returns 0. use() must not call the host for that connection. */
    int (*security)(const sb_peer*, void (*use)(void* arg, const sb_security* security), void* arg);

    /* Gives up: when the running callback returns, the connection is aborted with errc::handler_failed, and
     * the reason is logged. Not for on_close, is_busy and reads_under_backpressure. */
    void (*failed)(sb_peer*, const char* why);
    /* Logs one line; 0: debug, 1: info, 2: warning, 3: error. Threading: as the host's LogSink. */
    void (*log)(const struct sb_host*, int level, const char* text);

    const char* version; /* of the library of the host, "0.1.0" */

    /* The calls with a datagram socket are those of DatagramSocket in switchboard/datagram.hpp. */

    /* Sends the pieces as one datagram; `to` null: to the connected peer. Returns 0 if the datagram was
     * dropped, or if you must send no more until on_writable. */
    int (*send)(sb_socket*, const sb_address* to, const sb_bytes* pieces, size_t count);
    void (*close_socket)(sb_socket*, sb_error reason);
    void (*abort_socket)(sb_socket*, sb_error reason);
    int (*socket_closing)(const sb_socket*);
    int64_t (*socket_now)(const sb_socket*);
    void (*set_socket_deadline)(sb_socket*, int64_t when);
    sb_error (*set_socket_option)(sb_socket*, int option, int value);
    /* interface_name: "eth0"; null: the system chooses. The port of the group is ignored. */
    sb_error (*join_group)(sb_socket*, const sb_address* group, const char* interface_name);
    sb_error (*leave_group)(sb_socket*, const sb_address* group, const char* interface_name);
    size_t (*socket_endpoint)(const sb_socket*, int local, char* out, size_t size);
    void (*socket_failed)(sb_socket*, const char* why); /* as failed(); not for on_close */
    /* "udp://127.0.0.1:53" and back, on any thread. A name is an error: resolve() finds its addresses. The
     * text of an address is written as endpoint() does it; that of nobody is empty. */
    sb_error (*parse_address)(const char* endpoint, sb_address* out);
    size_t (*address_text)(const sb_address*, char* out, size_t size);

    /* The calls with an sb_reactor are for its thread, except post(). It is valid from configure() until
     * release() has returned. Then all that is pending is cancelled. Later calls have no effect, and except
     * cancel() they are logged.
     *
     * Callbacks run on the reactor's thread, except `work`, and never within a call. The host calls
     * release(arg) once for each of these calls: after the last callback, or instead of it, and perhaps
     * before the call returns. It may be null. The plugin's stop() is not called before that. release(arg)
     * comes on the reactor's thread, unless post() fails or the reactor ends while `work` runs. Ids are never
     * used again. The calls return 0 if memory is short, or if the use or the reactor is ending. */

    /* Connects to an endpoint, "tcp://localhost:80" or "unix:/path"; create() of the stream gets the service.
     * Returns the id of the connection, which belongs to this use as those that were accepted do. If the
     * connect fails later, only on_close(error) and destroy are called. Otherwise returns 0 and sets *why. */
    uint64_t (*connect)(sb_reactor*, const char* endpoint, const sb_stream*, void* service,
                        sb_error* why);
    /* The open connection of this use with that id; null if there is none. Valid until its on_close. */
    sb_peer* (*find)(sb_reactor*, uint64_t id);
    /* The `self` of a connection, of the stream that it has now; null once it has ended. */
    void* (*state)(const sb_peer*);
    /* Calls run(arg) once, after `delay`; or every `period`, at least 1 ms. Never early, in whole ms. */
    uint64_t (*after)(sb_reactor*, int64_t delay, void (*run)(void* arg),
                      void (*release)(void* arg), void* arg);
    uint64_t (*every)(sb_reactor*, int64_t period, void (*run)(void* arg),
                      void (*release)(void* arg), void* arg);
    /* Calls run(arg) in one of the next turns. For any thread, which must not call it once release() has
     * returned. Returns 0 if the use has ended. */
    int (*post)(sb_reactor*, void (*run)(void* arg), void (*release)(void* arg), void* arg);
    /* Calls work(arg), which may block, on a thread of a pool, and then done(arg, error): {0, 0}, or
     * errc::handler_failed if it threw. */
    uint64_t (*offload)(sb_reactor*, void (*work)(void* arg),
                        void (*done)(void* arg, sb_error error), void (*release)(void* arg),
                        void* arg);
    /* Looks up the TCP endpoints of a name; `service` is a port or its name. done() gets them in the order to
     * try them, "tcp://192.0.2.1:80", or an error and none. See switchboard/resolver.hpp. */
    uint64_t (*resolve)(sb_reactor*, const char* name, const char* service,
                        void (*done)(void* arg, const char* const* endpoints, size_t count,
                                     sb_error error),
                        void (*release)(void* arg), void* arg);
    /* Cancels a timer, an offload or a look-up: run() or done() is no longer called. Work that runs
     * goes on, and release(arg) comes after it. No effect if all is done. */
    void (*cancel)(sb_reactor*, uint64_t id);
} sb_host;

typedef struct sb_plugin {
    uint32_t struct_size;
    uint32_t abi_version; /* SB_ABI */
    const char* name;     /* of the plugin */
    const char* version;  /* "1.0" */
    const char* summary;  /* one line; may be null */
    const char* licence;  /* may be null */
    const sb_protocol* protocols;
    size_t protocol_count;
    /* Called before all other callbacks. Keeps the host's table. Returns 0, or writes the reason why the
     * plugin cannot work to why[0..size), as one line. May be null. */
    int (*start)(const sb_host* host, char* why, size_t size);
    /* Called when nothing of the plugin is in use any more. Ends its threads and frees what it has. The host
     * may call start() again later. May be null. */
    void (*stop)(void);
    /* Writes what an error of the plugin's own means, as snprintf(3). Called on any thread, also after
     * stop(). May be null. */
    void (*describe)(sb_error error, char* out, size_t size);
    /* Whether it works. Called before this plugin replaces another version of itself, after start() and all
     * calls of configure(). Returns 0, or writes the reason to why[0..size), as one line; the version in use
     * then stays, and stop() is called. May be null. */
    int (*check)(char* why, size_t size);
} sb_plugin;

/* The one function that a plugin exports. Returns its table, which must be the same each time, and does
 * nothing else. The first two members of sb_plugin stay where they are in each major. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const sb_plugin*
switchboard_plugin(uint32_t host_abi);

#ifdef __cplusplus
}
#endif

#endif
