// A run as people read it.
#pragma once

#include "syncline/orchestrate/sync_run.hpp"

#include <iosfwd>
#include <string>

namespace syncline::host {

std::string op_line(const PlannedOp& op);
void print_summary(std::ostream& out, const SyncReport& report); // the result
void print_messages(std::ostream& out,
                    const SyncReport& report); // what needs attention, and what to do

} // namespace syncline::host
