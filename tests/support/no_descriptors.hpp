// Makes this process run out of descriptors.
#pragma once

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cerrno>
#include <stdexcept>
#include <switchboard/blocking.hpp>
#include <system_error>
#include <vector>

#include "descriptors.hpp"

namespace switchboard::test {

// UBSan opens a pipe when it first checks an object of a type, and reports an error if it cannot. So it
// checks these types before descriptors run out.
inline void let_sanitizer_look() {
    const std::error_code code(EMFILE, std::system_category());
    CHECK(code != std::errc::invalid_argument);
    try {
        throw std::system_error(code, "known");
    } catch (const std::system_error& e) {
        CHECK(std::string(e.what()) == "known: " + code.message());
        CHECK(e.code() == code);  // what() is a member of another type
    }
    try {
        throw std::runtime_error("known");
    } catch (const std::exception& e) {
        CHECK(std::string(e.what()) == "known");
    }
}

// The same for the threads of a blocking server. UBSan checks each when it starts to run, which may be after
// descriptors run out. All have run when this returns.
template <class Serve>
Result<void> serve_nobody(Serve serve) {
    const Stop stop = Stop::create().value();
    stop.drain();
    const ProtocolFactory none = [] { return nullptr; };
    return serve(listen(Endpoint::tcp("127.0.0.1", 0)).value(), none, stop, {});
}

// While this object exists, no descriptor can be opened.
class NoDescriptors {
public:
    NoDescriptors() {
        let_sanitizer_look();
        REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
        const int highest = *open_descriptors().rbegin();
        const rlimit now{static_cast<rlim_t>(highest) + 1, before_.rlim_max};
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
        for (int fd = 0; (fd = ::dup(STDERR_FILENO)) >= 0;) gaps_.emplace_back(fd);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
    std::vector<Socket> gaps_;
};

}  // namespace switchboard::test
