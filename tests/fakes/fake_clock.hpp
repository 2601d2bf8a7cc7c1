// A clock that stands still until a test moves it, or somebody sleeps: then it is at once as late
// as the sleeper wished.
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

    bool sleep_until(std::int64_t mono_ns, const std::stop_token& stop) const override {
        if (stop.stop_requested()) {
            return false;
        }
        std::int64_t now = mono_ns_.load();
        while (now < mono_ns && !mono_ns_.compare_exchange_weak(now, mono_ns)) {
        }
        if (now < mono_ns) {
            wall_ns_ += mono_ns - now;
        }
        return true;
    }

    void advance(std::int64_t ns) {
        mono_ns_ += ns;
        wall_ns_ += ns;
    }
    void advance_ms(std::int64_t ms) { advance(ms * 1'000'000); }
    // As when somebody corrects the time of day: durations do not notice.
    void set_wall(std::int64_t wall_ns) { wall_ns_ = wall_ns; }

private:
    mutable std::atomic<std::int64_t> mono_ns_{1'000'000'000};
    mutable std::atomic<std::int64_t> wall_ns_;
};

} // namespace syncline::fakes
