#include "dns_query.hpp"

#include <ares.h>
#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <utility>

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kResolutionDelay = 50ms;  // RFC 8305, section 3
constexpr int kFirstRepeat = 1000;       // ms; doubles with each repeat
constexpr int kTries = 4;

std::error_code resolver_error(int status) {
    const auto code = [](int value) { return std::error_code(value, resolver_category()); };
    switch (status) {
        case ARES_SUCCESS:
        case ARES_ENODATA:
        case ARES_ENOTFOUND:
        case ARES_EBADNAME:
        case ARES_EFORMERR: return code(EAI_NONAME);
        case ARES_ENOMEM: return code(EAI_MEMORY);
        case ARES_ETIMEOUT:
        case ARES_ECONNREFUSED:
        case ARES_ESERVFAIL:
        case ARES_EREFUSED: return code(EAI_AGAIN);
        default: return code(EAI_FAIL);
    }
}

void append(std::vector<SocketAddress>& to, const ares_addrinfo* found) {
    for (const auto* node = found ? found->nodes : nullptr; node; node = node->ai_next) {
        to.emplace_back(node->ai_addr, node->ai_addrlen);
    }
}

// Returns whether the status concerns only this name: it has no addresses, or the servers failed for it.
// c-ares 1.18 returns ARES_ECONNREFUSED for the latter.
bool is_of_name(int status) {
    return status == ARES_ENOTFOUND || status == ARES_ENODATA || status == ARES_EBADNAME ||
           status == ARES_ESERVFAIL || status == ARES_ECONNREFUSED;
}

// c-ares requires this once per process.
int init_library() {
    static const int status = ares_library_init(ARES_LIB_INIT_ALL);
    return status;
}

// c-ares does not accept the port "0". Without a port the addresses have port 0.
void ask(ares_channel channel, const std::string& name, std::uint16_t port, int family,
         ares_addrinfo_callback answer, void* for_whom) {
    ares_addrinfo_hints hints{};
    hints.ai_flags = ARES_AI_NUMERICSERV | ARES_AI_NOSORT;
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    const std::string service = std::to_string(port);
    ares_getaddrinfo(channel, name.c_str(), port == 0 ? nullptr : service.c_str(), &hints, answer,
                     for_whom);
}

// `lookups` as in ares_init_options(3): "f" is the hosts file, "b" the DNS. c-ares must not read resolv.conf
// and the environment, because read_resolv_conf() does.
int init_channel(ares_channel* channel, const char* lookups, ares_options options, int given) {
    std::array<char, 2> text{lookups[0], '\0'};
    std::string no_file = "/dev/null";
    options.lookups = text.data();
    options.resolvconf_path = no_file.data();
    options.ndots = 1;
    given |= ARES_OPT_LOOKUPS | ARES_OPT_RESOLVCONF | ARES_OPT_DOMAINS | ARES_OPT_NDOTS;
    if (const int status = init_library()) return status;
    return ares_init_options(channel, &options, given);
}

int set_servers(ares_channel channel, const std::vector<std::string>& servers, std::size_t first) {
    std::vector<ares_addr_node> nodes(servers.size());
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const std::string& server = servers[(first + i) % servers.size()];
        nodes[i].family = server.find(':') == std::string::npos ? AF_INET : AF_INET6;
        inet_pton(nodes[i].family, server.c_str(), &nodes[i].addr);
        nodes[i].next = i + 1 < nodes.size() ? &nodes[i + 1] : nullptr;
    }
    return ares_set_servers(channel, nodes.data());
}

int init_dns_channel(ares_channel* channel, const ResolvConf& conf, ares_options options) {
    options.flags = conf.use_tcp ? ARES_FLAG_USEVC : 0;
    options.timeout = kFirstRepeat;
    if (conf.timeout.count() > 0) options.timeout = static_cast<int>(conf.timeout / 1ms);
    options.tries = conf.attempts > 0 ? conf.attempts : kTries;
    constexpr int given =
        ARES_OPT_SOCK_STATE_CB | ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES;
    const int status = init_channel(channel, "b", options, given);
    if (status != ARES_SUCCESS || conf.servers.empty()) return status;
    const auto turn = static_cast<std::size_t>(Clock::now().time_since_epoch().count());
    const std::size_t first = conf.rotate ? turn % conf.servers.size() : 0;
    return set_servers(*channel, conf.servers, first);
}

}  // namespace

std::vector<SocketAddress> from_hosts_file(const std::string& name, std::uint16_t port) {
    std::vector<SocketAddress> found;
    ares_channel channel = nullptr;
    if (init_channel(&channel, "f", {}, 0) != ARES_SUCCESS) return found;
    const auto note = [](void* into, int, int, ares_addrinfo* nodes) {
        append(*static_cast<std::vector<SocketAddress>*>(into), nodes);
        if (nodes) ares_freeaddrinfo(nodes);
    };
    ask(channel, name, port, AF_UNSPEC, note, &found);
    ares_destroy(channel);
    return found;
}

// The argument of the answer callback. c-ares always calls it exactly once, and it deletes this object.
struct DnsQuery::Family {
    DnsQuery& query;
    int family;
};

DnsQuery::DnsQuery(Loop& loop, Timers& timers, const ResolvConf& conf, const std::string& name,
                   std::uint16_t port, Hear hear)
    : loop_(loop),
      timers_(timers),
      as_it_stands_(name.ends_with('.') ? name : name + '.'),
      names_(names_to_ask(name, conf)),
      port_(port),
      asks_ipv6_(!conf.no_aaaa),
      hear_(std::move(hear)) {
    ares_options options{};
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = this;
    if (const int status = init_dns_channel(&channel_, conf, options)) {
        error_ = resolver_error(status);
        next_ = names_.size();
    } else {
        ask_next();
    }
    settle();
}

DnsQuery::~DnsQuery() {
    timers_.cancel(timer_);
    if (channel_) ares_destroy(channel_);
    for (const int left : watches_) loop_.watches.stop(left);
}

void DnsQuery::on_socket(void* self, int fd, int readable, int writable) {
    static_cast<DnsQuery*>(self)->watch(
        fd, (readable != 0 ? UV_READABLE : 0) | (writable != 0 ? UV_WRITABLE : 0));
}

void DnsQuery::watch(int fd, int events) {
    loop_.touched();
    const auto found = std::find(watches_.begin(), watches_.end(), fd);
    if (events == 0) {
        if (found == watches_.end()) return;
        loop_.watches.stop(fd);
        watches_.erase(found);
    } else if (found != watches_.end()) {
        (void)loop_.watches.change(fd, events, on_poll);  // if this fails, its repeats time out
    } else if (!loop_.watches.start(fd, events, on_poll, this)) {
        watches_.push_back(fd);
    }
}

void DnsQuery::on_poll(uv_poll_t* poll, int status, int events) {
    DnsQuery& self = *static_cast<DnsQuery*>(poll->data);
    const bool in = status < 0 || (events & UV_READABLE) != 0;
    const bool out = status < 0 || (events & UV_WRITABLE) != 0;
    uv_os_fd_t fd = -1;
    uv_fileno(reinterpret_cast<uv_handle_t*>(poll), &fd);
    ares_process_fd(self.channel_, in ? fd : ARES_SOCKET_BAD, out ? fd : ARES_SOCKET_BAD);
    self.proceed();
}

void DnsQuery::on_answer(void* family, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Family> self(static_cast<Family*>(family));
    if (status != ARES_EDESTRUCTION) self->query.answered(self->family, status, found);
    if (found) ares_freeaddrinfo(found);
}

// Asks for both families of one name. Addresses of two different names would belong to two hosts.
void DnsQuery::ask_next() {
    const std::string& name = names_[next_++];
    ipv6_status_ = ipv4_status_ = ARES_ENODATA;
    unanswered_ = asks_ipv6_ ? 2 : 1;  // set first: c-ares may answer from within the call
    if (asks_ipv6_) ask(channel_, name, port_, AF_INET6, on_answer, new Family{*this, AF_INET6});
    ask(channel_, name, port_, AF_INET, on_answer, new Family{*this, AF_INET});
}

void DnsQuery::answered(int family, int status, const ares_addrinfo* found) {
    --unanswered_;
    (family == AF_INET6 ? ipv6_status_ : ipv4_status_) = status;
    const std::size_t before = found_.size();
    append(found_, found);
    if (found_.size() == before) return;
    if (!has_found_) heard_at_ = Loop::in(kResolutionDelay);
    has_found_ = true;
}

bool DnsQuery::is_nameless() const {
    return unanswered_ == 0 && !has_found_;
}

// Decides what to ask for next, like res_search of glibc. If a server does not answer, the rest of the
// search list is skipped, but the name itself is still asked for. NXDOMAIN applies to both families (RFC
// 8020). A temporary failure takes precedence over "no such name" as the error.
void DnsQuery::give_name_up() {
    const bool none = ipv6_status_ == ARES_ENOTFOUND || ipv4_status_ == ARES_ENODATA;
    const int status = none ? ipv6_status_ : ipv4_status_;
    const auto unknown = resolver_error(ARES_ENOTFOUND);
    if (!error_ || error_ == unknown) error_ = resolver_error(status);
    const bool searched = names_[next_ - 1] != as_it_stands_;
    if (!searched || is_of_name(status)) return;
    const auto rest = names_.begin() + static_cast<std::ptrdiff_t>(next_);
    const auto last = std::find(rest, names_.end(), as_it_stands_);
    next_ = static_cast<std::size_t>(last - names_.begin());
}

Clock::time_point DnsQuery::repeats_at() const {
    timeval left{};
    if (!channel_ || !ares_timeout(channel_, nullptr, &left)) return Clock::time_point::max();
    return Clock::now() + std::chrono::seconds(left.tv_sec) +
           std::chrono::microseconds(left.tv_usec);
}

// Arms the timer for the next event. A query that has already ended is reported from the loop, too.
void DnsQuery::settle() {
    timers_.cancel(timer_);
    const auto next = unanswered_ == 0 ? Clock::now() : std::min(heard_at_, repeats_at());
    if (next == Clock::time_point::max()) return;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    timer_ = timers_.start(wait, {}, [this] {
        expire();
        proceed();
    });
}

// An answer that came while the loop was held up was in time. So c-ares reads its sockets first and checks
// time-outs afterwards.
void DnsQuery::expire() {
    if (unanswered_ == 0) return;
    for (const int fd : std::vector(watches_)) ares_process_fd(channel_, fd, ARES_SOCKET_BAD);
    ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
}

// The callback is called last, because it may destroy this object.
void DnsQuery::proceed() {
    while (is_nameless()) {
        give_name_up();
        if (next_ == names_.size()) break;
        ask_next();
    }
    const bool is_last = unanswered_ == 0;
    const bool tells = is_last || heard_at_ <= Clock::now();
    if (tells) heard_at_ = Clock::time_point::max();
    is_last ? timers_.cancel(timer_) : settle();
    if (!tells) return;
    const Hear hear = is_last ? std::move(hear_) : hear_;
    hear(has_found_ ? Found(std::exchange(found_, {})) : tl::unexpected(error_), is_last);
}

}  // namespace switchboard::detail
