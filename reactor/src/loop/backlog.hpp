// Backlog: a queue of work that is done in order, in batches, up to a budget at a time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace switchboard::detail {

// Has two vectors, which keep their memory: one is filled while the other is processed. Do not call run() or
// clear() within run().
template <class T>
class Backlog {
public:
    void push(T work) { waiting_.push_back(std::move(work)); }
    bool empty() const noexcept { return next_ == batch_.size() && waiting_.empty(); }
    std::size_t size() const noexcept { return batch_.size() - next_ + waiting_.size(); }

    // Takes all items of `work`. Call it only if this queue is empty.
    void take(std::vector<T>& work) noexcept { waiting_.swap(work); }
    // Calls `act` for at most `most` items of the current batch and returns how many they were. Items that
    // are pushed meanwhile belong to the next batch.
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
    // Destroys all items. If their destructors push others, these stay.
    void clear() noexcept {
        std::vector<T> batch, waiting;
        batch.swap(batch_);
        waiting.swap(waiting_);
        next_ = 0;
    }

private:
    std::vector<T> waiting_, batch_;
    std::size_t next_ = 0;  // in batch_; items before it are done
};

}  // namespace switchboard::detail
