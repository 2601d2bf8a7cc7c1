// Groups, and how who waits for one helps.
#include "pool/bounded_pool.hpp"

#include <utility>

namespace syncline {

std::unique_ptr<PoolGroup> BoundedPool::open_group(const PoolLane* lane) {
    return std::make_unique<Group>(*this, lane == nullptr ? &queue_.unlimited() : mine(lane));
}

BoundedPool::Group::Group(BoundedPool& pool, Lane* lane)
    : pool_(pool), is_valid_(lane != nullptr),
      line_(is_valid_ ? *lane : pool.queue_.unlimited(), true) {}

Status BoundedPool::Group::submit(Task&& task, const std::stop_token& stop) {
    if (!is_valid_) {
        return refuse_lane();
    }
    SubmitOptions options;
    options.stop = stop;
    if (pool_.works_here()) {
        if (line_.lane.limit != kNoLimit) {
            return Status(Code::invalid_state, "a task may not wait for tasks in a lane of its own "
                                               "pool: it could hold the slot that they need");
        }
        options.overflow = Overflow::reject;
    }
    return pool_.submit_to(line_, std::move(task), options);
}

std::size_t BoundedPool::Group::under_way() const {
    const std::lock_guard back(pool_.back_);
    const std::lock_guard front(pool_.front_);
    return line_.inbox.accepted - line_.finished.load() - pool_.unaccounted(&line_);
}

Status BoundedPool::Group::wait() {
    const WorkerMark mark(&pool_);
    std::int64_t now_ns = pool_.clock_.mono_ns();
    Run run;
    Lock back(pool_.back_);
    if (line_.inbox.size > 0) {
        pool_.absorb();
        pool_.call_sleepers(back);
    }
    while (!is_done()) {
        if (!pool_.take_own(line_, run)) {
            wait_for_others(back);
            now_ns = pool_.clock_.mono_ns();
            continue;
        }
        ++pool_.helping_;
        pool_.perform(run, back, now_ns);
        if (--pool_.helping_ == 0 && pool_.alive_ == 0) {
            pool_.worker_left_.notify_all();
        }
    }
    return std::exchange(line_.failure, Status());
}

// Under back_.
bool BoundedPool::Group::has_work() const {
    return line_.size > 0 && line_.lane.active < line_.lane.limit && !pool_.paused_;
}

// Under back_, which is given up meanwhile. As idle() of workers.
void BoundedPool::Group::wait_for_others(Lock& back) {
    const std::uint32_t nudges = pool_.nudges_.load(std::memory_order_relaxed);
    back.unlock();
    (void)spin_until(
        [&] { return is_done() || pool_.nudges_.load(std::memory_order_relaxed) != nudges; });
    back.lock();
    if (!is_done() && !has_work()) {
        pool_.call_in_runs();
        pool_.call_sleepers(back);
    }
    if (!is_done() && !has_work()) {
        pool_.waiting_groups_.push_back(this);
        changed_.wait(back);
        std::erase(pool_.waiting_groups_, this);
    }
}

// Under back_.
void BoundedPool::call_helpers() {
    for (Group* group : waiting_groups_) {
        if (group->is_done() || group->has_work()) {
            group->changed_.notify_all();
        }
    }
}

} // namespace syncline
