// A fixed number of workers behind a bounded queue. Submitting blocks while the queue is full,
// which is the back-pressure that keeps memory independent of the amount of work. A task that
// throws is caught, counted and logged; it never takes its worker down.
//
// Threads: submit() and drain() from any thread but a worker of the same pool.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/lifecycle/component.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>

namespace syncline {

struct PoolOptions {
    std::size_t workers = 2;
    std::size_t queue_limit = 64; // tasks waiting; those that run come on top
};

struct PoolStats {
    std::size_t workers = 0;
    std::size_t queued = 0;
    std::size_t active = 0;
    std::uint64_t done = 0;
    std::uint64_t failed = 0; // of those: ended by an exception
};

class WorkerPool : public Component {
public:
    using Task = std::function<void()>;
    // Blocks while the queue is full. Code::cancelled once `stop` is requested, Code::invalid_state
    // when the pool is not running or the caller is one of its workers (it would wait for itself).
    virtual Status submit(Task task, const std::stop_token& stop) = 0;
    // Returns when every task submitted before has ended.
    virtual void drain() = 0;
    virtual PoolStats stats() const = 0;
};

std::unique_ptr<WorkerPool> make_worker_pool(const PoolOptions& options, const Clock& clock);

} // namespace syncline
