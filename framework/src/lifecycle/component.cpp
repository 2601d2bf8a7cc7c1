#include "syncline/lifecycle/component.hpp"

namespace syncline {

std::string_view name_of(ComponentState state) {
    switch (state) {
    case ComponentState::created:
        return "created";
    case ComponentState::starting:
        return "starting";
    case ComponentState::running:
        return "running";
    case ComponentState::degraded:
        return "degraded";
    case ComponentState::stopping:
        return "stopping";
    case ComponentState::stopped:
        return "stopped";
    case ComponentState::failed:
        return "failed";
    }
    return "?";
}

} // namespace syncline
