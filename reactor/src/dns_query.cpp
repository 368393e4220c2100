#include "dns_query.hpp"

#include <ares.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <utility>

namespace switchboard::detail {
namespace {

using namespace std::chrono_literals;

constexpr auto kResolutionDelay = 50ms;  // RFC 8305, section 3
constexpr int kFirstRepeat = 1000;       // ms; doubles with each
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

// Once in the life of the process: what c-ares asks for.
int init_library() {
    static const int status = ares_library_init(ARES_LIB_INIT_ALL);
    return status;
}

// c-ares takes "0" for no port at all, and an address without one has 0.
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

// `lookups` as in ares_init_options(3): "f" is the hosts file, "b" the DNS.
int init_channel(ares_channel* channel, const char* lookups, ares_options options, int given) {
    std::array<char, 2> text{lookups[0], '\0'};
    options.lookups = text.data();
    if (const int status = init_library()) return status;
    return ares_init_options(channel, &options, given | ARES_OPT_LOOKUPS);
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

// What comes back with an answer. c-ares calls back once in any case, so it owns itself.
struct DnsQuery::Family {
    DnsQuery& query;
    int family;
};

DnsQuery::DnsQuery(Loop& loop, Timers& timers, const std::string& name, std::uint16_t port,
                   Done done)
    : loop_(loop), timers_(timers), done_(std::move(done)) {
    ares_options options{};
    options.sock_state_cb = on_socket;
    options.sock_state_cb_data = this;
    options.timeout = kFirstRepeat;
    options.tries = kTries;
    const int status = init_channel(&channel_, "b", options,
                                    ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
    if (status != ARES_SUCCESS) {
        channel_ = nullptr;
        unanswered_ = 0;
        error_ = resolver_error(status);
    }
    for (const int family : {AF_INET6, AF_INET}) {
        if (channel_) ask(channel_, name, port, family, on_answer, new Family{*this, family});
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
        (void)loop_.watches.change(fd, events, on_poll);  // if not watched, its repeats time out
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
    self.is_over() ? self.finish() : self.settle();
}

void DnsQuery::on_answer(void* family, int status, int, ares_addrinfo* found) {
    const std::unique_ptr<Family> self(static_cast<Family*>(family));
    if (status != ARES_EDESTRUCTION) self->query.answered(self->family, status, found);
    if (found) ares_freeaddrinfo(found);
}

void DnsQuery::answered(int family, int status, const ares_addrinfo* found) {
    --unanswered_;
    const std::size_t before = found_.size();
    append(found_, found);
    if (found_.size() > before) {
        ends_at_ = std::min(ends_at_, Loop::in(kResolutionDelay));
    } else if (!error_ || family == AF_INET) {
        error_ = resolver_error(status);
    }
}

bool DnsQuery::is_over() const {
    return unanswered_ == 0 || ends_at_ <= Clock::now();
}

Clock::time_point DnsQuery::repeats_at() const {
    timeval left{};
    if (!ares_timeout(channel_, nullptr, &left)) return Clock::time_point::max();
    return Clock::now() + std::chrono::seconds(left.tv_sec) +
           std::chrono::microseconds(left.tv_usec);
}

// Sees to it that what comes next comes. What is over already ends from the loop, too.
void DnsQuery::settle() {
    timers_.cancel(timer_);
    const auto next = is_over() ? Clock::now() : std::min(ends_at_, repeats_at());
    if (next == Clock::time_point::max()) return;
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now());
    timer_ = timers_.start(wait, {}, [this] {
        if (!is_over()) ares_process_fd(channel_, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
        is_over() ? finish() : settle();
    });
}

void DnsQuery::finish() {
    const Done done = std::move(done_);
    timers_.cancel(timer_);
    if (!found_.empty()) return done(std::move(found_));
    done(tl::unexpected(error_));
}

}  // namespace switchboard::detail
