#include <switchboard/http_client.hpp>

namespace switchboard::http {
namespace {

class ClientCategory final : public std::error_category {
public:
    const char* name() const noexcept override { return "http client"; }
    std::string message(int value) const override {
        switch (static_cast<client_errc>(value)) {
            case client_errc::too_many_redirects: return "too many redirects";
            case client_errc::insecure_redirect: return "redirect from https to http";
            case client_errc::bad_redirect: return "redirect that cannot be followed";
            case client_errc::proxy_refused: return "the proxy refused the tunnel";
            case client_errc::bad_encoding: return "malformed Content-Encoding";
            case client_errc::wrong_length: return "the body does not have its length";
        }
        return "unknown error";
    }
};

}  // namespace

const std::error_category& client_category() noexcept {
    static const ClientCategory category;
    return category;
}

std::error_code make_error_code(client_errc error) noexcept {
    return {static_cast<int>(error), client_category()};
}

}  // namespace switchboard::http
