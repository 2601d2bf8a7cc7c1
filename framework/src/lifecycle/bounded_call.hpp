// Runs a call in a thread of its own and waits for it until a deadline. A call that does not return
// in time goes on alone; what it was given keeps alive what it uses.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"

#include <functional>
#include <optional>
#include <stop_token>

namespace syncline {

// Empty: it did not return by then, or until `give_up` was requested. What the call throws becomes
// a Status. The call is destroyed before its result is reported, or, if it is late, when it
// returns.
std::optional<Status> call_within(std::function<Status()> call, std::int64_t deadline_mono_ns,
                                  const std::stop_token& give_up, const Clock& clock);

} // namespace syncline
