// The tasks of one piece of work on a pool that it shares with others: waited for together.
//
//   TaskGroup group(pool, lane.get());
//   SYNCLINE_TRY(group.submit([&] { copy(batch); }, stop));
//   group.wait();
//
// Who waits helps: wait() runs tasks of this group, and of no other, on the calling thread, beside
// the workers and ahead of what else waits. A task may therefore run on any worker or on the thread
// that waits, and hold no lock that this thread holds. The pool's rules are kept: lanes, pause and
// stop. While a thread runs a task it counts as a worker of the pool.
//
// Tasks begin in the order in which they were submitted. Those of a group without a lane that prove
// short (below a microsecond) are taken some at a time, each batch by one thread; whoever runs out
// of work takes over what has not begun.
//
// Threads: submit() and wait() from one thread. If that is a worker of the pool, the group has no
// lane (the worker could hold the slot that its own tasks need), and submit() does not wait for
// room: Code::unavailable.
#pragma once

#include "syncline/pool/task_submitter.hpp"

#include <cstddef>
#include <memory>
#include <stop_token>
#include <utility>

namespace syncline {

class TaskGroup {
public:
    // `lane` may be null. Both outlive the group.
    TaskGroup(TaskSubmitter& pool, const PoolLane* lane) : group_(pool.open_group(lane)) {}
    ~TaskGroup() { (void)wait(); }
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;

    // Waits for room in the pool. Errors as TaskSubmitter::submit; a task that was not accepted is
    // not waited for.
    template <typename F>
    Status submit(F&& work, const std::stop_token& stop) {
        return group_->submit(Task(std::forward<F>(work)), stop);
    }
    // Returns when every task that was accepted has run, or was dropped because the pool stopped:
    // ok, or how the first of them failed since the last wait.
    Status wait() { return group_->wait(); }
    std::size_t under_way() const { return group_->under_way(); } // any thread

private:
    const std::unique_ptr<PoolGroup> group_;
};

} // namespace syncline
