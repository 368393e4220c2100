// Work that would hold up the loop, on libuv's thread pool.
#pragma once

#include <memory>
#include <switchboard/reactor.hpp>
#include <unordered_map>

#include "loop.hpp"

namespace switchboard::detail {

class Offloads {
public:
    using Work = std::function<void(const CancelToken&)>;
    using Done = std::function<void(std::error_code)>;

    explicit Offloads(Loop& loop) : loop_(loop) {}

    OffloadId start(Work work, Done done, const Site& made);
    void list(LiveHandles& all) const;
    void cancel(OffloadId id);
    void close();    // cancels all, lets go of every `done` and calls none from now on
    void abandon();  // in a forked child, where neither the pool nor its locks can be trusted

private:
    // Owned by libuv from start() until ended().
    struct Job {
        const Made made;
        uv_work_t request;
        Offloads* owner;
        std::uint64_t id;
        Work work;
        Done done;
        CancelToken cancelled;
        std::string thrown;  // what `work` threw, if it did
        bool failed = false;
    };

    static void run(uv_work_t* request);  // on a thread of the pool
    static void ended(uv_work_t* request, int status);
    void end(std::unique_ptr<Job> job, int status);

    Loop& loop_;
    std::uint64_t last_ = 0;
    std::unordered_map<std::uint64_t, Job*> jobs_;
    bool closed_ = false;
};

}  // namespace switchboard::detail
