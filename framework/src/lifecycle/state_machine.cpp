#include "syncline/lifecycle/state_machine.hpp"

#include <string>

namespace syncline {

bool is_legal(ComponentState from, ComponentState to) {
    using S = ComponentState;
    switch (from) {
    case S::created:
        return to == S::starting || to == S::stopped;
    case S::starting:
        return to == S::running || to == S::failed || to == S::stopping;
    case S::running:
        return to == S::degraded || to == S::stopping || to == S::failed;
    case S::degraded:
        return to == S::running || to == S::stopping || to == S::failed;
    case S::stopping:
        return to == S::stopped || to == S::failed;
    case S::stopped:
        return to == S::starting;
    case S::failed:
        return to == S::starting || to == S::stopping || to == S::stopped;
    }
    return false;
}

Status StateMachine::enter(ComponentState to) {
    ComponentState from = state();
    do {
        if (!is_legal(from, to)) {
            return Status(Code::invalid_state, "cannot go from " + std::string(name_of(from)) +
                                                   " to " + std::string(name_of(to)));
        }
    } while (!state_.compare_exchange_weak(from, to, std::memory_order_acq_rel));
    return {};
}

} // namespace syncline
