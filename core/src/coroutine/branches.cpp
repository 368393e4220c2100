#include <switchboard/coroutine.hpp>

namespace switchboard::detail {

bool Branches::begin(std::span<Branch> branches, std::size_t count, Pump& waiter) {
    waiter_ = &waiter;
    left_ = count;
    for (Branch& each : branches) {
        if (left_ == 0) break;
        each.all_ = this;
        each.start(each.task_.handle(), each.task_.handle().promise());
    }
    return waits_ = left_ > 0;
}

void Branches::end(std::span<Branch> branches) {
    for (Branch& each : branches) each.task_ = {};
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
}

void Branch::finished(Pump& pump) {
    auto& self = static_cast<Branch&>(pump);
    self.all_->returned(self);
}

void Branches::returned(Branch& branch) {
    if (left_ == 0) return;
    failure_ = std::exchange(branch.task_.handle().promise().failure, nullptr);
    first_ = &branch;
    left_ = failure_ ? 0 : left_ - 1;
    if (left_ == 0 && waits_) {
        waits_ = false;
        waiter_->run();  // and this object is gone
    }
}

}  // namespace switchboard::detail
