// The lines of a plan file as JSON, and back: every field by name and type, nothing unknown,
// nothing out of bounds.
#pragma once

#include "syncline/orchestrate/plan_file.hpp"

#include <nlohmann/json.hpp>

namespace syncline {

// Relative, without empty, '.' or '..' segments and of bounded length: a key that can only mean
// something below a root.
bool is_confined(BytesView key);

nlohmann::json header_json(const PlanHeader& header);
nlohmann::json op_json(const PlannedOp& op);

// Errors say which field is wrong and how.
Result<PlanHeader> header_of(nlohmann::json line);
Result<PlannedOp> op_of(nlohmann::json line);

} // namespace syncline
