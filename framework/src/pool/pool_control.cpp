// Starting, stopping and tuning the pool: what happens seldom.
#include "pool/bounded_pool.hpp"

#include <algorithm>
#include <chrono>
#include <system_error>
#include <utility>

namespace syncline {

// ---- start and stop ----

Status BoundedPool::start() {
    const std::lock_guard lifecycle(lifecycle_);
    SYNCLINE_TRY(states_.enter(ComponentState::starting));
    std::size_t workers = 0;
    bool has_capacity = false;
    {
        const std::lock_guard back(back_);
        const std::lock_guard front(front_);
        workers = target_workers_ = configured_workers_;
        has_capacity = capacity_ > 0;
    }
    Status status;
    if (workers == 0 || !has_capacity) {
        status = Status(Code::invalid_config,
                        "a worker pool needs at least one worker and room for one task");
    } else {
        status = add_workers(workers);
    }
    if (!status.ok()) {
        Lock back(back_);
        target_workers_ = 0;
        call_sleepers(back);
        wait_until(back, worker_left_, kNoDeadline, [this] { return alive_ == 0; });
        back.unlock();
        join_those_who_left();
        (void)states_.enter(ComponentState::failed);
        return status;
    }
    {
        const std::lock_guard front(front_);
        accepting_ = true;
    }
    return states_.enter(ComponentState::running);
}

void BoundedPool::close() {
    const std::lock_guard back(back_);
    {
        const std::lock_guard front(front_);
        accepting_ = false;
    }
    has_room_.notify_all();
}

PoolRest BoundedPool::drain(std::int64_t deadline_mono_ns) {
    Lock back(back_);
    std::uint64_t last = 0; // the youngest epoch that counts
    {
        const std::lock_guard front(front_);
        if (accepted_ > epoch_began_at_) {
            epochs_.back().accepted = accepted_ - epoch_began_at_;
            epochs_.back().closed = true;
            epochs_.emplace_back();
            ++epoch_;
            epoch_began_at_ = accepted_;
        }
        last = epoch_;
    }
    call_in_runs();
    call_sleepers(back);
    forget_done_epochs();
    ++draining_;
    const auto done = [&] { return first_epoch_ >= last; };
    const bool drained = !works_here() && wait_until(back, epoch_done_, deadline_mono_ns, done);
    --draining_;
    if (drained) {
        return {};
    }
    call_in_runs();
    call_sleepers(back);
    std::uint64_t left = 0;
    for (std::uint64_t epoch = first_epoch_; epoch < last; ++epoch) {
        const Epoch& e = epochs_[epoch - first_epoch_];
        left += e.accepted - e.finished;
    }
    PoolRest rest;
    rest.active = std::min<std::size_t>(active_, left);
    rest.queued = left - rest.active;
    return rest;
}

PoolRest BoundedPool::shut_down(std::int64_t deadline_mono_ns) {
    {
        const std::lock_guard lifecycle(lifecycle_);
        switch (states_.state()) {
        case ComponentState::created:
        case ComponentState::failed:
            (void)states_.enter(ComponentState::stopped);
            return {};
        case ComponentState::stopped:
            return {};
        default:
            (void)states_.enter(ComponentState::stopping); // again is no error
        }
    }
    close();
    PoolRest rest;
    rest.queued = drop_waiting();
    Lock back(back_);
    target_workers_ = 0;
    call_sleepers(back);
    if (works_here() || !wait_until(back, worker_left_, deadline_mono_ns,
                                    [this] { return alive_ + helping_ == 0; })) {
        rest.active = active_;
        return rest;
    }
    back.unlock();
    const std::lock_guard lifecycle(lifecycle_);
    join_those_who_left();
    (void)states_.enter(ComponentState::stopped); // a concurrent stop may have been first
    return rest;
}

std::size_t BoundedPool::drop_waiting() {
    NodeList nodes;
    {
        const std::lock_guard back(back_);
        absorb();
        call_in_runs();
        nodes = queue_.take_all();
    }
    const Status reason(Code::cancelled, "the worker pool was stopped before the task began");
    NodeList dropped;
    std::size_t count = 0;
    while (!nodes.empty()) {
        TaskNode* const node = nodes.pop();
        node->task.drop(reason);
        dropped.push(node);
        ++count;
    }
    const std::lock_guard back(back_);
    dropped_ += count;
    while (!dropped.empty()) {
        TaskNode* const node = dropped.pop();
        if (node->line->of_group && node->line->failure.ok()) {
            node->line->failure = reason;
        }
        finish(*node->line, &node, 1);
    }
    call_helpers();
    return count;
}

Status BoundedPool::stop(std::int64_t deadline_mono_ns) {
    const PoolRest rest = shut_down(deadline_mono_ns);
    if (state() == ComponentState::stopped) {
        return {};
    }
    return Status(Code::timeout, "the worker pool still runs " + std::to_string(rest.active) +
                                     " tasks; " + std::to_string(rest.queued) +
                                     " waiting ones were dropped");
}

// ---- tuning ----

// Under lifecycle_.
Status BoundedPool::add_workers(std::size_t count) {
    join_those_who_left();
    for (; count > 0; --count) {
        Seat* seat = nullptr;
        {
            const std::lock_guard back(back_);
            const auto free =
                std::find_if(seats_.begin(), seats_.end(), [](const auto& s) { return !s->taken; });
            if (free == seats_.end()) {
                seats_.push_back(std::make_unique<Seat>());
                seat = seats_.back().get();
            } else {
                seat = free->get();
            }
            seat->taken = true;
            ++alive_;
        }
        try {
            seat->thread = start_thread_([this, seat] { work(*seat); });
        } catch (const std::system_error& error) {
            const std::lock_guard back(back_);
            --alive_;
            seat->taken = false;
            return Status(Code::unavailable,
                          std::string("a worker's thread cannot be started: ") + error.what());
        }
    }
    return {};
}

// Under lifecycle_.
void BoundedPool::join_those_who_left() {
    std::vector<Seat*> left;
    {
        const std::lock_guard back(back_);
        for (const auto& seat : seats_) {
            if (seat->left) {
                left.push_back(seat.get());
            }
        }
    }
    for (Seat* seat : left) {
        seat->thread.join();
        const std::lock_guard back(back_);
        seat->taken = false;
        seat->left = false;
    }
}

Status BoundedPool::set_workers(std::size_t workers) {
    if (workers == 0) {
        return Status(Code::invalid_argument,
                      "a worker pool needs a worker; pause it if nothing shall run");
    }
    const std::lock_guard lifecycle(lifecycle_);
    std::size_t missing = 0;
    std::size_t before = 0;
    {
        Lock back(back_);
        before = std::exchange(configured_workers_, workers);
        if (states_.state() != ComponentState::running) {
            return {};
        }
        target_workers_ = workers;
        missing = workers > alive_ ? workers - alive_ : 0;
        call_in_runs(); // who leaves does so after the task that it runs
        call_sleepers(back);
    }
    const Status status = add_workers(missing);
    if (!status.ok()) {
        Lock back(back_);
        configured_workers_ = target_workers_ = before;
        call_sleepers(back);
    }
    return status;
}

Status BoundedPool::set_capacity(std::size_t capacity) {
    if (capacity == 0) {
        return Status(Code::invalid_argument, "a worker pool needs room for one task");
    }
    const std::lock_guard back(back_);
    {
        const std::lock_guard front(front_);
        capacity_ = capacity;
    }
    has_room_.notify_all();
    return {};
}

void BoundedPool::pause() {
    const std::lock_guard back(back_);
    paused_ = true;
    call_in_runs();
    const std::lock_guard front(front_);
    set_watch();
}

void BoundedPool::resume() {
    Lock back(back_);
    paused_ = false;
    {
        const std::lock_guard front(front_);
        absorb_locked();
        set_watch();
    }
    call_sleepers(back);
}

Result<std::shared_ptr<PoolLane>> BoundedPool::open_lane(std::string name, std::size_t limit) {
    if (limit == 0) {
        return Status(Code::invalid_argument, "a lane needs room for one task");
    }
    auto lane = std::make_shared<Lane>(std::move(name), limit, this);
    const std::lock_guard back(back_);
    absorb(); // what is in the inbox counts as well
    std::erase_if(lanes_, [](const std::shared_ptr<Lane>& old) {
        return old.use_count() == 1 && old->queued == 0 && old->active == 0;
    });
    lanes_.push_back(lane);
    return std::shared_ptr<PoolLane>(std::move(lane));
}

Status BoundedPool::set_lane_limit(const PoolLane& lane, std::size_t limit) {
    Lane* const own = mine(&lane);
    if (own == nullptr || limit == 0) {
        return Status(Code::invalid_argument, own == nullptr ? "the lane belongs to another pool"
                                                             : "a lane needs room for one task");
    }
    Lock back(back_);
    queue_.set_limit(*own, limit);
    call_sleepers(back);
    return {};
}

LaneStats BoundedPool::lane_stats(const PoolLane& lane) const {
    const Lane* const own = mine(&lane);
    if (own == nullptr) {
        return {};
    }
    const std::lock_guard back(back_);
    const std::lock_guard front(front_);
    LaneStats s{own->limit, own->queued, own->active};
    for (const Line* line : inbox_) {
        s.queued += &line->lane == own ? line->inbox.size : 0;
    }
    return s;
}

PoolStats BoundedPool::stats() const {
    const std::lock_guard back(back_);
    const std::lock_guard front(front_);
    PoolStats s;
    s.workers = alive_;
    s.capacity = capacity_;
    s.active = active_;
    s.queued = under_way_locked() - active_ - unaccounted(nullptr);
    s.done = finished_.load(std::memory_order_relaxed) - dropped_ + unaccounted(nullptr);
    s.failed = failed_;
    s.rejected = rejected_.load(std::memory_order_relaxed);
    s.dropped = dropped_;
    s.caller_runs = caller_runs_.load(std::memory_order_relaxed);
    if (timed_ > 0) {
        s.wait_ns =
            static_cast<std::int64_t>(static_cast<double>(wait_ns_) * static_cast<double>(s.done) /
                                      static_cast<double>(timed_));
    }
    s.max_wait_ns = max_wait_ns_;
    s.run_ns = run_ns_;
    s.max_run_ns = max_run_ns_;
    return s;
}

std::unique_ptr<WorkerPool> make_worker_pool(const PoolOptions& options, const Clock& clock) {
    return std::make_unique<BoundedPool>(
        options, clock, [](std::function<void()> body) { return std::thread(std::move(body)); });
}

} // namespace syncline
