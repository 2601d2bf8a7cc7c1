// A clock that stands still until a test moves it.
#pragma once

#include "syncline/core/clock.hpp"

#include <atomic>

namespace syncline::fakes {

class FakeClock final : public Clock {
public:
    // By default noon of 2026-03-01, UTC.
    explicit FakeClock(std::int64_t wall_ns = 1'772'366'400'000'000'000) : wall_ns_(wall_ns) {}

    std::int64_t mono_ns() const override { return mono_ns_.load(); }
    std::int64_t wall_ns() const override { return wall_ns_.load(); }

    void advance(std::int64_t ns) {
        mono_ns_ += ns;
        wall_ns_ += ns;
    }
    void advance_ms(std::int64_t ms) { advance(ms * 1'000'000); }
    // As when somebody corrects the time of day: durations do not notice.
    void set_wall(std::int64_t wall_ns) { wall_ns_ = wall_ns; }

private:
    std::atomic<std::int64_t> mono_ns_{1'000'000'000};
    std::atomic<std::int64_t> wall_ns_;
};

} // namespace syncline::fakes
