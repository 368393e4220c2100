// Which handler answers a request: a tree of the parts of paths.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <switchboard/http.hpp>
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
        const Route* get = nullptr;  // the one for GET, which most requests are
        Route refusal, options;      // 405, and the answer to OPTIONS
    };
    static Node& child(Node& node, std::string_view part);
    static Node& named(std::unique_ptr<Node>& node, std::string_view name);
    const Node* match(const Node& node, std::string_view path, Captures& captures) const;
    const Node* match_part(const Node& node, std::string_view path, Captures& captures) const;
    const Node* node_of(std::string_view path, Captures& captures) const;
    static const Route* route_of(const Node& node, std::string_view method);

    // The patterns without names, which go before all others: a short way to their nodes. A hash table with
    // open addressing, because most requests need only one comparison in it.
    class Texts {
    public:
        const Node* find(std::string_view path) const noexcept {
            std::size_t at = hash(path);
            while (true) {
                const Slot& slot = slots_[at++ & mask_];
                if (slot.node == nullptr || slot.path == path) return slot.node;
            }
        }
        void add(std::string_view path, const Node& node);

    private:
        struct Slot {
            std::string path;
            const Node* node = nullptr;  // null: the slot is free
        };
        // Paths are short, so that a simple hash is the fastest.
        static std::size_t hash(std::string_view path) noexcept {
            std::size_t hash = path.size();
            for (const char c : path) hash = hash * 31 + static_cast<unsigned char>(c);
            return hash;
        }
        void put(Slot slot) noexcept;

        std::vector<Slot> slots_ = std::vector<Slot>(2);  // a power of two, at most half of it used
        std::size_t mask_ = 1;                            // one less than their number
        std::size_t used_ = 0;
    };

    Node root_;
    Texts texts_;
    Route otherwise_, unknown_method_, any_options_;
};

// Answers with the status, and its reason phrase as the body.
void answer_status(Response& response, unsigned status);

// Returns the text with each "%" and two hexadecimal digits replaced by the byte that they stand for.
std::string percent_decoded(std::string_view text);

}  // namespace switchboard::http::detail
