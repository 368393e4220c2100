// Defines system calls for the whole program, as failing_accept.cpp does.
#include "failing_send.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "interpose.hpp"

namespace switchboard::test {
namespace {

thread_local std::deque<int>* to_fail = nullptr;
thread_local std::size_t made = 0;

bool is_to_fail() {
    ++made;
    if (to_fail == nullptr || to_fail->empty()) return false;
    const int error = to_fail->front();
    to_fail->pop_front();
    if (error != 0) errno = error;
    return error != 0;
}

}  // namespace

FailingSend::FailingSend(std::deque<int> errors) {
    to_fail = new std::deque<int>(std::move(errors));
    made = 0;
}

FailingSend::~FailingSend() {
    delete std::exchange(to_fail, nullptr);
}

std::size_t FailingSend::calls() const noexcept {
    return made;
}

}  // namespace switchboard::test

using namespace switchboard::test;

extern "C" {

ssize_t sendmsg(int fd, const msghdr* message, int flags) {
    static auto* const call = next_definition<decltype(::sendmsg)>("sendmsg");
    return is_to_fail() ? -1 : call(fd, message, flags);
}

int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    static auto* const call = next_definition<decltype(::sendmmsg)>("sendmmsg");
    return is_to_fail() ? -1 : call(fd, messages, count, flags);
}
}
