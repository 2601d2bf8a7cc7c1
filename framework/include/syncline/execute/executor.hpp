// Carries a stored plan out, phase by phase, on the worker pool. Right before an overwrite or a
// removal the side must still be as the plan saw it, and its content is in the archive; an item
// that fails or moved is reported and the others go on. The base follows what was really done:
// batch by batch, and only after the written side has flushed.
//
// Threads: execute() runs in its caller's thread, operations on the pool.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/losses.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/pool/task_group.hpp"
#include "syncline/progress/run_progress.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/state/state.hpp"

#include <cstdint>
#include <functional>

namespace syncline {

struct ExecuteOptions {
    std::uint64_t commit_every_items = 4'000;
    std::int64_t commit_every_ns = 5'000'000'000;
    std::uint64_t hash_up_to = std::uint64_t{64}
                               << 20U; // larger contents are copied without learning their digest
    std::uint64_t in_memory_up_to = std::uint64_t{256} << 10U; // per worker; larger contents stream
};

// What makes it possible to go back. The order for each item: its old content durable in the
// archive, its entry in the journal, the write, the flush, the base.
struct Keeping {
    std::int64_t run = 0;            // in the journal
    ArchiveStore* archive = nullptr; // null: old contents are not kept
    JournalStore* journal = nullptr; // null: nothing is kept or recorded
    bool fetches = false;            // keep contents of sides that are not local, too
    // Called in execute()'s thread for a content that a bound of the archive excludes.
    std::function<void(const PlannedOp&, const std::string& why)> not_kept;
};

// One operation that did not simply succeed.
struct OpReport {
    const PlannedOp& op;
    Outcome outcome;
    Code code;
    std::string message;
};

// The contents that both sides agreed on and that later merges need.
struct KeptBases {
    ArchiveStore* archive = nullptr; // null: nothing is kept
    // The largest body whose base content is of use for a key; 0: none. Any thread.
    std::function<std::uint64_t(BytesView key)> limit;
};

struct ExecuteInputs {
    Endpoint& source;
    Endpoint& target;
    PlanStore& plan;
    BaseStore& base;
    TaskSubmitter& pool;
    const PoolLane* lane; // of the pool; may be null
    RunProgress& progress;
    const Clock& clock;
    // Called in execute()'s thread for what was skipped, conflicted, failed or is left pending.
    std::function<Status(const OpReport&)> report;
    ExecuteOptions options;
    Keeping keeping = {};
    KeptBases kept_bases = {};
};

struct ExecuteResult {
    Outcomes outcomes;
    std::array<std::uint64_t, kActionNumbers> done{}; // by Action: operations that succeeded
    std::uint64_t bytes = 0;                          // content written
    Losses losses;  // what copies did not keep and only showed when they were made
    Status stopped; // why a side was given up (credentials, quota, a root that vanished), if it was
    bool interrupted = false;
};

// `drain`: finish what is under way, then stop. `call.stop`: stop that as well.
Result<ExecuteResult> execute_plan(const ExecuteInputs& inputs, const std::stop_token& drain,
                                   const CallContext& call);

} // namespace syncline
