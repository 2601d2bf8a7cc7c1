// A mutex for critical sections of a few nanoseconds: a thread that finds it taken looks again for
// a moment before it goes to sleep, because a sleep and a wake-up cost a thousand times more than
// what it waits for. It only looks while it waits, so that the holder keeps the cache line.
#pragma once

#include <atomic>
#include <cstdint>

namespace syncline::resilience {

class BriefMutex {
public:
    void lock() noexcept {
        std::uint32_t seen = kFree;
        if (state_.compare_exchange_strong(seen, kTaken, std::memory_order_acquire,
                                           std::memory_order_relaxed)) {
            return;
        }
        lock_contended();
    }
    void unlock() noexcept {
        if (state_.exchange(kFree, std::memory_order_release) == kSleepers) {
            state_.notify_one();
        }
    }

private:
    static constexpr std::uint32_t kFree = 0;
    static constexpr std::uint32_t kTaken = 1;
    static constexpr std::uint32_t kSleepers = 2; // taken, and somebody may sleep
    static constexpr int kTurns = 200;

    static void pause() noexcept {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }

    void lock_contended() noexcept {
        for (int turn = 0; turn < kTurns; ++turn) {
            pause();
            std::uint32_t seen = state_.load(std::memory_order_relaxed);
            if (seen == kFree &&
                state_.compare_exchange_weak(seen, kTaken, std::memory_order_acquire,
                                             std::memory_order_relaxed)) {
                return;
            }
        }
        // Whoever has slept takes it as if others slept still: at worst one wake-up too many.
        while (state_.exchange(kSleepers, std::memory_order_acquire) != kFree) {
            state_.wait(kSleepers, std::memory_order_relaxed);
        }
    }

    std::atomic<std::uint32_t> state_{kFree};
};

} // namespace syncline::resilience
