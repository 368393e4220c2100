// Decompression of bodies with the coding gzip (RFC 9110, section 8.4.1.3; RFC 1952).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <switchboard/bytes.hpp>

struct z_stream_s;

namespace switchboard::http::detail {

// Decompresses in parts of bounded size, however much the input becomes.
class Gunzip {
public:
    Gunzip();  // throws std::bad_alloc
    Gunzip(const Gunzip&) = delete;
    Gunzip& operator=(const Gunzip&) = delete;
    ~Gunzip();

    // Adds input behind what is not decompressed yet.
    void add(Bytes in) { input_ += as_text(in); }
    enum class Outcome : std::uint8_t { data, needs_more, malformed };
    // Decompresses the next part; with Outcome::data `part` is valid until the next call.
    Outcome next(Bytes& part);
    // Returns whether the input so far is whole: nothing, or any number of members.
    bool is_whole() const noexcept { return between_members_ && used_ == input_.size(); }

private:
    static constexpr std::size_t kPart = 16 * 1024;

    const std::unique_ptr<z_stream_s> stream_;
    std::string input_;
    std::size_t used_ = 0;  // of the input
    bool between_members_ = true;
    bool more_out_ = false;  // zlib holds output for which there was no room
    std::unique_ptr<std::byte[]> output_;
};

}  // namespace switchboard::http::detail
