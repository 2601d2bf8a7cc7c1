// What those who hand work to a pool see of it: one verb, and how to wait, rank and group tasks.
//
//   pool.submit([&] { copy(item); }, {.stop = stop, .lane = endpoint_lane.get()});
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/pool/task.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

namespace syncline {

// Higher first, and first come, first served within one. A lower task that waits is passed over at
// most PoolOptions::pass_over_limit times, then it is its turn.
enum class Priority : std::uint8_t { high, normal, low };

// What submit() does while the pool has no room.
enum class Overflow : std::uint8_t {
    block,      // waits for room, the stop token or the deadline
    reject,     // Code::unavailable at once
    caller_runs // the caller's thread runs the task; it counts to no limit, not to its lane's
                // either
};

// A group of tasks of which at most so many run at once, whatever the number of workers: one for
// each endpoint, so that an endpoint that hangs cannot take every worker. Waiting tasks of a full
// lane do not hold up those behind them. Made by WorkerPool::open_lane; use it only with its pool.
class PoolLane {
public:
    virtual ~PoolLane() = default;
    std::string_view name() const { return name_; }

protected:
    explicit PoolLane(std::string name) : name_(std::move(name)) {}

private:
    std::string name_;
};

struct SubmitOptions {
    std::stop_token stop = {};                   // ends a wait for room
    std::int64_t deadline_mono_ns = kNoDeadline; // so does this; room that is there is taken anyway
    Overflow overflow = Overflow::block;
    Priority priority = Priority::normal;
    const PoolLane* lane = nullptr; // not owned; need not outlive the call. null: no limit
};

// A pool's side of a TaskGroup, which says what the calls do.
class PoolGroup {
public:
    virtual ~PoolGroup() = default;
    virtual Status submit(Task&& task, const std::stop_token& stop) = 0;
    virtual Status wait() = 0;
    virtual std::size_t under_way() const = 0;
};

class TaskSubmitter {
public:
    virtual ~TaskSubmitter() = default;
    // Ok: the task was accepted and will be run or, if the pool is stopped before, dropped; its
    // completion is told which. On an error it was destroyed and its completion not called:
    // Code::cancelled or Code::timeout when waiting for room ended without it, Code::unavailable
    // when there is none, Code::invalid_state when the pool does not accept work or a worker of the
    // pool asks with Overflow::block (it could wait for itself), Code::invalid_argument for an
    // empty task or another pool's lane. Any thread.
    virtual Status submit(Task task, const SubmitOptions& options) = 0;
    Status submit(Task task) { return submit(std::move(task), SubmitOptions{}); }
    // For TaskGroup.
    virtual std::unique_ptr<PoolGroup> open_group(const PoolLane* lane) = 0;
};

} // namespace syncline
