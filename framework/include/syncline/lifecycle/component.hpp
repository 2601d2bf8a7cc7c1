// What every long-lived part of the process can do: be started, be stopped within a deadline, and
// say how it is.
#pragma once

#include "syncline/core/status.hpp"

#include <cstdint>
#include <string_view>

namespace syncline {

enum class ComponentState { created, running, stopping, stopped, failed };
std::string_view name_of(ComponentState state);

class Component {
public:
    virtual ~Component() = default;
    virtual std::string_view component_name() const = 0;
    virtual Status start() = 0; // from created or stopped; starting twice is an error
    // Idempotent and legal in every state. Code::timeout if work was still going on at the
    // deadline.
    virtual Status stop(std::int64_t deadline_mono_ns) = 0;
    virtual ComponentState state() const = 0; // any thread
};

} // namespace syncline
