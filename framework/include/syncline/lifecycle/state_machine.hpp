// The legal moves between the states of a component, in one place:
//
//   created ──> starting ──> running <──> degraded
//                  │            │             │
//                  ├────────────┴──────┬──────┘
//                  v                   v
//               failed <────────── stopping ──> stopped
//
// Besides: created and failed may go to stopped at once (there is nothing to stop), stopped and
// failed to starting (a restart), failed to stopping (what a failed start left behind is removed).
//
// Threads: any.
#pragma once

#include "syncline/lifecycle/component.hpp"

#include <atomic>

namespace syncline {

bool is_legal(ComponentState from, ComponentState to);

class StateMachine {
public:
    ComponentState state() const { return state_.load(std::memory_order_acquire); }
    // Code::invalid_state, naming both states, when the move is not legal; then nothing changed.
    // Of several threads that try the same move exactly one succeeds.
    Status enter(ComponentState to);

private:
    std::atomic<ComponentState> state_{ComponentState::created};
};

} // namespace syncline
