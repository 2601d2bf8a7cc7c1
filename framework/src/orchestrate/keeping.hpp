// What a run hands to the executor so that it can be undone, and what it tidies up afterwards.
#pragma once

#include "syncline/execute/executor.hpp"
#include "syncline/orchestrate/sync_run.hpp"

namespace syncline {

// `report` has the run's id, and is told what could not be archived; it outlives the result.
Keeping keeping_of(SyncState& state, Archiving archiving, SyncReport& report);

// Keeps archive and history within their bounds. That it fails is logged: the run is as good.
void tidy_history(SyncState& state, std::int64_t run, const Keeping& keeping);

} // namespace syncline
