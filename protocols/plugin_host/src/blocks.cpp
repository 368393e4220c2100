#include "blocks.hpp"

#include <new>
#include <utility>

namespace switchboard::plugin_host {

sb_peer* Blocks::take() {
    {
        const std::lock_guard lock(mutex_);
        if (resting_ > kRest) {
            --resting_;
            ++in_use_;
            sb_peer* const block = std::exchange(oldest_, oldest_->next);
            *block = sb_peer{};
            return block;
        }
    }
    auto* const block = new (::operator new(size_)) sb_peer{};
    const std::lock_guard lock(mutex_);
    ++in_use_;
    return block;
}

std::size_t Blocks::in_use() const {
    const std::lock_guard lock(mutex_);
    return in_use_;
}

void Blocks::give_back(sb_peer* block) noexcept {
    block->connection = nullptr;
    block->next = nullptr;
    const std::lock_guard lock(mutex_);
    (resting_ == 0 ? oldest_ : newest_->next) = block;
    newest_ = block;
    ++resting_;
    --in_use_;
}

}  // namespace switchboard::plugin_host
