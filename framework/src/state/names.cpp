#include "syncline/state/plan_store.hpp"

namespace syncline {

std::string_view name_of(Action action) {
    switch (action) {
    case Action::create:
        return "create";
    case Action::update:
        return "update";
    case Action::remove:
        return "remove";
    case Action::set_meta:
        return "set-metadata";
    case Action::keep_both:
        return "keep-both";
    case Action::record:
        return "record";
    case Action::forget:
        return "forget";
    case Action::conflict:
        return "conflict";
    case Action::skip:
        return "skip";
    case Action::rename:
    case Action::follow: // of which it is a part
        return "rename";
    case Action::merge:
        return "merge";
    }
    return "unknown";
}

std::string_view name_of(Outcome outcome) {
    switch (outcome) {
    case Outcome::pending:
        return "pending";
    case Outcome::ok:
        return "ok";
    case Outcome::skipped:
        return "skipped";
    case Outcome::conflicted:
        return "conflicted";
    case Outcome::failed:
        return "failed";
    }
    return "unknown";
}

} // namespace syncline
