// A clock that only the test moves: a sleeper sleeps until advance() takes the clock past its
// deadline, or until its stop token. With it a deadline that passes, and one that does not, are
// both certain.
#pragma once

#include "syncline/core/clock.hpp"

#include <condition_variable>
#include <mutex>

namespace syncline::fakes {

class ManualClock final : public Clock {
public:
    std::int64_t mono_ns() const override {
        const std::lock_guard lock(mutex_);
        return now_ns_;
    }
    std::int64_t wall_ns() const override { return mono_ns(); }

    bool sleep_until(std::int64_t mono_ns, const std::stop_token& stop) const override {
        std::unique_lock lock(mutex_);
        ++sleepers_;
        changed_.notify_all();
        changed_.wait(lock, stop, [&] { return now_ns_ >= mono_ns; });
        --sleepers_;
        return !stop.stop_requested();
    }

    void advance_ms(std::int64_t ms) {
        const std::lock_guard lock(mutex_);
        now_ns_ += ms * 1'000'000;
        changed_.notify_all();
    }
    // Waits until somebody sleeps, then moves.
    void advance_ms_when_somebody_sleeps(std::int64_t ms) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return sleepers_ > 0; });
        now_ns_ += ms * 1'000'000;
        changed_.notify_all();
    }

private:
    mutable std::mutex mutex_;
    mutable std::condition_variable_any changed_;
    mutable int sleepers_ = 0;
    std::int64_t now_ns_ = 1'000'000'000;
};

} // namespace syncline::fakes
