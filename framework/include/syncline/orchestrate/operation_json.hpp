// A planned operation as JSON, as -o json prints it.
#pragma once

#include "syncline/state/plan_store.hpp"

#include <nlohmann/json_fwd.hpp>

namespace syncline {

nlohmann::ordered_json operation_json(const PlannedOp& op);

} // namespace syncline
