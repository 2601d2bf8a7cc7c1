#include "syncline/lifecycle/component_base.hpp"

#include <exception>
#include <utility>

namespace syncline {

namespace {

template <typename F>
Status guarded(F hook) {
    try {
        return hook();
    } catch (const std::exception& error) {
        return Status(Code::internal, std::string("it threw an exception: ") + error.what());
    } catch (...) {
        return Status(Code::internal, "it threw an unknown exception");
    }
}

} // namespace

// With the lock.
void ComponentBase::begin_hook() {
    in_hook_ = true;
    hook_done_ = std::stop_source();
}

void ComponentBase::end_hook(std::unique_lock<std::mutex>& lock) {
    in_hook_ = false;
    std::stop_source done = hook_done_;
    lock.unlock();
    done.request_stop();
}

Status ComponentBase::start() {
    std::unique_lock lock(mutex_);
    // While a stop is in its hook the state is stopping, so a legal start never meets another hook.
    SYNCLINE_TRY(states_.enter(ComponentState::starting).with_context(name_));
    begin_hook();
    starting_ = std::stop_source();
    problem_ = {};
    const std::stop_token stop = starting_.get_token();
    lock.unlock();
    Status status = guarded([&] { return on_start(stop); });
    lock.lock();
    if (!status.ok()) {
        status = status.with_context(name_ + " did not start");
        problem_ = status;
    }
    (void)states_.enter(status.ok() ? ComponentState::running : ComponentState::failed);
    end_hook(lock);
    return status;
}

// False at the deadline.
bool ComponentBase::wait_for_turn(std::unique_lock<std::mutex>& lock,
                                  std::int64_t deadline_mono_ns) {
    while (in_hook_) {
        const std::stop_token hook_done = hook_done_.get_token();
        lock.unlock();
        const bool late = clock_.sleep_until(deadline_mono_ns, hook_done);
        lock.lock();
        if (late && in_hook_) {
            return false;
        }
    }
    return true;
}

Status ComponentBase::stop(std::int64_t deadline_mono_ns) {
    std::unique_lock lock(mutex_);
    if (state() == ComponentState::starting) {
        starting_.request_stop();
    }
    if (!wait_for_turn(lock, deadline_mono_ns)) {
        return Status(Code::timeout,
                      name_ + " was still " + std::string(name_of(state())) + " at the deadline");
    }
    if (state() == ComponentState::created) {
        return states_.enter(ComponentState::stopped);
    }
    if (state() == ComponentState::stopped) {
        return {};
    }
    if (state() != ComponentState::stopping) { // from a stop that found no end
        SYNCLINE_TRY(states_.enter(ComponentState::stopping));
    }
    begin_hook();
    lock.unlock();
    Status status = guarded([&] { return on_stop(deadline_mono_ns); });
    lock.lock();
    if (status.code() != Code::timeout) {
        problem_ = {};
        (void)states_.enter(ComponentState::stopped);
    }
    end_hook(lock);
    return status.ok() ? status : status.with_context(name_);
}

Status ComponentBase::problem() const {
    const std::lock_guard lock(mutex_);
    return problem_;
}

void ComponentBase::degrade(Status why) {
    const std::lock_guard lock(mutex_);
    if (state() == ComponentState::degraded || states_.enter(ComponentState::degraded).ok()) {
        problem_ = std::move(why);
    }
}

void ComponentBase::recover() {
    const std::lock_guard lock(mutex_);
    if (state() == ComponentState::degraded && states_.enter(ComponentState::running).ok()) {
        problem_ = {};
    }
}

void ComponentBase::fail(Status why) {
    const std::lock_guard lock(mutex_);
    const ComponentState now = state();
    if ((now == ComponentState::running || now == ComponentState::degraded) &&
        states_.enter(ComponentState::failed).ok()) {
        problem_ = std::move(why);
    }
}

} // namespace syncline
