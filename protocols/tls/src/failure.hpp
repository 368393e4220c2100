// The errors that OpenSSL leaves in a queue of each thread.
#pragma once

#include <openssl/ssl.h>

#include <string>
#include <system_error>

namespace switchboard::tls::detail {

// Returns the cause of the call that has failed, and empties the queue. Call ERR_clear_error() before that
// call. `ssl` may be null.
std::error_code take_failure(const SSL* ssl) noexcept;
std::string take_failure_text();

}  // namespace switchboard::tls::detail
