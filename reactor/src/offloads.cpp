#include "offloads.hpp"

#include <utility>

namespace switchboard::detail {

OffloadId Offloads::start(Work work, Done done, const Site& made) {
    auto* job =
        new Job{Made(made), {}, this, ++last_, std::move(work), std::move(done), {}, {}, false};
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
    job.work = nullptr;  // what it owns ends before `done` is told
}

void Offloads::ended(uv_work_t* request, int status) {
    auto* job = static_cast<Job*>(request->data);
    Loop& loop = job->owner->loop_;
    if (!loop.keeps_time()) loop.keep_time();
    job->owner->end(std::unique_ptr<Job>(job), status);
}

void Offloads::end(std::unique_ptr<Job> job, int status) {
    jobs_.erase(job->id);
    --loop_.stats.offloads;
    if (job->failed) loop_.log(LogLevel::error, "offload threw: " + job->thrown);
    std::error_code code;
    if (status == UV_ECANCELED) code = std::make_error_code(std::errc::operation_canceled);
    if (job->failed) code = errc::handler_failed;
    if (!closed_ && job->done) loop_.guarded("offload's done", [&] { job->done(code); });
    job.reset();
    loop_.handle_closed();
}

void Offloads::cancel(OffloadId id) {
    const auto found = jobs_.find(id.value);
    if (found == jobs_.end()) return;
    found->second->cancelled.cancel();
    uv_cancel(reinterpret_cast<uv_req_t*>(&found->second->request));
}

// What a `done` owns may still ask something of the reactor as it goes: now, while it is whole.
void Offloads::close() {
    closed_ = true;
    for (const auto& [id, job] : std::exchange(jobs_, {})) {
        job->cancelled.cancel();
        if (uv_cancel(reinterpret_cast<uv_req_t*>(&job->request)) == 0) job->work = nullptr;
        job->done = nullptr;
    }
}

void Offloads::abandon() {
    closed_ = true;
}

}  // namespace switchboard::detail
