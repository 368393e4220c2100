// Offloads: work that would hold up the loop, on libuv's thread pool.
#pragma once

#include <memory>
#include <optional>
#include <switchboard/offload.hpp>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "backlog.hpp"
#include "loop.hpp"

namespace switchboard::detail {

class Offloads {
public:
    using Work = std::function<void(const CancelToken&)>;
    using Done = std::function<void(std::error_code)>;

    explicit Offloads(Loop& loop) : loop_(loop) {}

    OffloadId start(Work work, Done done, const SourceLocation& location);
    void list(LiveHandles& all) const;
    void cancel(OffloadId id);
    // Cancels all work and destroys every `done` without calling it. Starts no work afterwards.
    void close();
    void abandon();  // for a forked child, in which the pool and its locks cannot be used

private:
    // Belongs to libuv from start() until ended(), and then to finished_.
    struct Job {
        const Creation made;
        uv_work_t request;
        Offloads* owner;
        std::uint64_t id;
        Work work;
        Done done;
        CancelToken cancelled;
        std::string thrown;  // what `work` threw
        bool failed = false;
        std::optional<int> status = {};  // of libuv, once the work has ended
    };
    using Ended = std::unique_ptr<Job>;

    static void run(uv_work_t* request);  // on a thread of the pool
    static void ended(uv_work_t* request, int status);
    void tell_later();
    void tell(Job& job);
    void drop_finished();

    Loop& loop_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, Job*> jobs_;
    Backlog<Ended> finished_;  // their `done` is called at the end of the turn
    bool closed_ = false;
};

}  // namespace switchboard::detail
