// A run as people read it.
#pragma once

#include "syncline/orchestrate/sync_run.hpp"

#include <iosfwd>
#include <string>
#include <string_view>

namespace syncline::host {

std::string op_line(const PlannedOp& op);
// "two-way", "undo of run 12", "resolve". `of_run`: 0 where there is none.
std::string run_title(const std::string& command, std::string_view mode, std::int64_t of_run);
void print_summary(std::ostream& out, const SyncReport& report); // the result, in numbers
// The items that did not simply succeed: some of each sort, and how many more there are.
void print_items(std::ostream& out, const SyncReport& report);
void print_messages(std::ostream& out, const SyncReport& report); // what needs attention

} // namespace syncline::host
