// What the awaits of a Stream are made of. Include it by coroutine.hpp.
#pragma once

#include <cstdint>
#include <switchboard/coroutine/stream.hpp>

namespace switchboard::detail {

inline constexpr int kTimedOut = -1;  // in Stream::why_, besides the values of errc

// A read of any bytes. Its state is in the Stream, so that it costs little.
class ReadSome {
public:
    explicit ReadSome(Stream& stream) noexcept : stream_(stream) {}
    ReadSome(const ReadSome&) = delete;
    ReadSome& operator=(const ReadSome&) = delete;
    // It may live longer than its read: to the end of an expression in which others are awaited.
    ~ReadSome() {
        if (stream_.reader_ == pump_) stream_.reader_ = nullptr;
    }

    bool await_ready() const noexcept {
        if (!stream_.window_.empty()) return true;
        return stream_.has(Stream::kOdd) && fails(stream_);
    }
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) noexcept {
        assert(!stream_.is_reading() && "one read at a time");
        stream_.reader_ = pump_ = self.promise().pump;
    }
    Awaited<MutableBytes> await_resume() const noexcept {
        if (stream_.why_ != 0) [[unlikely]]
            return failure(stream_);
        const MutableBytes all = stream_.window_;
        stream_.window_ = all.first(0);
        return all;
    }

private:
    friend Read;
    friend ReadInto;
    // Called before a read waits while something is odd. Returns whether it fails at once instead, because
    // nothing more can come or the deadline has passed.
    static bool fails(Stream& stream) noexcept;
    static tl::unexpected<std::error_code> failure(Stream& stream) noexcept;

    Stream& stream_;
    Pump* pump_ = nullptr;
};

// A read of so many bytes, or up to a delimiter.
class Read {
public:
    enum class Kind : std::uint8_t { exactly, until, into };

    Read(Stream& stream, std::size_t size) noexcept
        : stream_(stream), kind_(Kind::exactly), size_(size) {}
    Read(Stream& stream, std::string_view delimiter, std::size_t most) noexcept
        : stream_(stream),
          kind_(Kind::until),
          size_(most),
          text_(delimiter.data()),
          text_size_(delimiter.size()) {
        assert(!delimiter.empty());
    }
    Read(const Read&) = delete;
    Read& operator=(const Read&) = delete;
    ~Read() {
        if (stream_.read_ == this) stream_.read_ = nullptr;
    }

    bool await_ready() {
        if (!stream_.window_.empty() ? look() : (size_ == 0 && kind_ != Kind::until)) return true;
        return stream_.has(Stream::kOdd) && ReadSome::fails(stream_);
    }
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) {
        assert(!stream_.is_reading() && "one read at a time");
        pump_ = self.promise().pump;
        stream_.read_ = this;
    }
    Awaited<MutableBytes> await_resume() const noexcept {
        if (stream_.why_ != 0) [[unlikely]]
            return ReadSome::failure(stream_);
        const MutableBytes taken = stream_.window_.first(size_);
        stream_.window_ = stream_.window_.subspan(size_);
        return taken;
    }

protected:
    Read(Stream& stream, MutableBytes whole) noexcept
        : stream_(stream), kind_(Kind::into), size_(whole.size()), rest_(whole.data()) {}
    Stream& stream() const noexcept { return stream_; }

private:
    friend Session;
    // Looks at the window. Returns whether the read is over: it has what it wants, or failed.
    bool look();
    bool is_complete();
    int why_at_eof() const noexcept;

    Stream& stream_;
    Pump* pump_ = nullptr;
    const Kind kind_;
    bool started_ = false;  // into: some bytes were copied
    std::size_t size_;      // exactly: as asked for; until: the most, or what was found; into: left
    std::size_t scanned_ = 0;  // until: the delimiter does not begin before this
    const char* text_ = nullptr;
    std::size_t text_size_ = 0;
    std::byte* rest_ = nullptr;  // into: where the next byte goes
};

class ReadInto : public Read {
public:
    ReadInto(Stream& stream, MutableBytes whole) noexcept : Read(stream, whole) {}
    Awaited<void> await_resume() const noexcept;
};

// Everything else that a session waits for.
class Wait {
public:
    enum class For : std::uint8_t { drain, time, wake };

    Wait(Stream& stream, For what, Clock::time_point when = Clock::time_point::max()) noexcept
        : stream_(stream), when_(when), what_(what) {}
    Wait(const Wait&) = delete;
    Wait& operator=(const Wait&) = delete;
    ~Wait() {
        if (pump_ != nullptr) unlink();
    }

    bool await_ready() noexcept;
    template <class P>
    void await_suspend(std::coroutine_handle<P> self) {
        pump_ = self.promise().pump;
        link();
    }
    Awaited<void> await_resume() const noexcept;

private:
    friend Session;
    friend Stream;
    void link();
    void unlink() noexcept;

    Stream& stream_;
    Pump* pump_ = nullptr;  // while it is in a list
    Wait* next_ = nullptr;
    const Clock::time_point when_;
    const For what_;
    bool timed_out_ = false;
};

}  // namespace switchboard::detail

namespace switchboard {

inline detail::ReadSome Stream::read_some() {
    return detail::ReadSome(*this);
}
inline detail::Read Stream::read_exactly(std::size_t size) {
    return {*this, size};
}
inline detail::Read Stream::read_until(std::string_view delimiter, std::size_t most) {
    return {*this, delimiter, most};
}
inline detail::ReadInto Stream::read_into(MutableBytes whole) {
    return {*this, whole};
}
inline detail::Wait Stream::drain() {
    return {*this, detail::Wait::For::drain};
}
inline detail::Wait Stream::sleep_until(Clock::time_point when) {
    return {*this, detail::Wait::For::time, when};
}
inline detail::Wait Stream::sleep_for(Clock::duration time) {
    return sleep_until(now() + time);
}
inline detail::Wait Stream::wait() {
    return {*this, detail::Wait::For::wake};
}

}  // namespace switchboard
