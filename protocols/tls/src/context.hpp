// What servers and clients set in an SSL_CTX.
#pragma once

#include "credentials.hpp"

namespace switchboard::tls::detail {

// Errors: errc::bad_option; the text begins with "TLS " and the name of the option.
Result<void> check(const Options& options);
// TLS 1.2 and 1.3, with the ciphers of Mozilla's "intermediate" profile.
Result<ContextPointer> make_context(const SSL_METHOD* method, const Options& options);
Result<void> use_credentials(SSL_CTX* context, const Credentials& credentials);
std::string alpn_list(const std::vector<std::string>& protocols);  // RFC 7301, section 3.1

tl::unexpected<Error> bad_option(const std::string& what);

}  // namespace switchboard::tls::detail
