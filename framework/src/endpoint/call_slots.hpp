// Keeps the number of overlapping calls on one connector within what it allows.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace syncline {

class CallSlots {
public:
    explicit CallSlots(std::uint32_t limit) : free_(limit) {}

    class Slot {
    public:
        explicit Slot(CallSlots& slots) : slots_(slots) {
            std::unique_lock lock(slots_.mutex_);
            slots_.freed_.wait(lock, [this] { return slots_.free_ > 0; });
            --slots_.free_;
        }
        ~Slot() {
            {
                const std::lock_guard lock(slots_.mutex_);
                ++slots_.free_;
            }
            slots_.freed_.notify_one();
        }
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

    private:
        CallSlots& slots_;
    };

private:
    std::mutex mutex_;
    std::condition_variable freed_;
    std::uint32_t free_;
};

} // namespace syncline
