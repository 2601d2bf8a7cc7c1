// Time as the engine sees it: a monotonic clock for durations and deadlines, a wall clock for what
// people read. Code takes a Clock& and never asks the system itself, so that tests own time.
#pragma once

#include <cstdint>
#include <stop_token>

namespace syncline {

class Clock {
public:
    virtual ~Clock() = default;
    virtual std::int64_t mono_ns() const = 0; // any thread
    virtual std::int64_t wall_ns() const = 0; // any thread; nanoseconds since the Unix epoch, UTC
    // Returns at `mono_ns` with true, or as soon as `stop` is requested with false. Any thread.
    virtual bool sleep_until(std::int64_t mono_ns, const std::stop_token& stop) const = 0;
};

// The machine's clocks. Lives as long as the process.
const Clock& system_clock();

inline constexpr std::int64_t kNoDeadline = INT64_MAX;

// `span` after `time`, neither of them negative; at the latest kNoDeadline.
inline std::int64_t later(std::int64_t time, std::int64_t span) {
    return span > kNoDeadline - time ? kNoDeadline : time + span;
}

} // namespace syncline
