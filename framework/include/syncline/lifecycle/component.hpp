// What every long-lived part of the process can do: be started, be stopped within a deadline, and
// say how it is.
//
// Threads: any, at any time; a component orders concurrent calls itself. ComponentBase does that
// for those who derive from it.
#pragma once

#include "syncline/core/status.hpp"

#include <cstdint>
#include <string_view>

namespace syncline {

// degraded: works, but not as it should. failed: does not work; may be started again.
enum class ComponentState : std::uint8_t {
    created,
    starting,
    running,
    degraded,
    stopping,
    stopped,
    failed
};
std::string_view name_of(ComponentState state);

class Component {
public:
    virtual ~Component() = default;
    virtual std::string_view component_name() const = 0;
    // From created, stopped or failed. Code::invalid_state in any other state.
    virtual Status start() = 0;
    // Idempotent and legal in every state. Code::timeout if work was still going on at the
    // deadline; stopping then goes on, and another call waits for it again.
    virtual Status stop(std::int64_t deadline_mono_ns) = 0;
    virtual ComponentState state() const = 0;
};

} // namespace syncline
