#include "syncline/pool/worker_pool.hpp"

#include "syncline/core/log.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace syncline {

namespace {

class BoundedPool : public WorkerPool {
public:
    BoundedPool(const PoolOptions& options, const Clock& clock)
        : options_(options), clock_(clock) {}
    ~BoundedPool() override {
        (void)BoundedPool::stop(kNoDeadline);
        for (std::thread& worker : workers_) {
            worker.join();
        }
    }
    BoundedPool(const BoundedPool&) = delete;
    BoundedPool& operator=(const BoundedPool&) = delete;

    std::string_view component_name() const override { return "worker pool"; }

    Status start() override {
        const std::lock_guard lock(mutex_);
        if (state_ != ComponentState::created) {
            return Status(Code::invalid_state, "the worker pool was started before");
        }
        if (options_.workers == 0 || options_.queue_limit == 0) {
            return Status(Code::invalid_config,
                          "a worker pool needs at least one worker and room for one task");
        }
        state_ = ComponentState::running;
        for (std::size_t i = 0; i < options_.workers; ++i) {
            workers_.emplace_back([this] { work(); });
        }
        return {};
    }

    Status submit(Task task, const std::stop_token& stop) override {
        if (current_pool == this) {
            return Status(Code::invalid_state,
                          "a task may not submit to its own pool: it could wait for itself");
        }
        std::unique_lock lock(mutex_);
        const bool room = has_room_.wait(lock, stop, [this] {
            return state_ != ComponentState::running || queue_.size() < options_.queue_limit;
        });
        if (state_ != ComponentState::running) {
            return Status(Code::invalid_state, "the worker pool is not running");
        }
        if (!room || stop.stop_requested()) {
            return Status(Code::cancelled, "interrupted while waiting for the worker pool");
        }
        queue_.push_back(std::move(task));
        lock.unlock();
        has_work_.notify_one();
        return {};
    }

    void drain() override {
        std::unique_lock lock(mutex_);
        idle_.wait(lock, [this] { return queue_.empty() && active_ == 0; });
    }

    Status stop(std::int64_t deadline_mono_ns) override {
        std::unique_lock lock(mutex_);
        if (state_ == ComponentState::created) {
            state_ = ComponentState::stopped;
        }
        if (state_ == ComponentState::running) {
            state_ = ComponentState::stopping;
            has_work_.notify_all();
            has_room_.notify_all();
        }
        const auto empty = [this] { return queue_.empty() && active_ == 0; };
        if (deadline_mono_ns == kNoDeadline) {
            idle_.wait(lock, empty);
        } else {
            const std::int64_t left = deadline_mono_ns - clock_.mono_ns();
            if (!idle_.wait_for(lock, std::chrono::nanoseconds(left), empty)) {
                return Status(Code::timeout, "the worker pool still runs " +
                                                 std::to_string(active_) + " and holds " +
                                                 std::to_string(queue_.size()) + " tasks");
            }
        }
        state_ = ComponentState::stopped;
        return {};
    }

    ComponentState state() const override {
        const std::lock_guard lock(mutex_);
        return state_;
    }

    PoolStats stats() const override {
        const std::lock_guard lock(mutex_);
        return {workers_.size(), queue_.size(), active_, done_, failed_};
    }

private:
    void work() {
        current_pool = this;
        std::unique_lock lock(mutex_);
        while (true) {
            has_work_.wait(lock,
                           [this] { return state_ != ComponentState::running || !queue_.empty(); });
            if (queue_.empty()) {
                return; // stopping, and nothing left to do
            }
            Task task = std::move(queue_.front());
            queue_.pop_front();
            ++active_;
            lock.unlock();
            has_room_.notify_one();
            const bool ok = run(task);
            task = nullptr; // what it owns goes before anyone is told that it is done
            lock.lock();
            --active_;
            ++done_;
            failed_ += ok ? 0 : 1;
            if (queue_.empty() && active_ == 0) {
                idle_.notify_all();
            }
        }
    }

    static bool run(const Task& task) {
        try {
            task();
            return true;
        } catch (const std::exception& error) {
            log(LogLevel::error, "pool",
                std::string("a task ended with an exception: ") + error.what());
        } catch (...) {
            log(LogLevel::error, "pool", "a task ended with an unknown exception");
        }
        return false;
    }

    static thread_local const BoundedPool* current_pool;

    const PoolOptions options_;
    const Clock& clock_;
    mutable std::mutex mutex_;
    std::condition_variable has_work_;
    std::condition_variable_any has_room_; // waits on a stop token as well
    std::condition_variable idle_;
    std::deque<Task> queue_;
    std::vector<std::thread> workers_;
    std::size_t active_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t failed_ = 0;
    ComponentState state_ = ComponentState::created;
};

thread_local const BoundedPool* BoundedPool::current_pool = nullptr;

} // namespace

std::unique_ptr<WorkerPool> make_worker_pool(const PoolOptions& options, const Clock& clock) {
    return std::make_unique<BoundedPool>(options, clock);
}

} // namespace syncline
