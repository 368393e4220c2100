#include "offloads.hpp"

#include <utility>

#include "budgets.hpp"

namespace switchboard::detail {

OffloadId Offloads::start(Work work, Done done, const SourceLocation& location) {
    if (closed_) return {};
    auto* job = new Job{Creation(location), {}, this, ++last_, std::move(work),
                        std::move(done),    {}, {},   false};
    job->request.data = job;
    jobs_.emplace(job->id, job);
    ++loop_.stats.offloads;
    loop_.handle_opened();
    uv_queue_work(loop_.uv(), &job->request, run, ended);
    return {job->id};
}

void Offloads::run(uv_work_t* request) {
    Job& job = *static_cast<Job*>(request->data);
    try {
        job.work(job.cancelled);
    } catch (const std::exception& e) {
        job.failed = true;
        job.thrown = e.what();
    } catch (...) {
        job.failed = true;
        job.thrown = "something";
    }
    job.work = nullptr;  // what it owns is destroyed before `done` is called
}

void Offloads::ended(uv_work_t* request, int status) {
    Ended job(static_cast<Job*>(request->data));
    Offloads& self = *job->owner;
    if (!self.loop_.clock_is_fresh()) self.loop_.run_due_timers();
    job->status = status;
    const bool first = self.finished_.empty();
    self.finished_.push(std::move(job));
    if (self.closed_) return self.drop_finished();
    if (first) self.tell_later();
}

void Offloads::tell_later() {
    loop_.at_end_of_turn([this] {
        finished_.run(kOffloadsPerTurn, [this](const Ended& job) { tell(*job); });
        if (!finished_.empty()) tell_later();
    });
}

void Offloads::tell(Job& job) {
    jobs_.erase(job.id);
    --loop_.stats.offloads;
    if (job.failed) loop_.log(LogLevel::error, "offload threw: " + job.thrown);
    std::error_code code;
    if (job.status == UV_ECANCELED) code = std::make_error_code(std::errc::operation_canceled);
    if (job.failed) code = errc::handler_failed;
    if (job.done) loop_.guarded("offload's done", [&] { job.done(code); });
    loop_.handle_closed();
}

// The last job may be the loop's last handle; the loop is then destroyed.
void Offloads::drop_finished() {
    std::size_t left = finished_.size();
    finished_.clear();
    for (Loop& loop = loop_; left > 0; --left) loop.handle_closed();
}

// uv_cancel() must not be called for work that has ended.
void Offloads::cancel(OffloadId id) {
    const auto found = jobs_.find(id.value);
    if (found == jobs_.end() || found->second->status) return;
    found->second->cancelled.cancel();
    uv_cancel(reinterpret_cast<uv_req_t*>(&found->second->request));
}

// Each `done` is destroyed here, because destructors of what it owns may still call the reactor.
void Offloads::close() {
    closed_ = true;
    for (const auto& [id, job] : std::exchange(jobs_, {})) {
        if (!job->status) {
            job->cancelled.cancel();
            if (uv_cancel(reinterpret_cast<uv_req_t*>(&job->request)) == 0) job->work = nullptr;
        }
        job->done = nullptr;
    }
    drop_finished();
}

void Offloads::abandon() {
    closed_ = true;
}

}  // namespace switchboard::detail
