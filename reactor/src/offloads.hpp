// Work that would hold up the loop, on libuv's thread pool.
#pragma once

#include <memory>
#include <optional>
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

    OffloadId start(Work work, Done done, const Site& made);
    void list(LiveHandles& all) const;
    void cancel(OffloadId id);
    // Cancels all, lets go of every `done`, calls none from now on and starts nothing any more.
    void close();
    void abandon();  // in a forked child, where neither the pool nor its locks can be trusted

private:
    // Owned by libuv from start() until ended(), then by finished_.
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
        std::optional<int> status = {};  // libuv's, once it has ended
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
    Backlog<Ended> finished_;  // whose `done` comes at the end of the turn
    bool closed_ = false;
};

}  // namespace switchboard::detail
