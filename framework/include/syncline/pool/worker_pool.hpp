// Workers behind a bounded queue. Tasks that run count to the bound, so it limits what is under way
// and with it the memory that the work may take.
//
// Two verbs end work: drain() waits until what was accepted is done and leaves the pool running;
// stop() drops what waits and waits only for what runs. An orderly end is close(), drain(deadline),
// stop(deadline). The destructor drops what waits and waits for what runs.
//
// Threads: any. Deadlines are compared with the pool's clock; waiting itself is in real time.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/lifecycle/component.hpp"
#include "syncline/pool/task_submitter.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace syncline {

struct PoolOptions {
    std::size_t workers = 2;
    std::size_t capacity = 64;        // tasks waiting and running
    std::size_t pass_over_limit = 16; // see Priority
};

struct PoolStats {
    std::size_t workers = 0;
    std::size_t capacity = 0;
    std::size_t queued = 0;
    std::size_t active = 0;
    std::uint64_t done = 0;        // by workers and owners of groups; failed ones too
    std::uint64_t failed = 0;      // of those: ended by an exception or with an error
    std::uint64_t rejected = 0;    // found no room: turned away, cancelled or too late
    std::uint64_t dropped = 0;     // accepted, then dropped by a stop
    std::uint64_t caller_runs = 0; // run by their submitters
    // Sum over tasks done, from submit() to their begin; an estimate if many waited at once.
    std::int64_t wait_ns = 0;
    std::int64_t max_wait_ns = 0;
    std::int64_t run_ns = 0;     // sum over tasks done, completions included
    std::int64_t max_run_ns = 0; // short tasks of a group, taken together, are told by their mean
};

struct LaneStats {
    std::size_t limit = 0;
    std::size_t queued = 0;
    std::size_t active = 0;
};

// What drain() or stop() left. Nothing: it did all that it should.
struct PoolRest {
    std::size_t queued = 0; // drain: still waiting; stop: dropped, their completions were told so
    std::size_t active = 0; // still running at the deadline
};

// For those who tune a running pool.
class PoolControl {
public:
    virtual ~PoolControl() = default;
    // More: all of them start, or none does and the error says why. Less: workers leave between
    // tasks, this does not wait for them.
    virtual Status set_workers(std::size_t workers) = 0;
    // Less than what is under way: nothing is dropped, and nobody gets in until it is below.
    virtual Status set_capacity(std::size_t capacity) = 0;
    // Nobody begins a task until resume(), not who waits for a group either; submitting goes on
    // within the bound.
    virtual void pause() = 0;
    virtual void resume() = 0;
};

class WorkerPool : public Component, public TaskSubmitter, public PoolControl {
public:
    // The lane lives as long as somebody holds it or a task of it is under way.
    virtual Result<std::shared_ptr<PoolLane>> open_lane(std::string name, std::size_t limit) = 0;
    virtual Status set_lane_limit(const PoolLane& lane, std::size_t limit) = 0;
    virtual LaneStats lane_stats(const PoolLane& lane) const = 0;

    // Accepts nothing more and wakes those who wait for room. What was accepted is done.
    virtual void close() = 0;
    // Waits until everything accepted before the call is done, completions included, or the
    // deadline. Accepting goes on; what comes later is not waited for. On a paused pool it waits
    // for the resume. From a worker it returns at once, since it would wait for itself.
    virtual PoolRest drain(std::int64_t deadline_mono_ns = kNoDeadline) = 0;
    // Closes, drops what waits and waits until the workers are gone, or the deadline. stop() does
    // the same and makes a Status of the rest.
    virtual PoolRest shut_down(std::int64_t deadline_mono_ns) = 0;

    virtual PoolStats stats() const = 0;
};

std::unique_ptr<WorkerPool> make_worker_pool(const PoolOptions& options, const Clock& clock);

} // namespace syncline
