#include "router.hpp"

#include <algorithm>
#include <stdexcept>

#include "syntax.hpp"

namespace switchboard::http::detail {
namespace {

bool is_standard(std::string_view method) noexcept {
    static constexpr std::string_view kMethods[] = {"GET",    "HEAD",    "POST", "PUT",
                                                    "DELETE", "OPTIONS", "PATCH"};
    return std::find(std::begin(kMethods), std::end(kMethods), method) != std::end(kMethods);
}

// Answers with `status`, and with Allow unless it is empty.
Route refusal_of(unsigned status, std::string allow = {}) {
    const auto handler = [status, allow = std::move(allow)](const Request&, Response& response) {
        if (!allow.empty()) response.field("Allow", allow);
        answer_status(response, status);
    };
    return {.handler = handler, .options = {.body = Body::none}};
}

Route options_of(std::string allow) {
    const auto handler = [allow = std::move(allow)](const Request&, Response& response) {
        if (!allow.empty()) response.field("Allow", allow);
        response.status(204).send();
    };
    return {.handler = handler, .options = {.body = Body::none}};
}

// The path up to the next slash. A path that is used up has none.
std::string_view first_part(std::string_view path) noexcept {
    return path.substr(0, path.find('/'));
}

[[noreturn]] void refuse(std::string_view pattern, const std::string& why) {
    throw std::invalid_argument("route \"" + std::string(pattern) + "\": " + why);
}

bool is_named(std::string_view part) noexcept {
    return part.starts_with('{') && part.ends_with('}');
}

bool is_rest(std::string_view part) noexcept {
    return is_named(part) && part.ends_with("...}");
}

std::string_view name_of(std::string_view part) noexcept {
    const std::size_t behind = is_rest(part) ? 4 : 1;
    return part.substr(1, part.size() - 1 - behind);
}

void check_pattern(std::string_view pattern) {
    if (!pattern.starts_with('/')) refuse(pattern, "does not begin with \"/\"");
    std::size_t names = 0;
    for (std::string_view left = pattern; !left.empty();) {
        left.remove_prefix(1);
        const std::string_view part = first_part(left);
        left.remove_prefix(part.size());
        const bool named = is_named(part);
        if (named ? name_of(part).empty() : part.find_first_of("{}") != part.npos)
            refuse(pattern, "invalid part \"" + std::string(part) + '"');
        if (named && ++names > Captures::kMost) refuse(pattern, "more than 8 names");
        if (is_rest(part) && !left.empty()) refuse(pattern, "\"...\" before the last part");
    }
}

// Compares with a constant size, which takes no call.
bool is_get(std::string_view method) noexcept {
    return method.size() == 3 && begins_with(method.data(), "GET");
}

// A path has few methods, and most of them differ in their length.
template <class Routes>
auto find_method(Routes& routes, std::string_view method) noexcept {
    auto at = routes.begin();
    while (at != routes.end() && at->first != method) ++at;
    return at;
}

template <class Routes>
std::string allowed(const Routes& routes) {
    std::string list = "OPTIONS";
    for (const auto& [method, route] : routes)
        if (method != "OPTIONS") list += ", " + method;
    const auto has = [&](std::string_view method) {
        return find_method(routes, method) != routes.end();
    };
    if (has("GET") && !has("HEAD")) list += ", HEAD";
    return list;
}

}  // namespace

void answer_status(Response& response, unsigned status) {
    response.status(status).type("text/plain").send(std::string(reason_phrase(status)) + "\n");
}

std::string percent_decoded(std::string_view text) {
    std::string decoded;
    decoded.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const bool escape = text[i] == '%' && i + 2 < text.size();
        const int high = escape ? hex_digit(text[i + 1]) : -1;
        const int low = escape ? hex_digit(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            decoded += text[i];
            continue;
        }
        decoded += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return decoded;
}

Router::Router()
    : otherwise_(refusal_of(404)), unknown_method_(refusal_of(501)), any_options_(options_of("")) {}

Router::Node& Router::named(std::unique_ptr<Node>& node, std::string_view name) {
    if (!node) node = std::make_unique<Node>();
    if (node->name.empty()) node->name = name;
    return *node;
}

Router::Node& Router::child(Node& node, std::string_view part) {
    if (!is_named(part)) {
        auto& next = node.texts[std::string(part)];
        if (!next) next = std::make_unique<Node>();
        return *next;
    }
    return named(is_rest(part) ? node.rest : node.part, name_of(part));
}

void Router::add(std::string_view method, std::string_view pattern, Route route) {
    if (!is_token(method)) refuse(pattern, "invalid method \"" + std::string(method) + '"');
    check_pattern(pattern);
    Node* node = &root_;
    for (std::string_view left = pattern; !left.empty();) {
        left.remove_prefix(1);  // the slash
        const std::string_view part = first_part(left);
        left.remove_prefix(part.size());
        node = &child(*node, part);
        if (is_named(part) && node->name != name_of(part))
            refuse(pattern, "another route calls this part \"{" + node->name + "}\"");
    }
    if (find_method(node->routes, method) != node->routes.end())
        refuse(pattern, "there already is a route for " + std::string(method));
    const auto place = std::find_if(node->routes.begin(), node->routes.end(),
                                    [&](const auto& each) { return each.first > method; });
    node->routes.emplace(place, method, std::move(route));
    node->get = route_of(*node, "GET");
    if (pattern.find_first_of("{%") == pattern.npos) texts_.add(pattern, *node);
    node->refusal = refusal_of(405, allowed(node->routes));
    node->options = options_of(allowed(node->routes));
}

void Router::Texts::put(Slot slot) noexcept {
    std::size_t at = hash(slot.path);
    while (slots_[at & mask_].node != nullptr) ++at;
    slots_[at & mask_] = std::move(slot);
}

void Router::Texts::add(std::string_view path, const Node& node) {
    if (find(path) != nullptr) return;
    if (2 * ++used_ > slots_.size()) {
        std::vector<Slot> old(2 * slots_.size());
        old.swap(slots_);
        mask_ = slots_.size() - 1;
        for (Slot& slot : old)
            if (slot.node != nullptr) put(std::move(slot));
    }
    put({std::string(path), &node});
}

// `path` is what follows the parts that led to `node`: empty, or a slash and more. Text goes before a name,
// and that before the rest of the path; what leads nowhere is tried otherwise.
[[gnu::noinline]] const Router::Node* Router::match(const Node& node, std::string_view path,
                                                    Captures& captures) const {
    if (path.empty()) return node.routes.empty() ? nullptr : &node;
    path.remove_prefix(1);
    const std::string_view part = first_part(path);
    const std::string_view left = path.substr(part.size());
    const auto text = part.find('%') == part.npos ? node.texts.find(part)
                                                  : node.texts.find(percent_decoded(part));
    if (text != node.texts.end())
        if (const Node* found = match(*text->second, left, captures)) return found;
    return match_part(node, path, captures);
}

const Router::Node* Router::match_part(const Node& node, std::string_view path,
                                       Captures& captures) const {
    const std::string_view part = first_part(path);
    const std::size_t count = captures.count;
    if (node.part && !part.empty()) {
        captures.add(node.part->name, part);
        if (const Node* found = match(*node.part, path.substr(part.size()), captures)) return found;
        captures.count = count;
    }
    if (!node.rest) return nullptr;
    captures.add(node.rest->name, path);
    return node.rest.get();
}

const Route* Router::route_of(const Node& node, std::string_view method) {
    auto found = find_method(node.routes, method);
    if (found == node.routes.end() && method == "HEAD") found = find_method(node.routes, "GET");
    return found == node.routes.end() ? nullptr : &found->second;
}

[[gnu::always_inline]] inline const Router::Node* Router::node_of(std::string_view path,
                                                                  Captures& captures) const {
    if (const Node* const node = texts_.find(path)) return node;
    return path.starts_with('/') ? match(root_, path, captures) : nullptr;
}

const Route& Router::find(std::string_view method, std::string_view path,
                          Captures& captures) const {
    const Node* const node = node_of(path, captures);
    if (node != nullptr && node->get != nullptr && is_get(method)) return *node->get;
    const Route* const route = node != nullptr ? route_of(*node, method) : nullptr;
    if (route != nullptr) return *route;
    if (!is_standard(method)) return unknown_method_;
    if (path == "*") return any_options_;
    if (node == nullptr) return otherwise_;
    return method == "OPTIONS" ? node->options : node->refusal;
}

}  // namespace switchboard::http::detail
