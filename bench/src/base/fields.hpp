// Describes an object in a file once, for both writing and reading.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

namespace switchboard::bench {

using Json = nlohmann::ordered_json;  // keeps the order of the fields

// Whether runs can be compared only if they agree in a field.
enum class Matching : bool { no, required };

// A field of a T. `const std::vector<Field<T>>& fields(const T*)` describes a type, and makes it convertible
// to and from Json.
template <class T>
struct Field {
    const char* name;
    std::function<Json(const T&)> write;
    std::function<void(T&, const Json&)> read;  // empty: follows from other fields
    Matching matching;
};

// A field for the member `value` of a T.
template <class T, class Value>
Field<T> field(const char* name, Value T::*value, Matching matching = Matching::no) {
    return {name, [value](const T& object) { return Json(object.*value); },
            [value](T& object, const Json& json) { json.get_to(object.*value); }, matching};
}
// A field that `write` computes from a T. It is not read.
template <class T, class Write>
Field<T> derived(const char* name, Matching matching, Write write) {
    return {name, [write](const T& object) { return Json(write(object)); }, {}, matching};
}

template <class T>
concept Described = requires(const T* object) {
    fields(object)[0].write;
};

template <Described T>
void to_json(Json& json, const T& object) {
    json = Json::object();
    for (const auto& each : fields(&object)) json[each.name] = each.write(object);
}

template <Described T>
void from_json(const Json& json, T& object) {
    for (const auto& each : fields(&object)) {
        if (each.read) each.read(object, json.at(each.name));
    }
}

}  // namespace switchboard::bench

// An empty optional is null in JSON.
template <class T>
struct nlohmann::adl_serializer<std::optional<T>> {
    static void to_json(switchboard::bench::Json& json, const std::optional<T>& value) {
        json = value ? switchboard::bench::Json(*value) : nullptr;
    }
    static void from_json(const switchboard::bench::Json& json, std::optional<T>& value) {
        value = json.is_null() ? std::nullopt : std::optional(json.get<T>());
    }
};
