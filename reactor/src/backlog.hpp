// Work that is done in turns: in order, in batches, at most a budget of it at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace switchboard::detail {

// Two vectors that keep their memory: one is filled while the other is worked off. Not nested: run() and
// clear() are not called from within run().
template <class T>
class Backlog {
public:
    void push(T work) { waiting_.push_back(std::move(work)); }
    bool empty() const noexcept { return next_ == batch_.size() && waiting_.empty(); }
    std::size_t size() const noexcept { return batch_.size() - next_ + waiting_.size(); }

    // All of another queue's; this one is empty.
    void take(std::vector<T>& work) noexcept { waiting_.swap(work); }
    // Hands over at most `most` of the batch that was there before, each moved out first; what is pushed
    // meanwhile is of the next batch. How many it were.
    template <class Act>
    std::size_t run(std::size_t most, Act&& act) {
        if (next_ == batch_.size()) {
            batch_.clear();
            next_ = 0;
            batch_.swap(waiting_);
        }
        const std::size_t begin = next_, end = next_ + std::min(most, batch_.size() - next_);
        while (next_ < end) {
            const T work = std::move(batch_[next_++]);
            act(work);
        }
        return end - begin;
    }
    // What its items own may push others as it goes: those stay.
    void clear() noexcept {
        std::vector<T> batch, waiting;
        batch.swap(batch_);
        waiting.swap(waiting_);
        next_ = 0;
    }

private:
    std::vector<T> waiting_, batch_;
    std::size_t next_ = 0;  // of the batch; what is before it was handed over
};

}  // namespace switchboard::detail
