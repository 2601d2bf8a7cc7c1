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
        CallContext attempt = call;
        CallContext waiting = call;
        if (call.end_waits.stop_possible()) {
            waiting.stop = call.end_waits;
        }
        std::int64_t started_ns = -1;
        std::int64_t quota_wait_ns = 0;
        for (std::uint32_t attempts = 1;;) {
            SYNCLINE_TRY(wait_for_turn(waiting, quota_wait_ns));
            const std::int64_t before_ns = clock_.mono_ns();
            if (started_ns < 0) {
                started_ns = before_ns;
            }
            std::optional<BreakerPermit> permit;
            if (!traits.is_vital) {
                permit.emplace(breaker_->acquire(before_ns));
            }
            if (permit && !*permit) {
                refused_.fetch_add(1, std::memory_order_relaxed);
                return refusal(*permit);
            }
            if (!traits.is_long && options_.attempt_ns > 0) {
                attempt.deadline_mono_ns =
                    std::min(call.deadline_mono_ns, later(before_ns, options_.attempt_ns));
            }
            Status status = guarded.make(attempt);
            const std::int64_t after_ns = clock_.mono_ns();
            if (permit) {
                const CallOutcome outcome = outcome_of(status);
                permit->settle(attempts > 1 && outcome == CallOutcome::failed ? CallOutcome::ignored
                                                                              : outcome,
                               after_ns, after_ns - before_ns);
            }
            if (status.ok()) {
                retry_->succeeded();
                return status;
            }
            remember(status);
            if (waiting.stop.stop_requested() || after_ns >= call.deadline_mono_ns) {
                return status;
            }
            if (status.code() == Code::rate_limited && status.error().retry_after_ms > 0) {
                // Every caller waits, whether or not this one comes back.
                limiter_->pause_until(
                    later(after_ns, std::min(status.error().retry_after_ms,
                                             options_.retry.max_quota_wait_ns / 1'000'000) *
                                        1'000'000));
            }
            const RetryDecision decision =
                guarded.can_repeat(status)
                    ? retry_->after({status, attempts, after_ns - started_ns - quota_wait_ns,
                                     quota_wait_ns, traits.is_write, traits.is_idempotent})
                    : RetryDecision{};
            const std::int64_t again_ns = later(after_ns, decision.wait_ns);
            if (!decision.again || again_ns > call.deadline_mono_ns) {
                return given_up(status, attempts, decision.why_not);
            }
            if (decision.for_quota) {
                limiter_->pause_until(again_ns);
            } else {
                ++attempts;
                retries_.fetch_add(1, std::memory_order_relaxed);
                if (observer_ != nullptr) {
                    observer_->retrying(status, decision.wait_ns);
                }
                if (!clock_.sleep_until(again_ns, waiting.stop)) {
                    return Status(Code::cancelled,
                                  "interrupted while waiting to try again after: " +
                                      status.message());
                }
            }
            attempt.retry = true;
        }
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
    Status wait_for_turn(const CallContext& call, std::int64_t& waited_ns) {
        if (limiter_->allow(1)) {
            return {};
        }
        if (observer_ != nullptr) {
            observer_->quota_wait_begins();
        }
        // A pause may be longer than anybody should wait.
        CallContext bounded = call;
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

    static Status given_up(const Status& status, std::uint32_t attempts, std::string_view why) {
        if (attempts == 1 && why.empty()) {
            return status;
        }
        Error error = status.error();
        if (attempts > 1) {
            error.message += " (tried " + std::to_string(attempts) + " times)";
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
