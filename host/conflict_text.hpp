// Conflicts and failures as people read them.
#pragma once

#include "syncline/orchestrate/inbox.hpp"

#include <iosfwd>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace syncline::host {

std::string display_time(std::int64_t wall_ns); // UTC, to the second

std::string note_line(const RunNote& note);
nlohmann::ordered_json note_json(const RunNote& note);

// Both sides and the base, and how they differ: a diff of text, the fields of JSON, else what is
// known of them.
void print_view(std::ostream& out, const RunNote& note, const ConflictView& view);
nlohmann::ordered_json view_json(const RunNote& note, const ConflictView& view);

} // namespace syncline::host
