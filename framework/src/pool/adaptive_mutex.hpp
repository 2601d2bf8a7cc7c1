// A mutex for critical sections of a few dozen nanoseconds: it spins for a moment before it sleeps,
// since a wake-up costs a thousand times as much, and its uncontended path is inlined, one exchange
// each way.
#pragma once

#include "pool/spin.hpp"

#include <atomic>
#include <cstdint>

namespace syncline {

class AdaptiveMutex {
public:
    AdaptiveMutex() = default;
    AdaptiveMutex(const AdaptiveMutex&) = delete;
    AdaptiveMutex& operator=(const AdaptiveMutex&) = delete;

    void lock() {
        std::uint32_t expected = kFree;
        if (!state_.compare_exchange_weak(expected, kTaken, std::memory_order_acquire,
                                          std::memory_order_relaxed)) {
            lock_contended();
        }
    }
    bool try_lock() {
        std::uint32_t expected = kFree;
        return state_.compare_exchange_strong(expected, kTaken, std::memory_order_acquire,
                                              std::memory_order_relaxed);
    }
    void unlock() {
        if (state_.exchange(kFree, std::memory_order_release) == kTakenWithSleepers) {
            state_.notify_one();
        }
    }

private:
    static constexpr std::uint32_t kFree = 0;
    static constexpr std::uint32_t kTaken = 1;
    static constexpr std::uint32_t kTakenWithSleepers = 2;
    static constexpr int kSpins = 200;

    void lock_contended() {
        for (int i = 0; i < kSpins; ++i) {
            if (state_.load(std::memory_order_relaxed) == kFree && try_lock()) {
                return;
            }
            pause_processor();
        }
        // Who gets it here cannot know whether others still sleep, so it says that some do.
        while (state_.exchange(kTakenWithSleepers, std::memory_order_acquire) != kFree) {
            state_.wait(kTakenWithSleepers, std::memory_order_relaxed);
        }
    }

    std::atomic<std::uint32_t> state_{kFree};
};

} // namespace syncline
