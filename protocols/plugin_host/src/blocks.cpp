#include "blocks.hpp"

#include <new>
#include <utility>

namespace switchboard::plugin_host {

sb_peer* Blocks::take() {
    {
        const std::lock_guard lock(mutex_);
        if (resting_ > kRest) {
            --resting_;
            sb_peer* const block = std::exchange(oldest_, oldest_->next);
            *block = sb_peer{};
            return block;
        }
    }
    return new (::operator new(size_)) sb_peer{};
}

void Blocks::give_back(sb_peer* block) noexcept {
    block->connection = nullptr;
    block->next = nullptr;
    const std::lock_guard lock(mutex_);
    (resting_ == 0 ? oldest_ : newest_->next) = block;
    newest_ = block;
    ++resting_;
}

}  // namespace switchboard::plugin_host
