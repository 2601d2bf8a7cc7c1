#include "syncline/core/clock.hpp"

#include <chrono>

namespace syncline {
namespace {

template <typename C>
std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(C::now().time_since_epoch())
        .count();
}

class SystemClock final : public Clock {
public:
    std::int64_t mono_ns() const override { return now_ns<std::chrono::steady_clock>(); }
    std::int64_t wall_ns() const override { return now_ns<std::chrono::system_clock>(); }
};

} // namespace

const Clock& system_clock() {
    // Never destroyed: threads that outlive static destruction may still ask for the time.
    static const Clock& clock = *new SystemClock;
    return clock;
}

} // namespace syncline
