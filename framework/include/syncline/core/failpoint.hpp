// Named places at which a test can stop the process for good, or hold it there.
//
// Every step that outlives the process has one before it and one after it. A name says part and
// step: "execute.before-op.create", "execute.after-flush", "state.before-commit".
//
//     SYNCLINE_FAILPOINT("execute.before-flush");
//
// In builds with assertions (not NDEBUG) the environment arms them:
//
//     SYNCLINE_FAILPOINT=NAME[:NTH]       SIGKILL to itself at the NTH time NAME is reached, first
//     1 SYNCLINE_FAILPOINT_HOLD=PATH        with the above: instead of dying writes a byte to the
//                                         FIFO PATH.reached, then waits for one from PATH.go
//     SYNCLINE_FAILPOINT_LOG=FILE         appends each name that is reached, a line each
//
// In other builds nothing of it is compiled and the name is not even evaluated. Names are looked up
// only while armed, so a test run without these variables pays one load for each.
//
// Threads: any.
#pragma once

#ifdef NDEBUG
#define SYNCLINE_FAILPOINT(name) static_cast<void>(0)
#else

#include <string_view>

namespace syncline {

bool failpoints_are_armed();
void reach_failpoint(std::string_view name);

// What tests in the same process want to happen at each of them, from the thread that reaches it.
// Set while no run is under way; null for nothing.
using FailpointHook = void (*)(std::string_view name);
void set_failpoint_hook(FailpointHook hook);

} // namespace syncline

#define SYNCLINE_FAILPOINT(name)                                                                   \
    do {                                                                                           \
        if (::syncline::failpoints_are_armed()) {                                                  \
            ::syncline::reach_failpoint(name);                                                     \
        }                                                                                          \
    } while (false)
#endif
