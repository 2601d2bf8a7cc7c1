// The tasks of one piece of work on a pool that it shares with others: waited for together.
//
//   TaskGroup group(pool, lane.get());
//   SYNCLINE_TRY(group.submit([&] { copy(batch); }, stop));
//   group.wait();
//
// Threads: submit() and wait() from one thread that is no worker of the pool.
#pragma once

#include "syncline/pool/task_submitter.hpp"

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <utility>

namespace syncline {

class TaskGroup {
public:
    // `lane` may be null. Both outlive the group.
    TaskGroup(TaskSubmitter& pool, const PoolLane* lane) : pool_(pool), lane_(lane) {}
    ~TaskGroup() { (void)wait(); }
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Waits for room in the pool. Errors as TaskSubmitter::submit; a task that was not accepted is
    // not waited for.
    template <typename F>
    Status submit(F&& work, const std::stop_token& stop) {
        change(+1);
        const Status accepted = pool_.submit(Task(std::forward<F>(work),
                                                  [this](const Status& how) {
                                                      note(how);
                                                      change(-1);
                                                  }),
                                             {.stop = stop, .lane = lane_});
        if (!accepted.ok()) {
            change(-1);
        }
        return accepted;
    }
    // Returns when every task that was accepted has run, or was dropped because the pool stopped:
    // ok, or how the first of them failed since the last wait.
    Status wait() {
        std::unique_lock lock(mutex_);
        none_left_.wait(lock, [this] { return under_way_ == 0; });
        return std::exchange(failure_, Status());
    }
    std::size_t under_way() const {
        const std::lock_guard lock(mutex_);
        return under_way_;
    }

private:
    void note(const Status& how) {
        const std::lock_guard lock(mutex_);
        if (failure_.ok()) {
            failure_ = how;
        }
    }
    void change(int by) {
        const std::lock_guard lock(mutex_);
        under_way_ += static_cast<std::size_t>(by);
        if (under_way_ == 0) {
            none_left_.notify_all(); // under the lock: the group may go as soon as it is free
        }
    }

    TaskSubmitter& pool_;
    const PoolLane* const lane_;
    mutable std::mutex mutex_;
    std::condition_variable none_left_;
    std::size_t under_way_ = 0;
    Status failure_;
};

} // namespace syncline
