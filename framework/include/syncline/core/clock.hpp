// Time as the engine sees it: a monotonic clock for durations and deadlines, a wall clock for what
// people read. Code takes a Clock& and never asks the system itself, so that tests own time.
#pragma once

#include <cstdint>

namespace syncline {

class Clock {
public:
    virtual ~Clock() = default;
    virtual std::int64_t mono_ns() const = 0; // any thread
    virtual std::int64_t wall_ns() const = 0; // any thread; nanoseconds since the Unix epoch, UTC
};

// The machine's clocks. Lives as long as the process.
const Clock& system_clock();

inline constexpr std::int64_t kNoDeadline = INT64_MAX;

} // namespace syncline
