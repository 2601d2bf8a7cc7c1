// Finds out what a run would do with one key. Asks the sides about that key and the containers
// above it; only where the answer depends on other items (what may have been renamed, a container
// that one side deleted, one kind replaced by another, names that fold) is the whole plan made.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/explanation.hpp"
#include "syncline/pool/task_submitter.hpp"
#include "syncline/progress/run_progress.hpp"
#include "syncline/reconcile/strategy_chain.hpp"

#include <filesystem>

namespace syncline {

struct ExplainInputs {
    Endpoint& source;
    Endpoint& target;
    BaseStore& base;
    RunStore& runs;
    JournalStore& journal;
    PlanStore& plan; // empty
    StrategyChain& chain;
    TaskSubmitter& pool;
    const PoolLane* lane; // of the pool; may be null
    RunProgress& progress;
    const Rules& rules;
    const std::filesystem::path& spill_directory;
};

// Completes `into`, whose key, locations and mode are set.
Status explain_key(const ExplainInputs& inputs, const CallContext& call, Explanation& into);

} // namespace syncline
