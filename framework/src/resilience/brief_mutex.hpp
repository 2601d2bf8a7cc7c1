// A mutex for critical sections of a few nanoseconds: a thread that finds it taken looks again for
// a moment before it goes to sleep, because a sleep and a wake-up cost a thousand times more than
// what it waits for.
#pragma once

#include <mutex>

namespace syncline::resilience {

class BriefMutex {
public:
    void lock() {
        if (mutex_.try_lock()) {
            return;
        }
        for (int turn = 0; turn < kTurns; ++turn) {
            pause();
            if (mutex_.try_lock()) {
                return;
            }
        }
        mutex_.lock();
    }
    void unlock() { mutex_.unlock(); }

private:
    static constexpr int kTurns = 40;
    static void pause() {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }

    std::mutex mutex_;
};

} // namespace syncline::resilience
