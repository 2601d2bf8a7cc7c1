#include "pool/bounded_pool.hpp"

#include "syncline/core/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace syncline {

namespace {

// A sleeping worker costs its waker tens of microseconds, so it spins for about as long first.
// Each look takes the inbox's cache line from the submitters, so there are pauses between looks;
// yielding now and then leaves the processor to whoever has work.
constexpr int kSpinLooks = 256;
constexpr int kPausesPerLook = 6;
constexpr int kLooksPerYield = 4;

thread_local const void* pool_of_this_thread = nullptr;

} // namespace

BoundedPool::BoundedPool(const PoolOptions& options, const Clock& clock, ThreadStarter start_thread)
    : clock_(clock), start_thread_(std::move(start_thread)), capacity_(options.capacity),
      queue_(options.pass_over_limit), configured_workers_(options.workers) {
    epochs_.emplace_back();
}

bool BoundedPool::works_here() const { return pool_of_this_thread == this; }

BoundedPool::~BoundedPool() { (void)BoundedPool::shut_down(kNoDeadline); }

// ---- the way in ----

Status BoundedPool::refuse_closed() const {
    return Status(Code::invalid_state, "the worker pool is not running, or was closed");
}

Lane* BoundedPool::mine(const PoolLane* lane) const {
    const auto* own = dynamic_cast<const Lane*>(lane);
    return own != nullptr && own->pool == this ? const_cast<Lane*>(own) : nullptr;
}

// Under front_.
void BoundedPool::accept(Task&& task, Lane& lane, Priority priority, std::int64_t now_ns) {
    if (spare_.empty()) {
        store_.refill(spare_);
    }
    TaskNode* const node = spare_.pop();
    node->lane = &lane;
    node->sequence = accepted_++;
    node->epoch = epoch_;
    node->submitted_ns = now_ns;
    node->priority = priority;
    node->task = std::move(task);
    if (&lane == &queue_.unlimited()) {
        const auto level = static_cast<std::size_t>(priority);
        inbox_[level].push(node);
        ++inbox_counts_[level];
    } else {
        inbox_limited_.push(node);
    }
    inbox_size_.store(inbox_size_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (priority != Priority::normal && !look_.load(std::memory_order_relaxed)) {
        look_.store(true, std::memory_order_relaxed);
    }
}

Status BoundedPool::submit(Task task, const SubmitOptions& options) {
    if (!task) {
        return Status(Code::invalid_argument, "an empty task was submitted");
    }
    if (options.overflow == Overflow::block && works_here()) {
        return Status(Code::invalid_state,
                      "a task may not wait for room in its own pool: it could wait for itself");
    }
    Lane* lane = &queue_.unlimited();
    if (options.lane != nullptr && (lane = mine(options.lane)) == nullptr) {
        return Status(Code::invalid_argument, "the lane belongs to another pool");
    }
    if (options.stop.stop_requested()) {
        rejected_.fetch_add(1, std::memory_order_relaxed);
        return Status(Code::cancelled, "interrupted before the worker pool took the task");
    }
    const std::int64_t now_ns = clock_.mono_ns();
    {
        Lock front(front_);
        if (!accepting_) {
            return refuse_closed();
        }
        if (accepted_ - known_finished_ >= capacity_) {
            known_finished_ = finished_.load(std::memory_order_acquire);
        }
        if (accepted_ - known_finished_ < capacity_) {
            accept(std::move(task), *lane, options.priority, now_ns);
            if (!watch_) {
                return {};
            }
            front.unlock();
            announce();
            return {};
        }
    }
    switch (options.overflow) {
    case Overflow::block:
        return wait_for_room(std::move(task), *lane, options, now_ns);
    case Overflow::caller_runs:
        return run_in_caller(std::move(task));
    case Overflow::reject:
        break;
    }
    rejected_.fetch_add(1, std::memory_order_relaxed);
    return Status(Code::unavailable, "the worker pool has no room");
}

void BoundedPool::announce() {
    Lock back(back_);
    absorb();
    call_sleepers(back);
}

Status BoundedPool::wait_for_room(Task&& task, Lane& lane, const SubmitOptions& options,
                                  std::int64_t now_ns) {
    Status status;
    Lock back(back_);
    ++blocked_;
    const auto try_enter = [&] {
        const std::lock_guard front(front_);
        if (!accepting_) {
            status = refuse_closed();
            return true;
        }
        if (under_way_locked() < capacity_) {
            accept(std::move(task), lane, options.priority, now_ns);
            return true;
        }
        return false;
    };
    bool over = false;
    if (options.deadline_mono_ns == kNoDeadline) {
        over = has_room_.wait(back, options.stop, try_enter);
    } else {
        const std::int64_t left = std::max<std::int64_t>(options.deadline_mono_ns - now_ns, 0);
        over = has_room_.wait_for(back, options.stop, std::chrono::nanoseconds(left), try_enter);
    }
    --blocked_;
    if (!over) {
        // It may have been called for a place that it does not take: somebody else shall.
        has_room_.notify_one();
        rejected_.fetch_add(1, std::memory_order_relaxed);
        return options.stop.stop_requested()
                   ? Status(Code::cancelled, "interrupted while waiting for the worker pool")
                   : Status(Code::timeout, "the worker pool had no room in time");
    }
    if (status.ok()) {
        absorb();
        call_sleepers(back);
    }
    return status;
}

Status BoundedPool::run_in_caller(Task&& task) {
    caller_runs_.fetch_add(1, std::memory_order_relaxed);
    const bool reported = task.reports();
    const Status status = task.run();
    report_failure(status, reported);
    return {};
}

void BoundedPool::report_failure(const Status& status, bool reported) {
    if (!status.ok() && !reported) {
        log(LogLevel::error, "pool", status.message());
    }
}

// Under back_. Moves what was accepted into the queue and hands used nodes back.
void BoundedPool::absorb() {
    const std::lock_guard front(front_);
    absorb_locked();
}

void BoundedPool::absorb_locked() {
    spare_.append(spent_);
    look_.store(false, std::memory_order_relaxed);
    if (inbox_size_.load(std::memory_order_relaxed) == 0) {
        return;
    }
    for (std::size_t level = 0; level < kPriorities; ++level) {
        if (inbox_counts_[level] > 0) {
            queue_.append(static_cast<Priority>(level), inbox_[level], inbox_counts_[level]);
            inbox_counts_[level] = 0;
        }
    }
    while (!inbox_limited_.empty()) {
        queue_.push(inbox_limited_.pop());
    }
    inbox_size_.store(0, std::memory_order_relaxed);
}

// ---- workers ----

void BoundedPool::work(Seat& seat) {
    pool_of_this_thread = this;
    std::int64_t now_ns = clock_.mono_ns();
    Lock back(back_);
    while (alive_ <= target_workers_) {
        TaskNode* const node = next_task();
        if (node == nullptr) {
            idle(seat, back);
            now_ns = clock_.mono_ns();
            continue;
        }
        ++active_;
        back.unlock();
        const std::int64_t began_ns = now_ns;
        const bool reported = node->task.reports();
        const Status status = node->task.run();
        if (!status.ok()) {
            report_failure(status, reported);
        }
        now_ns = clock_.mono_ns();
        back.lock();
        --active_;
        account(node, status.ok(), began_ns, now_ns);
        finish(node);
    }
    --alive_;
    seat.left = true;
    call_sleepers(back); // another one does what this one may have been counted on for
    worker_left_.notify_all();
}

// Under back_.
void BoundedPool::account(TaskNode* node, bool ok, std::int64_t began_ns, std::int64_t ended_ns) {
    const std::int64_t waited = std::max<std::int64_t>(began_ns - node->submitted_ns, 0);
    const std::int64_t ran = ended_ns - began_ns;
    wait_ns_ += waited;
    max_wait_ns_ = std::max(max_wait_ns_, waited);
    run_ns_ += ran;
    max_run_ns_ = std::max(max_run_ns_, ran);
    failed_ += ok ? 0 : 1;
    queue_.finished(*node->lane);
}

// Under back_. The end of a task's way, whether it ran or not.
void BoundedPool::finish(TaskNode* node) {
    Epoch& epoch = epochs_[node->epoch - first_epoch_];
    ++epoch.finished;
    spent_.push(node);
    finished_.store(finished_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (blocked_ > 0) {
        has_room_.notify_one();
    }
    if (epoch.closed) {
        forget_done_epochs();
    }
}

// Under back_.
void BoundedPool::forget_done_epochs() {
    bool some = false;
    while (epochs_.front().closed && epochs_.front().finished == epochs_.front().accepted) {
        epochs_.pop_front();
        ++first_epoch_;
        some = true;
    }
    if (some) {
        epoch_done_.notify_all();
    }
}

// Under back_.
TaskNode* BoundedPool::next_task() {
    if (paused_) {
        return nullptr;
    }
    const bool may_mislead = !queue_.has_normal_ahead() || look_.load(std::memory_order_relaxed);
    // An inbox that only seems empty is no harm: before sleeping it is looked into under its lock.
    if (may_mislead && inbox_size_.load(std::memory_order_relaxed) > 0) {
        absorb();
    }
    return queue_.take();
}

// Under back_, which is given up meanwhile. Returns when there may be something to do.
void BoundedPool::idle(Seat& seat, Lock& back) {
    if (spinning_ == 0 && !paused_) {
        ++spinning_;
        const std::uint32_t nudges = nudges_.load(std::memory_order_relaxed);
        back.unlock();
        const bool found = spin(nudges);
        back.lock();
        --spinning_;
        if (found) {
            return;
        }
    }
    if (alive_ > target_workers_) {
        return;
    }
    {
        const std::lock_guard front(front_);
        absorb_locked();
        if (queue_.ready() > 0 && !paused_) {
            return;
        }
        watch_ = !paused_; // resume() looks for itself
    }
    sleepers_.push_back(&seat);
    back.unlock();
    {
        std::unique_lock lock(seat.mutex);
        seat.called.wait(lock, [&] { return seat.is_called; });
        seat.is_called = false;
    }
    back.lock();
    --called_;
}

bool BoundedPool::spin(std::uint32_t nudges) const {
    for (int look = 0; look < kSpinLooks; ++look) {
        if (inbox_size_.load(std::memory_order_relaxed) > 0 ||
            nudges_.load(std::memory_order_relaxed) != nudges) {
            return true;
        }
        for (int i = 0; i < kPausesPerLook; ++i) {
            pause_processor();
        }
        if (look % kLooksPerYield == kLooksPerYield - 1) {
            std::this_thread::yield();
        }
    }
    return false;
}

// Under back_. A sleeper for whom there is something to do; it counts as searching from now on.
BoundedPool::Seat* BoundedPool::next_to_call() {
    const bool some_leave = alive_ > target_workers_;
    if (sleepers_.empty() || (!some_leave && (paused_ || queue_.ready() <= spinning_ + called_))) {
        return nullptr;
    }
    Seat* const seat = sleepers_.back();
    sleepers_.pop_back();
    ++called_;
    if (sleepers_.empty()) {
        const std::lock_guard front(front_);
        watch_ = false;
    }
    return seat;
}

// Under back_, which is given up meanwhile. Wakes as many as there are tasks that nobody is on the
// way to.
void BoundedPool::call_sleepers(Lock& back) {
    if (spinning_ > 0) {
        nudges_.fetch_add(1, std::memory_order_relaxed);
    }
    while (Seat* seat = next_to_call()) {
        back.unlock();
        call(seat);
        back.lock();
    }
}

void BoundedPool::call(Seat* seat) {
    const std::lock_guard lock(seat->mutex);
    seat->is_called = true;
    seat->called.notify_one();
}

} // namespace syncline
