// Runs the components of a process: starts them in the order of what they need, stops them in
// reverse within deadlines, restarts those that fail.
//
//   Result<std::unique_ptr<Supervisor>> made = Supervisor::make(
//       {{store, {}}, {pool, {}}, {daemon, {"worker pool", "store"}}}, options, clock);
//
// Every start() and stop() of a component runs in a thread of its own, so that one that hangs
// delays the process no longer than its deadline. It is then abandoned: named in the report, and
// kept alive with everything it needs until its call returns. Nothing that depends on it is
// destroyed under it.
//
// Threads: any. state() and last_report() never wait for a component.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/lifecycle/component_graph.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace syncline {

// All in nanoseconds of the injected clock.
struct RestartPolicy {
    std::uint32_t attempts = 5;                       // in a row; 0: failed ones stay failed
    std::int64_t first_delay_ns = 1'000'000'000;      // from the failure to the first attempt
    double growth = 2.0;                              // of the delay, from attempt to attempt
    std::int64_t longest_delay_ns = 60'000'000'000;   // the delay grows no further
    std::int64_t forgiven_after_ns = 300'000'000'000; // ran so long: attempts count from zero
};

struct SupervisorOptions {
    std::int64_t start_limit_ns = 30'000'000'000;    // for each component
    std::int64_t stop_limit_ns = 10'000'000'000;     // for each component
    std::int64_t rollback_limit_ns = 30'000'000'000; // in all, after a start that failed
    std::int64_t check_every_ns = 1'000'000'000;     // how often health is looked at; 0: by check()
    RestartPolicy restart;
};

enum class StopResult : std::uint8_t {
    stopped = 1, // in time
    not_well,    // in time, but it returned an error
    abandoned    // did not return in time, or said that work still goes on
};
std::string_view name_of(StopResult result);

struct ComponentStop {
    std::string name;
    StopResult result = StopResult::stopped;
    std::int64_t took_ns = 0;
    Status status; // what it returned; Code::timeout for an abandoned one
};

struct StopReport {
    std::vector<ComponentStop> components; // in the order of stopping
    std::int64_t took_ns = 0;

    // Ok, or the first problem; names everyone abandoned.
    Status status() const;
};

class Supervisor {
public:
    // The graph's errors: see ComponentGraph::make.
    static Result<std::unique_ptr<Supervisor>> make(std::vector<ComponentSpec> components,
                                                    const SupervisorOptions& options,
                                                    const Clock& clock);
    virtual ~Supervisor() = default; // stops, each component within its limit

    // From created or stopped; Code::invalid_state otherwise, in particular while another start is
    // under way. If a component does not start, those that did are stopped within a budget of
    // their own, and the error names the component; last_report() says how the stopping went.
    virtual Status start() = 0;
    // Asks every component that may have something to stop, in reverse order. Idempotent and legal
    // in every state; while starting it prevents further starts. When the total deadline is near,
    // each of those left still gets a small share of it.
    virtual StopReport stop(std::int64_t deadline_mono_ns) = 0;
    // Stops one component after those that need it, and starts them again. Code::not_found for an
    // unknown name.
    virtual Status restart(std::string_view name) = 0;

    // failed: a component was given up. degraded: one is not well, or waits for its restart.
    virtual ComponentState state() const = 0;
    virtual StopReport last_report() const = 0;
    // Looks at every component once and restarts those that failed and are due. Returns the time of
    // the earliest restart that is planned, kNoDeadline if none is. Called by the supervisor itself
    // unless check_every_ns is 0.
    virtual std::int64_t check() = 0;
};

} // namespace syncline
