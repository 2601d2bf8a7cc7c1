// What is particular to a sync with several resource types.
#pragma once

#include "syncline/orchestrate/sync_run.hpp"

#include <vector>

namespace syncline {

// Code::invalid_config for names that are missing or there twice, and for what only a sync of one
// resource type can do.
Status check_resources(const SyncSpec& spec, const RunControl& control);

// The report of the whole: sums, and the first error, guard and reason to stop.
SyncReport sum_of(std::vector<SyncReport> reports);

} // namespace syncline
