// Looks again at what a plan from a file was made from. Between planning and carrying out may lie
// days: an operation stays in the plan only if both sides still are, for its key, as the plan saw
// them. The executor's own preconditions then guard the moment of the write.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/pool/task_submitter.hpp"
#include "syncline/state/state.hpp"

#include <cstdint>
#include <functional>
#include <string>

namespace syncline {

struct RecheckInputs {
    ItemReader& source;
    ItemReader& target;
    BaseStore& base;
    ArchiveStore& archive;
    PlanStore& plan;
    std::int64_t last_id; // of the plan's operations
    TaskSubmitter& pool;
    const PoolLane* lane; // of the pool; may be null
    // Called in recheck_plan()'s thread for each operation that is taken out of the plan, base-only
    // ones left out: skipped where both sides agree by now, pending where a side moved, failed
    // where one could not be looked at.
    std::function<Status(const PlannedOp&, Outcome, Code, std::string message)> left;
};

// Takes out what no longer fits. An error means that nothing is known: the plan is not to be used.
Status recheck_plan(const RecheckInputs& inputs, const CallContext& call);

} // namespace syncline
