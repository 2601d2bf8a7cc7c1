// Between a run's plan and a plan file: what has to be known and asked in either direction.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/location.hpp"
#include "syncline/orchestrate/plan_file.hpp"

namespace syncline {

// How a plan file names a side, so that it means the same wherever the plan is carried out. Refuses
// credentials, and a plan that would lie inside the side and become a part of it.
Result<std::string> location_for_plan(const Location& location, const std::string& typed,
                                      const std::filesystem::path& plan_file,
                                      const KeyFilter& filter);

// 32 hex digits that no other plan has: its lines are bound to it.
std::string new_plan_id();

// All of `plan`, or no file. `call.stop` ends it.
Status write_plan_file(const std::filesystem::path& file, const PlanHeader& header, Bytes key,
                       PlanStore& plan, const CallContext& call);

// Fills the empty `plan` with the operations of a file, once it is known to be genuine and for the
// sync, mode and places named by `expected`; the id of the last one. `header`: the file's.
struct ExpectedPlan {
    const std::string& sync_name;
    Mode mode;
    const EndpointInfo& source;
    const EndpointInfo& target;
};
Result<std::int64_t> load_plan_file(const std::filesystem::path& file, Bytes key,
                                    const ExpectedPlan& expected, PlanStore& plan,
                                    PlanHeader& header);

} // namespace syncline
