#include "syncline/resilience/call_guard.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <optional>

namespace syncline {

namespace {

class Guard : public CallGuard {
public:
    Guard(std::string name, const GuardOptions& options, const Clock& clock,
          GuardObserver* observer)
        : name_(std::move(name)), options_(options), clock_(clock), observer_(observer),
          limiter_(make_rate_limiter(options.limit, clock)),
          retry_(make_retry_policy(options.retry)) {}

    Status open() {
        Result<std::unique_ptr<CircuitBreaker>> breaker = make_circuit_breaker(
            options_.breaker, clock_,
            observer_ == nullptr ? BreakerListener() : [this](const BreakerEvent& event) {
                observer_->breaker_changed(event);
            });
        if (!breaker.ok()) {
            return breaker.status();
        }
        breaker_ = *std::move(breaker);
        return {};
    }

    Status run(const CallTraits& traits, const CallContext& call, GuardedCall& guarded) override {
        calls_.fetch_add(1, std::memory_order_relaxed);
        Status status = try_until_done(traits, call, guarded);
        if (status.ok() || guarded.is_foreign()) {
            return status;
        }
        Error error = status.error();
        error.endpoint = name_;
        return Status(std::move(error));
    }

    GuardStats stats() override {
        GuardStats stats;
        stats.calls = calls_.load(std::memory_order_relaxed);
        stats.retries = retries_.load(std::memory_order_relaxed);
        stats.refused = refused_.load(std::memory_order_relaxed);
        stats.quota_wait_ns = quota_wait_ns_.load(std::memory_order_relaxed);
        stats.breaker = breaker_->snapshot();
        return stats;
    }
    CircuitBreaker& breaker() override { return *breaker_; }
    RateLimiter& limiter() override { return *limiter_; }

private:
    // What a call has used up since it began, or since it last got further.
    struct Effort {
        std::uint32_t attempts = 1;
        std::int64_t since_ns = -1;
        std::int64_t idle_ns = 0; // of that time: waited for a place or for quota
        std::int64_t quota_wait_ns = 0;
        std::uint64_t progress = 0;
        bool is_counted = false; // as a failure, by the breaker

        void begin_anew(std::int64_t now_ns, std::uint64_t so_far) {
            *this = {1, now_ns, 0, 0, so_far, is_counted};
        }
    };

    struct Attempt {
        Status status;
        bool was_made = false;
        std::int64_t began_ns = 0;
        std::int64_t ended_ns = 0;
    };

    class Place {
    public:
        explicit Place(GuardedCall& call) : call_(call) {}
        ~Place() { call_.leave(); }
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

    private:
        GuardedCall& call_;
    };

    // What the connector is told: the caller's context, copied when an attempt is told something
    // else. Most are not, and every copy of a stop token writes to a counter that all threads
    // share.
    class Told {
    public:
        explicit Told(const CallContext& call) : call_(call) {}
        const CallContext& context() const { return own_ ? *own_ : call_; }
        CallContext& change() { return own_ ? *own_ : own_.emplace(call_); }

    private:
        const CallContext& call_;
        std::optional<CallContext> own_;
    };

    // What ends waiting for a turn and between attempts.
    static const std::stop_token& end_of_waits(const CallContext& call) {
        return call.end_waits.stop_possible() ? call.end_waits : call.stop;
    }

    Status try_until_done(const CallTraits& traits, const CallContext& call, GuardedCall& guarded) {
        const std::stop_token& no_more_waits = end_of_waits(call);
        Told told(call);
        Effort effort;
        std::int64_t resumed_ns = -1;
        while (true) {
            Attempt attempt = try_once(traits, call, told, effort, guarded);
            const Status& status = attempt.status;
            if (!attempt.was_made) {
                return status;
            }
            if (status.ok()) {
                if (!call.look) {
                    retry_->succeeded();
                }
                return status;
            }
            if (guarded.is_foreign()) {
                return status;
            }
            remember(status);
            if (no_more_waits.stop_requested() || attempt.ended_ns >= call.deadline_mono_ns) {
                return status;
            }
            effort.since_ns = effort.since_ns < 0 ? attempt.began_ns : effort.since_ns;
            effort.idle_ns += resumed_ns < 0 ? 0 : attempt.began_ns - resumed_ns;
            const bool got_further = guarded.progress() > effort.progress;
            if (got_further) {
                effort.begin_anew(attempt.ended_ns, guarded.progress());
            }
            if (is_pause(status)) {
                // Every caller waits, whether or not this one comes back.
                limiter_->pause_until(
                    later(attempt.ended_ns, status.error().retry_after_ms * 1'000'000));
            }
            const RetryDecision decision =
                guarded.can_repeat(status)
                    ? retry_->after({status, effort.attempts,
                                     attempt.ended_ns - effort.since_ns - effort.idle_ns,
                                     effort.quota_wait_ns, traits.is_write, traits.is_idempotent,
                                     got_further})
                    : RetryDecision{};
            const std::int64_t again_ns = later(attempt.ended_ns, decision.wait_ns);
            if (!decision.again || again_ns > call.deadline_mono_ns) {
                return given_up(status, effort, decision.why_not);
            }
            if (decision.for_quota) {
                limiter_->pause_until(again_ns);
                resumed_ns = attempt.ended_ns;
            } else {
                ++effort.attempts;
                retries_.fetch_add(1, std::memory_order_relaxed);
                if (observer_ != nullptr) {
                    observer_->retrying(status, decision.wait_ns);
                }
                if (!clock_.sleep_until(again_ns, no_more_waits)) {
                    return Status(Code::cancelled,
                                  "interrupted while waiting to try again after: " +
                                      status.message());
                }
                resumed_ns = clock_.mono_ns();
            }
            told.change().retry = true;
        }
    }

    // The place comes first, so that nothing else ages while the call waits for one: no token that
    // a pause since then should have held back, no permit and no deadline.
    Attempt try_once(const CallTraits& traits, const CallContext& call, Told& told, Effort& effort,
                     GuardedCall& guarded) {
        Attempt attempt;
        attempt.status = guarded.enter(call);
        if (!attempt.status.ok()) {
            attempt.status = attempt.status.with_context("waiting for a free call of " + name_);
            return attempt;
        }
        const Place place(guarded);
        attempt.status = wait_for_turn(call, effort.quota_wait_ns);
        if (!attempt.status.ok()) {
            return attempt;
        }
        attempt.began_ns = clock_.mono_ns();
        std::optional<BreakerPermit> permit;
        if (!traits.is_vital) {
            permit.emplace(breaker_->acquire(attempt.began_ns));
        }
        if (permit && !*permit) {
            refused_.fetch_add(1, std::memory_order_relaxed);
            attempt.status = refusal(*permit);
            return attempt;
        }
        if (!traits.is_long && options_.attempt_ns > 0) {
            told.change().deadline_mono_ns =
                std::min(call.deadline_mono_ns, later(attempt.began_ns, options_.attempt_ns));
        }
        attempt.was_made = true;
        attempt.status = guarded.make(told.context());
        attempt.ended_ns = clock_.mono_ns();
        if (permit) {
            CallOutcome outcome = outcome_of(attempt.status);
            if (call.look ||
                (outcome == CallOutcome::failed && (effort.is_counted || guarded.is_foreign()))) {
                outcome = CallOutcome::ignored;
            }
            effort.is_counted = effort.is_counted || outcome == CallOutcome::failed;
            permit->settle(outcome, attempt.ended_ns, attempt.ended_ns - attempt.began_ns);
        }
        return attempt;
    }

    // Whether the server asked for a pause, and for one that anybody would wait for.
    bool is_pause(const Status& status) const {
        const std::int64_t wait_ms = status.error().retry_after_ms;
        return (status.code() == Code::rate_limited || status.code() == Code::quota_exceeded) &&
               wait_ms > 0 && wait_ms <= options_.retry.max_quota_wait_ns / 1'000'000;
    }

    Status wait_for_turn(const CallContext& call, std::int64_t& waited_ns) {
        if (limiter_->allow(1)) {
            return {};
        }
        if (observer_ != nullptr) {
            observer_->quota_wait_begins();
        }
        // A pause may be longer than anybody should wait.
        CallContext bounded = call;
        bounded.stop = end_of_waits(call);
        const std::int64_t latest_ns =
            later(clock_.mono_ns(), options_.retry.max_quota_wait_ns - waited_ns);
        bounded.deadline_mono_ns = std::min(call.deadline_mono_ns, latest_ns);
        WaitResult turn = limiter_->wait(1, bounded);
        if (turn.status.code() == Code::timeout && latest_ns < call.deadline_mono_ns) {
            turn.status = Status(Code::rate_limited, "the wait would be too long");
        }
        if (observer_ != nullptr) {
            observer_->quota_wait_ends(turn.waited_ns);
        }
        waited_ns += turn.waited_ns;
        quota_wait_ns_.fetch_add(turn.waited_ns, std::memory_order_relaxed);
        return turn.status.ok() ? Status()
                                : turn.status.with_context("waiting for quota of " + name_);
    }

    Status refusal(const BreakerPermit& permit) const {
        Error error;
        error.code = Code::circuit_open;
        const std::int64_t retry_after_ms = permit.retry_after_ns() / 1'000'000;
        error.message = name_ + " failed too often and is left alone";
        if (retry_after_ms > 0) {
            error.message += " for another " + std::to_string((retry_after_ms + 999) / 1000) + " s";
            error.retry_after_ms = retry_after_ms;
        }
        error.message += "; run again when it has recovered";
        const std::lock_guard lock(mutex_);
        if (!last_failure_.empty()) {
            error.message += " (last: " + last_failure_ + ")";
        }
        return Status(std::move(error));
    }

    void remember(const Status& status) {
        if (outcome_of(status) == CallOutcome::failed) {
            const std::lock_guard lock(mutex_);
            last_failure_ = status.message();
        }
    }

    static Status given_up(const Status& status, const Effort& effort, std::string_view why) {
        if (effort.attempts == 1 && why.empty()) {
            return status;
        }
        Error error = status.error();
        if (effort.attempts > 1) {
            error.message += " (tried " + std::to_string(effort.attempts) + " times";
            error.message += effort.progress > 0 ? " without getting further)" : ")";
        }
        if (!why.empty()) {
            error.message += "; not tried again: " + std::string(why);
        }
        return Status(std::move(error));
    }

    const std::string name_;
    const GuardOptions options_;
    const Clock& clock_;
    GuardObserver* const observer_;
    std::unique_ptr<RateLimiter> limiter_;
    std::unique_ptr<RetryPolicy> retry_;
    std::unique_ptr<CircuitBreaker> breaker_;
    mutable std::mutex mutex_;
    std::string last_failure_; // guarded by mutex_
    std::atomic<std::uint64_t> calls_ = 0;
    std::atomic<std::uint64_t> retries_ = 0;
    std::atomic<std::uint64_t> refused_ = 0;
    std::atomic<std::int64_t> quota_wait_ns_ = 0;
};

} // namespace

Result<std::unique_ptr<CallGuard>> make_call_guard(std::string name, const GuardOptions& options,
                                                   const Clock& clock, GuardObserver* observer) {
    SYNCLINE_TRY(validate(options.retry));
    if (options.attempt_ns < 0) {
        return Status(Code::invalid_config, "the attempt deadline should not be negative");
    }
    auto guard = std::make_unique<Guard>(std::move(name), options, clock, observer);
    SYNCLINE_TRY(guard->open());
    return std::unique_ptr<CallGuard>(std::move(guard));
}

} // namespace syncline
