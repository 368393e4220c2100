// The text of an answer's head while it is made.
#pragma once

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace switchboard::http::detail {

// The fields are known before the status line, so there is room before them. A short head takes no memory.
class HeadText {
public:
    // Adds a text behind the fields so far.
    void add(std::string_view text) {
        if (!long_.empty() || text.size() > array_.size() - end_) return add_long(text);
        if (text.empty()) return;  // its pointer may be null, which memcpy() does not allow
        std::memcpy(array_.data() + end_, text.data(), text.size());
        end_ += text.size();
    }
    void add_field(std::string_view name, std::string_view value) {
        const std::size_t size = name.size() + value.size() + 4;
        if (size > free()) return add_long_field(name, value);
        char* at = array_.data() + end_;
        at = std::copy_n(name.data(), name.size(), at);
        *at++ = ':';
        *at++ = ' ';
        at = std::copy_n(value.data(), value.size(), at);
        *at++ = '\r';
        *at = '\n';
        end_ += size;
    }
    // The same with a name that the compiler knows, such as "Content-Type: ", whose copy takes no call.
    template <std::size_t Size>
    void add_line(const char (&name)[Size], std::string_view value) {
        constexpr std::size_t kName = Size - 1;
        const std::size_t size = kName + value.size() + 2;
        if (size > free()) return add_long_field({name, kName - 2}, value);
        char* const at = array_.data() + end_;
        std::memcpy(at, name, kName);
        if (!value.empty()) std::memcpy(at + kName, value.data(), value.size());
        // NOLINTNEXTLINE(bugprone-not-null-terminated-result): texts here have no NUL at their end.
        std::memcpy(at + kName + value.size(), "\r\n", 2);
        end_ += size;
    }
    // The same with a number as the value, and an empty line behind it.
    template <std::size_t Size>
    void add_last_line(const char (&name)[Size], std::uint64_t value) {
        constexpr std::size_t kName = Size - 1, kDigits = 20, kEndSize = 4;
        if (kName + kDigits + kEndSize > free()) {
            add_long_field({name, kName - 2}, std::to_string(value));
            return add("\r\n");
        }
        char* const begin = array_.data() + end_;
        std::memcpy(begin, name, kName);
        char* const end = std::to_chars(begin + kName, begin + kName + kDigits, value).ptr;
        std::memcpy(end, "\r\n\r\n", kEndSize);
        end_ += static_cast<std::size_t>(end - begin) + kEndSize;
    }
    // Puts a text, of at most kRoom bytes in all, before everything so far.
    void put_before(std::string_view text) noexcept {
        begin_ -= text.size();
        std::memcpy(data() + begin_, text.data(), text.size());
    }
    void clear() noexcept {
        long_.clear();
        begin_ = end_ = kRoom;
    }
    std::size_t free() const noexcept { return long_.empty() ? array_.size() - end_ : 0; }
    std::string_view text() const noexcept {
        return long_.empty() ? std::string_view(array_.data() + begin_, end_ - begin_)
                             : std::string_view(long_.data() + begin_, long_.size() - begin_);
    }

private:
    // The longest status line and Date.
    static constexpr std::size_t kRoom = 96;

    char* data() noexcept { return long_.empty() ? array_.data() : long_.data(); }
    [[gnu::noinline]] void add_long_field(std::string_view name, std::string_view value) {
        for (const std::string_view text :
             {name, std::string_view(": "), value, std::string_view("\r\n")})
            add(text);
    }
    [[gnu::noinline]] void add_long(std::string_view text) {
        if (long_.empty()) long_.assign(array_.data(), end_);
        long_ += text;
    }

    std::array<char, 4096> array_;  // not initialized
    std::string long_;              // in place of the array, once that is too small
    std::size_t begin_ = kRoom, end_ = kRoom;
};

}  // namespace switchboard::http::detail
