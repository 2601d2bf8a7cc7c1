// Waiting for a moment without sleeping.
#pragma once

#include <thread>

namespace syncline {

inline void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
}

// A sleeping thread costs its waker tens of microseconds, so it looks for about as long first. Each
// look takes a cache line from those who write there, so there are pauses between looks; yielding
// now and then leaves the processor to whoever has work. False: in vain.
template <typename P>
bool spin_until(P found) {
    constexpr int kLooks = 64;
    constexpr int kPausesPerLook = 24;
    constexpr int kLooksPerYield = 2;
    for (int look = 0; look < kLooks; ++look) {
        for (int i = 0; i < kPausesPerLook; ++i) {
            pause_processor();
        }
        if (found()) {
            return true;
        }
        if (look % kLooksPerYield == kLooksPerYield - 1) {
            std::this_thread::yield();
        }
    }
    return false;
}

} // namespace syncline
