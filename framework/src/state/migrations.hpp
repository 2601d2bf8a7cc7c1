// The schema of the state file, as a list of steps that are only ever appended to. `PRAGMA
// user_version` counts the steps a file has had.
#pragma once

#include "state/sqlite.hpp"

#include <span>

namespace syncline::state {

// "sync", so that `file` and other programs can tell what the file is.
inline constexpr std::int64_t kApplicationId = 0x73796e63;

std::span<const char* const> migrations();

// Ok when `database` is empty, or of this program and with at most the steps of `known`. Changes
// nothing.
Status check_schema(sqlite::Database& database, std::span<const char* const> known);

// Whether the tables of the newest schema are there and no page is cut off. For files that are not
// about to be migrated. Changes nothing.
Status check_tables(sqlite::Database& database);

// Requires check_schema() to have been ok. One transaction for each step: an interruption leaves
// the file at a step.
Status migrate(sqlite::Database& database, std::span<const char* const> known);

} // namespace syncline::state
