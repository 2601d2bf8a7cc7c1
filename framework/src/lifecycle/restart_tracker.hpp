// When a component that failed is started again, and when it is given up.
#pragma once

#include "syncline/lifecycle/supervisor.hpp"

#include <algorithm>
#include <cstdint>

namespace syncline {

class RestartTracker {
public:
    enum class Verdict : std::uint8_t { wait, restart, give_up };

    explicit RestartTracker(const RestartPolicy& policy) : policy_(policy) {}

    // It was seen to have failed. `restart` counts as an attempt.
    Verdict on_failed(std::int64_t now_ns) {
        if (attempts_ >= policy_.attempts) {
            given_up_ = true;
            return Verdict::give_up;
        }
        if (due_ns_ == kNoDeadline) {
            due_ns_ = now_ns + delay_ns();
        }
        if (now_ns < due_ns_) {
            return Verdict::wait;
        }
        due_ns_ = kNoDeadline;
        ++attempts_;
        return Verdict::restart;
    }
    void on_running(std::int64_t now_ns) {
        if (due_ns_ != kNoDeadline || given_up_ || since_ns_ < 0) {
            since_ns_ = now_ns;
            due_ns_ = kNoDeadline;
            given_up_ = false;
        }
        if (now_ns - since_ns_ >= policy_.forgiven_after_ns) {
            attempts_ = 0;
        }
    }
    void on_restarted(std::int64_t now_ns) { since_ns_ = now_ns; }
    // As after a start by hand.
    void reset() { *this = RestartTracker(policy_); }

    std::int64_t due_ns() const { return due_ns_; } // kNoDeadline: none planned
    bool given_up() const { return given_up_; }
    std::uint32_t attempts() const { return attempts_; }

private:
    std::int64_t delay_ns() const {
        double delay = static_cast<double>(policy_.first_delay_ns);
        const double longest = static_cast<double>(policy_.longest_delay_ns);
        for (std::uint32_t i = 0; i < attempts_ && delay < longest; ++i) {
            delay *= policy_.growth;
        }
        return static_cast<std::int64_t>(std::min(delay, longest));
    }

    RestartPolicy policy_;
    std::uint32_t attempts_ = 0;
    std::int64_t due_ns_ = kNoDeadline;
    std::int64_t since_ns_ = -1; // running since; -1: not known
    bool given_up_ = false;
};

} // namespace syncline
