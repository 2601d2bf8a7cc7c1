// When an operation is carried out, as far as its action and the kind of its item say.
#pragma once

#include "syncline/state/plan_store.hpp"

namespace syncline {

inline Phase phase_of(Action action, ItemKind kind) {
    const bool container = kind == ItemKind::container;
    switch (action) {
    case Action::create:
    case Action::update:
    case Action::merge:
        return container ? Phase::create_containers : Phase::write_content;
    case Action::set_meta:
        return Phase::write_content;
    case Action::remove:
        return container ? Phase::remove_containers : Phase::remove_content;
    case Action::keep_both:
        return Phase::conflict_copies;
    case Action::record:
    case Action::forget:
        return Phase::bookkeeping;
    case Action::conflict:
    case Action::skip:
    case Action::rename: // found in the finished plan
    case Action::follow:
        return Phase::none;
    }
    return Phase::none;
}

} // namespace syncline
