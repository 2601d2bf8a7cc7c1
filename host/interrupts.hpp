// Ctrl-C and SIGTERM. The first asks a run to finish what is under way, the second to stop that as
// well; the third, or ten seconds without an end, leaves at once, which the state survives as it
// survives a crash.
//
// Exists once, made before any other thread so that they all inherit the blocked signals.
#pragma once

#include <atomic>
#include <stop_token>
#include <thread>

namespace syncline::host {

class Interrupts {
public:
    Interrupts();
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    std::stop_token drain() const { return drain_.get_token(); }
    std::stop_token stop() const { return stop_.get_token(); }
    // 130 or 143, by the signal that came first; only after drain() was requested.
    int exit_code() const;

private:
    void watch();
    std::stop_source drain_;
    std::stop_source stop_;
    std::atomic<int> first_signal_{0};
    std::atomic<bool> leaving_{false};
    std::thread watcher_;
};

} // namespace syncline::host
