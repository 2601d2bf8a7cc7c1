// Makes the plan of a run: lists both sides, joins them with the base, reads contents where
// versions alone cannot tell what changed, decides, and checks the guards. Nothing changes anywhere
// while it works.
//
// Memory does not depend on the number of items: rows stream through, and at most `kWindowRows` of
// them wait for content.
//
// Threads: plan() runs in its caller's thread; listings have threads of their own, contents are
// read on the pool.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/losses.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/pool/task_group.hpp"
#include "syncline/progress/run_progress.hpp"
#include "syncline/reconcile/reconciler.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/state/state.hpp"

#include <array>
#include <cstdint>
#include <filesystem>

namespace syncline {

struct PlanInputs {
    ItemLister& source_items;
    ItemLister& target_items;
    ItemReader& source;
    ItemReader& target;
    BaseStore& base;
    PlanStore& plan;
    ConflictResolver& conflicts;
    TaskSubmitter& pool;
    const PoolLane* lane; // of the pool; may be null
    RunProgress& progress;
    const Rules& rules;
    std::filesystem::path
        spill_directory; // for names, where a side does not tell all of them apart
    // Each operation of the plan can be left out without a consequence for the others: no
    // directories are renamed as a whole, and no items whose new name is another one's old name.
    bool separable = false;
    BytesView sync = {}; // its name; outlives the call
};

struct PlanSummary {
    PlanCounts counts;
    std::array<std::uint64_t, 2> listed{}; // items by side, excluded ones left out
    std::uint64_t base_items = 0;
    Losses losses; // of what the plan copies, as far as the listings tell
};

Result<PlanSummary> make_plan(const PlanInputs& inputs, const CallContext& call);

// Code::guard_tripped with all that tripped, the numbers, what to check and the flags that
// override.
Status check_deletion_guards(const PlanSummary& summary, const Rules& rules,
                             const std::string& source_location,
                             const std::string& target_location);

// Before anything is listed: are these two places that can be a sync, and the ones they were last
// time?
Status check_place_guards(const EndpointInfo& source, const EndpointInfo& target,
                          const std::optional<SyncIdentity>& known, const Rules& rules);

} // namespace syncline
