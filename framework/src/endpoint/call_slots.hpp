// Keeps the number of overlapping calls on one connector within what it allows.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/status.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace syncline {

// Threads: any.
class CallSlots {
public:
    CallSlots(std::uint32_t limit, const Clock& clock) : clock_(clock), free_(limit) {}

    // Waits for a slot; each that was taken is given back. Code::cancelled or Code::timeout when
    // the call's stop or deadline comes first. A run that is to end after what is under way
    // (`end_waits`) still gets its turn: the slots are held by calls that are about to end.
    Status take(const CallContext& call) {
        std::unique_lock lock(mutex_);
        if (free_ == 0) {
            ++waiting_;
            const bool is_free = wait(lock, call);
            --waiting_;
            if (!is_free) {
                return call.stop.stop_requested() ? Status(Code::cancelled, "interrupted")
                                                  : Status(Code::timeout, "the deadline passed");
            }
        }
        --free_;
        return {};
    }
    void give_back() {
        bool is_awaited = false;
        {
            const std::lock_guard lock(mutex_);
            ++free_;
            is_awaited = waiting_ > 0;
        }
        if (is_awaited) {
            freed_.notify_one();
        }
    }

private:
    bool wait(std::unique_lock<std::mutex>& lock, const CallContext& call) {
        const auto is_free = [this] { return free_ > 0; };
        if (call.deadline_mono_ns == kNoDeadline) {
            return freed_.wait(lock, call.stop, is_free);
        }
        const std::int64_t left_ns =
            std::max<std::int64_t>(call.deadline_mono_ns - clock_.mono_ns(), 0);
        return freed_.wait_for(lock, call.stop, std::chrono::nanoseconds(left_ns), is_free);
    }

    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable_any freed_;
    std::uint32_t free_;
    std::uint32_t waiting_ = 0;
};

} // namespace syncline
