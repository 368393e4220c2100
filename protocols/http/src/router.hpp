// Which handler answers a request: a tree of the parts of paths.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>
#include <unordered_map>
#include <vector>

namespace switchboard::http::detail {

// The parts of a path that the names of its route stand for, as views of the path and of the route. They are
// not initialized, because most routes have none.
struct Captures {
    static constexpr std::size_t kMost = 8;
    // NOLINTNEXTLINE(modernize-use-equals-default): the union would delete a default constructor.
    Captures() noexcept {}
    void add(std::string_view name, std::string_view value) noexcept {
        std::construct_at(&parts[count++], Field{name, value});
    }

    std::size_t count = 0;
    union {
        Field parts[kMost];
    };
};

struct Route {
    Handler handler;
    RouteOptions options = {};
};

class Router {
public:
    Router();
    void add(std::string_view method, std::string_view pattern, Route route);
    void set_otherwise(Handler handler) { otherwise_.handler = std::move(handler); }

    // Returns the route for a method and a path, or one that answers 404, 405, 501 or OPTIONS.
    const Route& find(std::string_view method, std::string_view path, Captures& captures) const;

private:
    using Routes = std::vector<std::pair<std::string, Route>>;  // by method, sorted
    struct Node {
        std::map<std::string, std::unique_ptr<Node>, std::less<>> texts;
        std::unique_ptr<Node> part;  // "{name}"
        std::unique_ptr<Node> rest;  // "{name...}"
        std::string name;            // of this part, if it is one
        Routes routes;
        Route refusal, options;  // 405, and the answer to OPTIONS
    };
    static Node& child(Node& node, std::string_view part);
    static Node& named(std::unique_ptr<Node>& node, std::string_view name);
    const Node* match(const Node& node, std::string_view path, Captures& captures) const;
    const Node* match_part(const Node& node, std::string_view path, Captures& captures) const;
    static const Route* route_of(const Node& node, std::string_view method);

    // Paths are short, so that a simple hash is the fastest.
    struct HashPath {
        using is_transparent = void;
        std::size_t operator()(std::string_view path) const noexcept {
            std::size_t hash = path.size();
            for (const char c : path) hash = hash * 31 + static_cast<unsigned char>(c);
            return hash;
        }
    };

    Node root_;
    // The patterns without names, which go before all others: a short way to their nodes.
    std::unordered_map<std::string, const Node*, HashPath, std::equal_to<>> texts_;
    Route otherwise_, unknown_method_, any_options_;
};

// Returns the text with each "%" and two hexadecimal digits replaced by the byte that they stand for.
std::string percent_decoded(std::string_view text);

}  // namespace switchboard::http::detail
