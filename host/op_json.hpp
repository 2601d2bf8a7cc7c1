// A planned operation as JSON.
#pragma once

#include "syncline/state/plan_store.hpp"

#include <nlohmann/json.hpp>

namespace syncline::host {

nlohmann::ordered_json op_json(const PlannedOp& op);

} // namespace syncline::host
