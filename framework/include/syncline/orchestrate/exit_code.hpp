// What a run tells the shell. The one place where errors and outcomes become numbers.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/orchestrate/sync_run.hpp"

namespace syncline {

namespace exit_code {
inline constexpr int kInSync = 0;
inline constexpr int kUnexpected = 1;
inline constexpr int kUsage = 2;
inline constexpr int kConfiguration = 3; // invalid, or a root that does not exist
inline constexpr int kItemsFailed = 4;
inline constexpr int kTemporary = 5; // run again
inline constexpr int kConflicts = 6;
inline constexpr int kNeedsPerson = 7; // credentials, quota, corrupt state, a root that vanished
inline constexpr int kGuard = 8;       // nothing changed
inline constexpr int kDifferences = 9; // found by verify
inline constexpr int kLockHeld = 11;
inline constexpr int kInterrupted = 130;
inline constexpr int kReaderGone = 141; // nobody read the result to its end, as after SIGPIPE
} // namespace exit_code

int exit_code_of(const Status& status);
int exit_code_of(const SyncReport& report);

} // namespace syncline
