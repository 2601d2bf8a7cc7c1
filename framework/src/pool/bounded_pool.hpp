// The worker pool. Two locks, so that those who submit and those who work seldom meet:
//
// - front_ guards the way in: acceptance, the bound, and an inbox of accepted tasks;
// - back_ guards the queue, the workers and the accounts. A worker empties the inbox into the queue
//   when what it has could be the wrong choice, not for every task.
//
// Order: back_ before front_. Both hold for moments only; nothing of a user runs under them.
//
// Helping: who waits for a group takes from the group's line as workers take from the queue.
//
// Batches: of short tasks of a group, a thread takes a Run at once and claims them one by one
// without a lock. Whoever needs the exact state or has nothing to do calls the runs in: what is
// done is accounted, and what has not begun goes back to the queue. So no task is stuck behind
// another while somebody is idle, and bound, pause, drain and stop see no batches.
//
// Waking: a task is announced only if `watch_` says that a worker sleeps and none searches; it is
// set under both locks by a worker that found the inbox empty, so no task slips in between. Who
// searches empties the inbox itself and calls others for what it leaves. So after each critical
// section under back_ there are as many workers searching as tasks ready, or nobody sleeps. One
// worker at a time spins for some microseconds before it sleeps.
#pragma once

#include "pool/adaptive_mutex.hpp"
#include "pool/spin.hpp"
#include "pool/task_node.hpp"
#include "pool/task_queue.hpp"
#include "syncline/lifecycle/state_machine.hpp"
#include "syncline/pool/worker_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace syncline {

// Starts a thread; throws std::system_error as std::thread does. Replaced by tests.
using ThreadStarter = std::function<std::thread(std::function<void()>)>;

class BoundedPool final : public WorkerPool {
public:
    BoundedPool(const PoolOptions& options, const Clock& clock, ThreadStarter start_thread);
    ~BoundedPool() override;
    BoundedPool(const BoundedPool&) = delete;
    BoundedPool& operator=(const BoundedPool&) = delete;

    std::string_view component_name() const override { return "worker pool"; }
    Status start() override;
    Status stop(std::int64_t deadline_mono_ns) override;
    ComponentState state() const override { return states_.state(); }

    using TaskSubmitter::submit;
    Status submit(Task task, const SubmitOptions& options) override;
    std::unique_ptr<PoolGroup> open_group(const PoolLane* lane) override;

    Status set_workers(std::size_t workers) override;
    Status set_capacity(std::size_t capacity) override;
    void pause() override;
    void resume() override;

    Result<std::shared_ptr<PoolLane>> open_lane(std::string name, std::size_t limit) override;
    Status set_lane_limit(const PoolLane& lane, std::size_t limit) override;
    LaneStats lane_stats(const PoolLane& lane) const override;

    void close() override;
    PoolRest drain(std::int64_t deadline_mono_ns) override;
    PoolRest shut_down(std::int64_t deadline_mono_ns) override;
    PoolStats stats() const override;

private:
    using Lock = std::unique_lock<AdaptiveMutex>;

    // A place for a worker's thread; reused, and never freed before the pool, because a waker may
    // still hold it when its worker has left.
    struct Seat {
        std::thread thread;
        bool taken = false;
        bool left = false; // its thread is about to end
        std::mutex mutex;
        std::condition_variable called;
        bool is_called = false;
    };
    // Tasks accepted between two drains.
    struct Epoch {
        std::uint64_t accepted = 0; // known once closed
        std::uint64_t finished = 0;
        bool closed = false;
    };

    // While it exists, its thread counts as a worker of the pool.
    class WorkerMark {
    public:
        explicit WorkerMark(const BoundedPool* pool);
        ~WorkerMark();
        WorkerMark(const WorkerMark&) = delete;
        WorkerMark& operator=(const WorkerMark&) = delete;

        // Whether this thread runs tasks of `pool`, be it from within a task of another pool.
        static bool is_on(const BoundedPool* pool);

    private:
        const BoundedPool* const pool_;
        const WorkerMark* const outer_;
        static thread_local const WorkerMark* innermost_;
    };
    // What a thread took to run; see above. Guarded by back_, except for the claims.
    static constexpr std::size_t kMostAtOnce = 64;
    struct Run {
        Line* line = nullptr;
        std::array<TaskNode*, kMostAtOnce> nodes; // accounted ones are other threads' already
        std::size_t taken = 0;
        std::size_t kept = 0; // without those that went back
        std::size_t accounted = 0;
        std::int64_t began_ns = 0;
        std::atomic<std::size_t> claimed{0}; // all but the last claimed ones are done
    };
    // A TaskGroup.
    class Group final : public PoolGroup {
    public:
        // `lane` is null if it is another pool's.
        Group(BoundedPool& pool, Lane* lane);
        Status submit(Task&& task, const std::stop_token& stop) override;
        Status wait() override;
        std::size_t under_way() const override;

    private:
        bool is_done() const { return line_.finished.load() == line_.inbox.accepted; }
        bool has_work() const; // that its owner could begin
        void wait_for_others(Lock& back);

        friend class BoundedPool;
        BoundedPool& pool_;
        const bool is_valid_;
        Line line_;
        std::condition_variable_any changed_;
    };

    void work(Seat& seat);
    bool take_next(Run& run, bool patient);
    bool take_own(Line& line, Run& run);
    std::size_t batch_size(const Line& line) const;
    void perform(Run& run, Lock& back, std::int64_t& now_ns);
    bool claim(Run& run, std::size_t& next) const;
    void call_in(Run& run, bool runs_on);
    void call_in_runs();
    std::size_t unaccounted(const Line* line) const;
    void note_failure(TaskNode* node, const Status& status);
    void finish(Line& line, TaskNode* const* nodes, std::size_t count);
    void call_helpers();
    Status submit_to(Line& line, Task&& task, const SubmitOptions& options);
    void idle(Seat& seat, Lock& back);
    void absorb();
    void absorb_locked();
    void set_watch();
    Seat* next_to_call(std::size_t others);
    void call_sleepers(Lock& back, std::size_t others = 0);
    static void call(Seat* seat);

    static Status refuse_closed();
    static Status refuse_lane();
    bool try_accept(Task&& task, Line& line, Priority priority, std::int64_t now_ns);
    Status wait_for_room(Task&& task, Line& line, const SubmitOptions& options);
    Status run_in_caller(Task&& task);
    void announce();
    static void report_failure(const Status& status, bool reported);

    Status add_workers(std::size_t count);
    void join_those_who_left();
    std::size_t drop_waiting();
    void forget_done_epochs();
    bool works_here() const; // whether the calling thread is one of the workers
    // False at the deadline.
    template <typename P>
    bool wait_until(Lock& back, std::condition_variable_any& changed, std::int64_t deadline_mono_ns,
                    P done) {
        if (deadline_mono_ns == kNoDeadline) {
            changed.wait(back, done);
            return true;
        }
        const std::int64_t left = std::max<std::int64_t>(deadline_mono_ns - clock_.mono_ns(), 0);
        return changed.wait_for(back, std::chrono::nanoseconds(left), done);
    }
    std::uint64_t under_way_locked() const { return accepted_ - finished_.load(); }
    Lane* mine(const PoolLane* lane) const;

    const Clock& clock_;
    const ThreadStarter start_thread_;
    StateMachine states_;
    std::mutex lifecycle_; // one start, stop or change of workers at a time

    struct alignas(64) {
    } pad_front_;
    mutable AdaptiveMutex front_;
    bool accepting_ = false;
    bool watch_ = false; // all who are idle sleep: announce what is accepted
    std::size_t capacity_;
    std::uint64_t accepted_ = 0;
    std::uint64_t known_finished_ = 0; // as last seen of finished_
    std::uint64_t epoch_ = 0;
    std::uint64_t epoch_began_at_ = 0;
    NodeStore store_;
    NodeStack spare_;
    std::vector<Line*> inbox_;               // the lines with tasks that were accepted
    std::atomic<std::size_t> inbox_size_{0}; // written under front_
    std::atomic<std::uint64_t> rejected_{0};
    std::atomic<std::uint64_t> caller_runs_{0};

    struct alignas(64) {
    } pad_shared_;
    std::atomic<bool> look_{false}; // the inbox holds what a worker must not take late
    std::atomic<std::uint32_t> nudges_{0};

    struct alignas(64) {
    } pad_back_;
    mutable AdaptiveMutex back_;
    std::atomic<std::uint64_t> finished_{0}; // written under back_
    TaskQueue queue_;
    NodeStack spent_;
    std::vector<std::unique_ptr<Seat>> seats_;
    std::vector<Seat*> sleepers_;        // the last to sleep is the first to be called
    std::vector<Run*> runs_;             // those of several tasks
    std::vector<Group*> waiting_groups_; // whose owners sleep
    std::vector<std::shared_ptr<Lane>> lanes_;
    std::deque<Epoch> epochs_;
    std::uint64_t first_epoch_ = 0;
    std::size_t configured_workers_;
    std::size_t target_workers_ = 0; // more than that leave
    std::size_t alive_ = 0;
    std::size_t helping_ = 0; // owners of groups that run a task
    std::size_t active_ = 0;
    std::size_t spinning_ = 0;
    std::size_t called_ = 0; // called from sleep, not up yet
    std::size_t blocked_ = 0;
    std::size_t draining_ = 0;
    bool paused_ = false;
    std::uint64_t failed_ = 0;
    std::uint64_t dropped_ = 0;
    std::int64_t wait_ns_ = 0; // of the timed ones
    std::uint64_t timed_ = 0;
    std::int64_t max_wait_ns_ = 0;
    std::int64_t run_ns_ = 0;
    std::int64_t max_run_ns_ = 0;
    std::condition_variable_any has_room_;
    std::condition_variable_any epoch_done_;
    std::condition_variable_any worker_left_;
};

} // namespace syncline
