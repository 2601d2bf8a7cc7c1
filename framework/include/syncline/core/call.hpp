// What accompanies every call that may take time: how it is cancelled, until when it may run, and
// what it may do.
#pragma once

#include "syncline/core/clock.hpp"

#include <cstdint>
#include <stop_token>

namespace syncline {

struct CallContext {
    std::stop_token stop;                        // cancel: return Code::cancelled soon
    std::stop_token end_waits;                   // no more waiting to be allowed or to try again
    std::int64_t deadline_mono_ns = kNoDeadline; // on the engine's monotonic clock
    bool dry_run = false;                        // no side effects, not even tidying up
    bool retry = false;                          // the same operation was tried before
    bool look = false; // asks what became of a call that failed: no news of the side's health
};

} // namespace syncline
