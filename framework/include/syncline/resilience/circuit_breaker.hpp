// Stops calling what does not answer. A breaker lets calls through while it is closed and counts
// how they end; when too many fail, or are slow, it opens and refuses calls for a while; then it is
// half-open and lets a few probes through, whose results close it or open it again.
//
//     BreakerPermit permit = breaker.acquire();
//     if (!permit) { return permit.retry_after_ns() ... }
//     Status status = call();
//     permit.settle(outcome_of(status));
//
// A permit belongs to the state in which it was given: a result that arrives after the state has
// changed counts for nothing. Threads: everything from any thread; a permit is one thread's at a
// time. A breaker outlives its permits. The rules in full: docs/design/circuit-breaker.md.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

namespace syncline {

enum class BreakerState : std::uint8_t {
    closed = 1,
    open,
    half_open,
    forced_open,  // by hand: refuses until told otherwise
    disabled,     // by hand: admits everything, counts nothing
    metrics_only, // by hand: admits everything, counts, never opens
};
std::string_view name_of(BreakerState state); // "half-open"

enum class CallOutcome : std::uint8_t {
    ok = 1,
    failed,
    ignored,   // says nothing about the other side
    abandoned, // nobody knows; what an unsettled permit ends as
};

// What a call's status says about the health of the other side. Unreachable, broken or silent is
// failed; everything that a healthy side answers too (not found, conflict, rate limited, quota, a
// bad item, cancelled) is ignored.
CallOutcome outcome_of(const Status& status);

enum class WindowKind : std::uint8_t {
    none = 1, // everything since the last change of state
    count,    // the last `window_calls` calls
    time,     // the last `window_ns`, forgotten a bucket at a time
};

struct BreakerOptions {
    WindowKind window = WindowKind::time;
    std::uint32_t window_calls = 100;           // count
    std::int64_t window_ns = 30'000'000'000;    // time
    std::uint32_t window_buckets = 10;          // time
    std::uint32_t consecutive_failures = 0;     // opens at so many; 0: off
    double failure_rate_percent = 50;           // opens at so much; 0: off
    std::int64_t slow_call_ns = 0;              // as long is slow; 0: off
    double slow_rate_percent = 0;               // opens at so much; 0: off
    std::uint32_t minimum_calls = 10;           // rates of fewer are not judged
    std::int64_t open_ns = 10'000'000'000;      // kNoDeadline: until told otherwise
    double open_growth = 2;                     // times this after each failed recovery
    std::int64_t open_max_ns = 300'000'000'000; // growth ends here; below open_ns: no growth
    double open_jitter = 0.2;                   // up to this part longer, at random
    std::uint64_t seed = 0;                     // of that; give each breaker its own
    std::uint32_t half_open_calls = 3;          // probes admitted in all
    std::uint32_t half_open_concurrent = 0;     // at the same time; 0: no limit of its own
    std::uint32_t half_open_successes = 2;      // so many close it
    std::int64_t half_open_ns = 60'000'000'000; // without a verdict by then it opens; 0: none
};

// Code::invalid_config with the name of the first option that makes no sense.
Status validate(const BreakerOptions& options);

enum class BreakerReject : std::uint8_t {
    none = 0,
    open = 1,
    too_many, // half-open, and all probes are out
};
std::string_view name_of(BreakerReject reject); // "too-many"

struct BreakerSnapshot {
    BreakerState state = BreakerState::closed;  // that a call now would meet
    BreakerReject reject = BreakerReject::none; // what it would get
    std::int64_t retry_after_ns = 0;            // 0: none, or not known
    std::uint64_t generation = 0;               // changes with every change of state and reset
    std::uint64_t times_opened = 0;             // ever, not counting by hand
    std::uint64_t calls = 0;                    // in the window
    std::uint64_t failures = 0;                 // of those
    std::uint64_t slow = 0;                     // of those
    std::uint64_t consecutive_failures = 0;
    std::uint64_t probes_out = 0; // half-open: admitted, not settled
    std::uint64_t probes_ok = 0;
    std::uint64_t probes_failed = 0;
};

struct BreakerEvent {
    BreakerState from = BreakerState::closed;
    BreakerState to = BreakerState::closed;
    std::int64_t at_mono_ns = 0;
    std::uint64_t generation = 0; // the new one
};
// Called without a lock, one event at a time, in the order of the changes, by a thread that uses
// the breaker. May use the breaker. What it throws is dropped.
using BreakerListener = std::function<void(const BreakerEvent&)>;

class CircuitBreaker;

// Leave to make one call, or the reason why not. Settled exactly once: the first call of settle()
// counts, and one that is dropped before was abandoned.
class [[nodiscard]] BreakerPermit {
public:
    BreakerPermit(BreakerPermit&& other) noexcept
        : breaker_(std::exchange(other.breaker_, nullptr)), generation_(other.generation_),
          time_ns_(other.time_ns_), reject_(other.reject_) {}
    BreakerPermit& operator=(BreakerPermit&& other) noexcept;
    BreakerPermit(const BreakerPermit&) = delete;
    BreakerPermit& operator=(const BreakerPermit&) = delete;
    ~BreakerPermit() {
        if (breaker_ != nullptr) {
            settle(CallOutcome::abandoned);
        }
    }

    bool admitted() const { return reject_ == BreakerReject::none; }
    explicit operator bool() const { return admitted(); }
    BreakerReject reject() const { return reject_; }
    // When asking again may help; 0: not known.
    std::int64_t retry_after_ns() const { return admitted() ? 0 : time_ns_; }

    void settle(CallOutcome outcome);
    // For callers that have just read the clock; `duration_ns` below 0: since acquire().
    void settle(CallOutcome outcome, std::int64_t now_mono_ns, std::int64_t duration_ns = -1);

private:
    friend class CircuitBreaker;
    BreakerPermit(CircuitBreaker* breaker, std::uint64_t generation, std::int64_t started)
        : breaker_(breaker), generation_(generation), time_ns_(started) {}
    BreakerPermit(BreakerReject reject, std::int64_t retry_after_ns)
        : time_ns_(retry_after_ns), reject_(reject) {}

    CircuitBreaker* breaker_ = nullptr; // none: nothing to settle
    std::uint64_t generation_ = 0;
    std::int64_t time_ns_ = -1; // start of the call, -1 if nobody needs it; or retry after
    BreakerReject reject_ = BreakerReject::none;
};

class CircuitBreaker {
public:
    virtual ~CircuitBreaker() = default;

    virtual BreakerPermit acquire() = 0;
    virtual BreakerPermit acquire(std::int64_t now_mono_ns) = 0; // the clock was just read

    virtual void force_open() = 0;
    virtual void force_closed() = 0;
    virtual void disable() = 0;
    virtual void metrics_only() = 0;
    // Closed and empty, from every state; what is under way will not count.
    virtual void reset() = 0;
    // Other thresholds from the next result on; state, probes and the end of an open interval stay.
    // Counts stay too, unless the kind of window changes. Code::invalid_config changes nothing.
    virtual Status reconfigure(const BreakerOptions& options) = 0;

    virtual BreakerSnapshot snapshot() = 0;

protected:
    friend class BreakerPermit;
    // Makes permits for implementations and fakes.
    BreakerPermit admit(std::uint64_t generation, std::int64_t started_mono_ns) {
        return {this, generation, started_mono_ns};
    }
    static BreakerPermit admit_uncounted() { return {nullptr, 0, -1}; }
    static BreakerPermit refuse(BreakerReject reject, std::int64_t retry_after_ns) {
        return {reject, retry_after_ns};
    }
    // `now_mono_ns` below 0: not read yet. `started_mono_ns` below 0: not known.
    virtual void settle(std::uint64_t generation, CallOutcome outcome, std::int64_t started_mono_ns,
                        std::int64_t now_mono_ns, std::int64_t duration_ns) noexcept = 0;
};

Result<std::unique_ptr<CircuitBreaker>> make_circuit_breaker(const BreakerOptions& options,
                                                             const Clock& clock,
                                                             BreakerListener listener = {});

inline void BreakerPermit::settle(CallOutcome outcome) { settle(outcome, -1, -1); }
inline void BreakerPermit::settle(CallOutcome outcome, std::int64_t now_mono_ns,
                                  std::int64_t duration_ns) {
    if (CircuitBreaker* breaker = std::exchange(breaker_, nullptr)) {
        breaker->settle(generation_, outcome, time_ns_, now_mono_ns, duration_ns);
    }
}
inline BreakerPermit& BreakerPermit::operator=(BreakerPermit&& other) noexcept {
    if (this != &other) {
        settle(CallOutcome::abandoned);
        breaker_ = std::exchange(other.breaker_, nullptr);
        generation_ = other.generation_;
        time_ns_ = other.time_ns_;
        reject_ = other.reject_;
    }
    return *this;
}

} // namespace syncline
