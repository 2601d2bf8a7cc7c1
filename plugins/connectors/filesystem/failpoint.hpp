// Named places at which a test can stop the process for good, or hold it there: one before and one
// after each step that outlives the process.
//
// The same environment arms them as in the engine, which a plugin shares no code with:
//
//     SYNCLINE_FAILPOINT=NAME[:NTH]       SIGKILL to itself at the NTH time NAME is reached, first
//     1 SYNCLINE_FAILPOINT_HOLD=PATH        with the above: instead of dying writes a byte to the
//                                         FIFO PATH.reached, then waits for one from PATH.go
//     SYNCLINE_FAILPOINT_LOG=FILE         appends each name that is reached, a line each
//
// Compiled into builds with assertions only (not NDEBUG). Threads: any.
#pragma once

#ifdef NDEBUG
#define SYNCLINE_FS_FAILPOINT(name) static_cast<void>(0)
#else

namespace syncline::fs {
void reach_failpoint(const char* name);
} // namespace syncline::fs

#define SYNCLINE_FS_FAILPOINT(name) ::syncline::fs::reach_failpoint("filesystem." name)
#endif
