// What happens in a run besides counting: moments worth telling to whoever watches it.
#pragma once

#include "syncline/core/status.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace syncline {

enum class RunPhase : std::uint8_t { starting, listing, planning, executing, committing, finished };
std::string_view name_of(RunPhase phase);

enum class RunEventKind : std::uint8_t {
    phase_changed = 1, // text: the phase's name
    item_failed,       // subject: the item's key; text: why
    quota_wait,        // subject: the endpoint; text: for how long, or what for
    breaker_changed    // subject: the endpoint; text: the breaker's new state
};
std::string_view name_of(RunEventKind kind);

struct RunEvent {
    RunEventKind kind = RunEventKind::phase_changed;
    RunPhase phase = RunPhase::starting; // in which it happened
    Code code = Code::ok;
    std::string subject;
    std::string text;
};

// Takes events as they happen. Must not block, and must not call back into who reports.
class RunEventSink {
public:
    virtual ~RunEventSink() = default;
    // Whether anybody listens; if not, report() has no effect and need not be called. Any thread.
    virtual bool wanted() const = 0;
    virtual void report(RunEvent event) = 0; // any thread
};

} // namespace syncline
