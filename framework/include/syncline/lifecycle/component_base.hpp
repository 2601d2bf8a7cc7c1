// The legal transitions and the concurrency of start() and stop(), once for every component: a
// derived class says what starting and stopping mean, and reports when its health changes.
//
// Hooks are called one at a time and outside of locks. A stop that meets a start asks it to give up
// through the stop token and waits for it, no longer than its deadline. A hook that throws has
// failed.
//
// Threads: any. Destroy it only when no call is under way; a derived class stops in its destructor.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/lifecycle/state_machine.hpp"

#include <mutex>
#include <stop_token>
#include <string>

namespace syncline {

class ComponentBase : public Component {
public:
    std::string_view component_name() const final { return name_; }
    Status start() final;
    Status stop(std::int64_t deadline_mono_ns) final;
    ComponentState state() const final { return states_.state(); }
    // Why it is degraded or failed; ok otherwise.
    Status problem() const;

protected:
    ComponentBase(std::string name, const Clock& clock) : name_(std::move(name)), clock_(clock) {}

    // Should give up when `stop` is requested.
    virtual Status on_start(const std::stop_token& stop) = 0;
    // Also after an on_start() that failed. Code::timeout: work was still going on at the deadline;
    // it will be called again. Any other error: stopped, though not well.
    virtual Status on_stop(std::int64_t deadline_mono_ns) = 0;

    // Ignored in states from which they make no sense: an error that is found while stopping does
    // not revive the component.
    void degrade(Status why);
    void recover();
    void fail(Status why);

private:
    void begin_hook();
    void end_hook(std::unique_lock<std::mutex>& lock);
    bool wait_for_turn(std::unique_lock<std::mutex>& lock, std::int64_t deadline_mono_ns);

    const std::string name_;
    const Clock& clock_;
    StateMachine states_;
    mutable std::mutex mutex_;
    bool in_hook_ = false;
    std::stop_source hook_done_; // ends the sleep of those who wait for their turn
    std::stop_source starting_;
    Status problem_;
};

} // namespace syncline
