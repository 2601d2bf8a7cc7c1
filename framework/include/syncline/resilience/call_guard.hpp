// Everything that stands between the engine and one endpoint's connector: a call made through a
// guard waits its turn, is refused while the endpoint fails too often, is given up when it takes
// too long, and is made again when that may help. From the outside in:
//
//     total deadline -> retry -> place -> rate limiter -> circuit breaker -> attempt deadline ->
//     call
//
// There is one guard per endpoint and resource type (an endpoint has one type today), so that
// trouble with one stays there. A server that asks for a pause (Code::rate_limited, or
// Code::quota_exceeded with a time) pauses the limiter for every caller: waiting for quota is a
// state, not an error, and uses up no attempt. Nor does waiting for a place among the calls that
// may overlap. A call that got further than ever before it broke off starts anew with its attempts
// and its total time.
//
// Threads: any number of calls at the same time; the observer is called from their threads.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/resilience/circuit_breaker.hpp"
#include "syncline/resilience/rate_limiter.hpp"
#include "syncline/resilience/retry_policy.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

namespace syncline {

struct GuardOptions {
    GuardOptions() { breaker.consecutive_failures = 20; } // however well it went before

    RateLimiterOptions limit;
    BreakerOptions breaker;
    RetryOptions retry;
    // Of one attempt at an operation that moves no content and lists nothing; 0: none. Those that
    // do may take as long as their data.
    std::int64_t attempt_ns = 60'000'000'000;
};

// What kind of call it is, which decides how it may be repeated.
struct CallTraits {
    bool is_write = false;
    bool is_idempotent = false; // making it twice is as making it once
    bool is_long = false;       // moves content or lists: no attempt deadline
    bool is_vital = false;      // made even while the breaker is open
};

// One call. Made at least once unless it is refused.
class GuardedCall {
public:
    virtual ~GuardedCall() = default;
    // Before each attempt: takes a place among the calls that may overlap, waiting for one as long
    // as `call` allows. An error ends the call; after a success leave() follows, with or without
    // make() in between.
    virtual Status enter(const CallContext& call) {
        (void)call;
        return {};
    }
    virtual void leave() {}
    virtual Status make(const CallContext& call) = 0;
    // Asked after a failure: whether make() can start again, having undone what it passed on.
    virtual bool can_repeat(const Status& after) { return after.code() != Code::ok; }
    // Asked after a failure: whether it came from the body or the sink that make() was given. Then
    // it says nothing about the side that was called, and is returned at once.
    virtual bool is_foreign() const { return false; }
    // How far it has got over all attempts, in whatever unit; never shrinks.
    virtual std::uint64_t progress() const { return 0; }
};

// What a guard does that a person might like to see. Must not throw.
class GuardObserver {
public:
    virtual ~GuardObserver() = default;
    virtual void retrying(const Status& after, std::int64_t wait_ns) = 0;
    virtual void quota_wait_begins() = 0;
    virtual void quota_wait_ends(std::int64_t waited_ns) = 0; // once for each that began
    virtual void breaker_changed(const BreakerEvent& event) = 0;
};

struct GuardStats {
    std::uint64_t calls = 0;
    std::uint64_t retries = 0;
    std::uint64_t refused = 0; // by the breaker
    std::int64_t quota_wait_ns = 0;
    BreakerSnapshot breaker;
};

class CallGuard {
public:
    virtual ~CallGuard() = default;
    // Code::circuit_open without an attempt while the breaker is open, with retry_after_ms and the
    // last failure. A call counts for the breaker once, however often it is tried. Code::cancelled
    // and Code::timeout when the caller's stop or deadline ends a wait. Otherwise the status of the
    // last attempt. Every error that is not foreign to this side carries its name as
    // Error::endpoint.
    virtual Status run(const CallTraits& traits, const CallContext& call, GuardedCall& guarded) = 0;
    virtual GuardStats stats() = 0;
    virtual CircuitBreaker& breaker() = 0;
    virtual RateLimiter& limiter() = 0;
};

// `name` is how messages call the other side. `observer` may be null and outlives the guard.
Result<std::unique_ptr<CallGuard>> make_call_guard(std::string name, const GuardOptions& options,
                                                   const Clock& clock, GuardObserver* observer);

} // namespace syncline
