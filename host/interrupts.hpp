// Ctrl-C and SIGTERM. The first asks a run to finish what is under way, the second to stop that as
// well; the third, or ten seconds without an end, leaves at once, which the state survives as it
// survives a crash.
//
// Exists once, made before any other thread so that they all inherit the blocked signals; the
// watching itself is started and stopped like every other component.
#pragma once

#include "syncline/lifecycle/component_base.hpp"

#include <atomic>
#include <stop_token>
#include <thread>

namespace syncline::host {

class Interrupts : public ComponentBase {
public:
    explicit Interrupts(const Clock& clock);
    ~Interrupts() override;

    std::stop_token drain_token() const { return drain_.get_token(); }
    std::stop_token stop_token() const { return stop_.get_token(); }
    // 130 or 143, by the signal that came first; only after drain() was requested.
    int exit_code() const;

private:
    Status on_start(const std::stop_token& stop) override;
    Status on_stop(std::int64_t deadline_mono_ns) override;
    void watch();
    std::stop_source drain_;
    std::stop_source stop_;
    std::atomic<int> first_signal_{0};
    std::atomic<bool> leaving_{false};
    std::thread watcher_;
};

} // namespace syncline::host
