#include "loop/connection_table.hpp"

#include <doctest/doctest.h>
#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <vector>

using switchboard::ConnectionId;

namespace {

struct Thing {
    Thing(std::uint32_t slot, int count) : runner_(slot), number(count) { ++alive; }
    Thing(const Thing&) = delete;
    Thing& operator=(const Thing&) = delete;
    ~Thing() { --alive; }
    std::uint32_t slot() const { return runner_; }

    std::uint32_t runner_;
    int number;
    static inline int alive = 0;
};

using Table = switchboard::detail::ConnectionTable<Thing>;

}  // namespace

TEST_CASE("connection table: a default id and an unknown id name nothing") {
    Table table;
    CHECK(table.find({}) == nullptr);
    CHECK(table.find({1000, 1}) == nullptr);
    table.create(7);
    CHECK(table.find({}) == nullptr);
    CHECK(table.find({1, 1}) == nullptr);
    CHECK(table.find({0xffffffff, 1}) == nullptr);
}

TEST_CASE("connection table: an old id never names the next entry in its slot") {
    Table table;
    std::set<ConnectionId> seen;
    ConnectionId last;
    for (int i = 0; i < 1000; ++i) {
        Thing& made = table.create(i);
        const ConnectionId id = table.id(made.slot());
        CHECK(seen.insert(id).second);
        CHECK(table.find(last) == nullptr);
        CHECK(table.find(id) == &made);
        CHECK(id.slot == 0);  // the slot is reused
        table.destroy(made.slot());
        last = id;
    }
    CHECK(Thing::alive == 0);
}

TEST_CASE("connection table: entries are not moved when others are added and removed") {
    std::mt19937 random(1);
    Table table;
    std::map<ConnectionId, std::pair<Thing*, int>> model;
    for (int i = 0; i < 20'000; ++i) {
        if (model.empty() || random() % 100 < (i < 10'000 ? 60 : 40)) {
            Thing& made = table.create(i);
            model[table.id(made.slot())] = {&made, i};
        } else {
            const auto picked = std::next(model.begin(), static_cast<int>(random() % model.size()));
            table.destroy(picked->first.slot);
            CHECK(table.find(picked->first) == nullptr);
            model.erase(picked);
        }
        if (i % 1000 > 0) continue;
        CHECK(table.size() == model.size());
        for (const auto& [id, thing] : model) {
            CHECK(table.find(id) == thing.first);
            CHECK(thing.first->number == thing.second);
        }
    }
    CHECK(Thing::alive == static_cast<int>(model.size()));
}

TEST_CASE("connection table: a visit may destroy its entry, and create others") {
    Table table;
    for (int i = 0; i < 300; ++i) table.create(i);
    std::vector<int> visited;
    table.for_each([&](Thing& thing) {
        if (thing.number >= 300) return;
        visited.push_back(thing.number);
        table.destroy(thing.slot());
        table.create(300);
    });
    std::sort(visited.begin(), visited.end());
    CHECK(visited.size() == 300);
    CHECK(std::adjacent_find(visited.begin(), visited.end()) == visited.end());
    CHECK(table.size() == 300);
}

TEST_CASE("connection table: the destructor destroys all entries") {
    {
        Table table;
        for (int i = 0; i < 100; ++i) table.create(i);
        table.destroy(17);
        CHECK(Thing::alive == 99);
    }
    CHECK(Thing::alive == 0);
}
