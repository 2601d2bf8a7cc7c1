#include "syncline/resilience/retry_policy.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <random>
#include <string>

namespace syncline {

namespace {

constexpr std::uint32_t kUnknownAttempts = 3; // an error nobody can name is tried less often

class BudgetedRetry : public RetryPolicy {
public:
    explicit BudgetedRetry(const RetryOptions& options)
        : options_(options), budget_(options.budget), random_(options.seed) {}

    RetryDecision after(const FailedAttempt& failed) override {
        const Error& error = failed.status.error();
        switch (class_of(error, failed.is_write)) {
        case RetryClass::by_code:
        case RetryClass::never:
            return {};
        case RetryClass::once:
            return failed.attempts == 1 ? spend({true, false, 0, {}}, failed) : RetryDecision();
        case RetryClass::if_idempotent:
            if (!failed.is_idempotent) {
                return {};
            }
            break;
        case RetryClass::after_hint:
            if (is_about_quota(error.code) && error.retry_after_ms >= 0) {
                return after_quota(error, failed);
            }
            break; // nobody said when, so it is a failure like others
        case RetryClass::backoff:
            break;
        }
        const std::uint32_t most = error.code == Code::unknown
                                       ? std::min(kUnknownAttempts, options_.max_attempts)
                                       : options_.max_attempts;
        if (failed.attempts >= most) {
            return {};
        }
        const std::int64_t hint_ns = hint(error);
        const std::int64_t wait_ns = std::max(backoff(failed.attempts), hint_ns);
        if (wait_ns > options_.total_ns - failed.elapsed_ns) {
            return {false, false, 0, "the next attempt would come too late"};
        }
        return spend({true, false, wait_ns, {}}, failed);
    }

    void succeeded() override {
        double budget = budget_.load(std::memory_order_relaxed);
        if (budget >= options_.budget) {
            return; // the usual case costs a read
        }
        double earned = 0;
        do {
            earned = std::min(options_.budget, budget + options_.earned_by_success);
        } while (!budget_.compare_exchange_weak(budget, earned, std::memory_order_relaxed));
    }

private:
    static bool is_about_quota(Code code) {
        return code == Code::rate_limited || code == Code::quota_exceeded;
    }

    static RetryClass class_of(const Error& error, bool is_write) {
        const auto said = static_cast<RetryClass>(error.retry_class);
        // A quota that passes by itself, if the server says when; a full one needs a person.
        const RetryClass by_code = error.code == Code::quota_exceeded && error.retry_after_ms > 0
                                       ? RetryClass::after_hint
                                       : retry_class_of(error.code, is_write);
        // A plugin may narrow or widen what its code says, but not call a write repeatable whose
        // outcome is unknown.
        if (said == RetryClass::by_code || error.retry_class > 5 ||
            by_code == RetryClass::if_idempotent) {
            return by_code;
        }
        return said;
    }

    static std::int64_t hint(const Error& error) {
        constexpr std::int64_t most_ms = INT64_MAX / 1'000'000;
        return error.retry_after_ms < 0 ? 0 : std::min(error.retry_after_ms, most_ms) * 1'000'000;
    }

    RetryDecision after_quota(const Error& error, const FailedAttempt& failed) {
        // A server that says "at once" is asked no more often than one that says nothing.
        const std::int64_t wait_ns = std::max(hint(error), options_.first_backoff_ns);
        if (wait_ns > options_.max_quota_wait_ns - failed.quota_wait_ns) {
            return {false, false, 0, "the wait for quota would be too long"};
        }
        return {true, true, wait_ns, {}};
    }

    // Full jitter: anything up to the exponential bound.
    std::int64_t backoff(std::uint32_t attempts) {
        const double bound =
            std::min(static_cast<double>(options_.max_backoff_ns),
                     static_cast<double>(options_.first_backoff_ns) *
                         std::pow(options_.backoff_growth, static_cast<double>(attempts - 1)));
        const std::lock_guard lock(mutex_);
        return static_cast<std::int64_t>(
            std::uniform_real_distribution<double>(0, std::max(bound, 1.0))(random_));
    }

    RetryDecision spend(RetryDecision decision, const FailedAttempt& failed) {
        if (failed.got_further) {
            return decision;
        }
        double budget = budget_.load(std::memory_order_relaxed);
        do {
            if (budget < 1) {
                return {false, false, 0, "too many calls fail to try each of them again"};
            }
        } while (!budget_.compare_exchange_weak(budget, budget - 1, std::memory_order_relaxed));
        return decision;
    }

    const RetryOptions options_;
    std::atomic<double> budget_;
    std::mutex mutex_;
    std::mt19937_64 random_; // guarded by mutex_
};

} // namespace

RetryClass retry_class_of(Code code, bool is_write) {
    switch (code) {
    case Code::unknown:
    case Code::timeout:
        return is_write ? RetryClass::if_idempotent : RetryClass::backoff;
    case Code::unavailable:
    case Code::io:
    case Code::out_of_memory:
    case Code::locked:
        return RetryClass::backoff;
    case Code::rate_limited:
        return RetryClass::after_hint;
    case Code::integrity:
        return RetryClass::once;
    case Code::outcome_unknown:
        return RetryClass::if_idempotent;
    default:
        return RetryClass::never;
    }
}

Status validate(const RetryOptions& options) {
    const auto bad = [](const char* name, const char* expected) {
        return Status(Code::invalid_config, std::string(name) + " should be " + expected);
    };
    if (options.max_attempts == 0) {
        return bad("max_attempts", "at least 1");
    }
    if (options.total_ns < 0) {
        return bad("total", "a duration, not negative");
    }
    if (options.first_backoff_ns <= 0) {
        return bad("first_backoff", "a duration above zero");
    }
    if (!(options.backoff_growth >= 1)) {
        return bad("backoff_growth", "at least 1");
    }
    if (options.max_backoff_ns < options.first_backoff_ns) {
        return bad("max_backoff", "at least first_backoff");
    }
    if (options.max_quota_wait_ns < 0) {
        return bad("max_quota_wait", "a duration, not negative");
    }
    if (!(options.budget >= 0) || !(options.earned_by_success >= 0)) {
        return bad("budget", "not negative");
    }
    return {};
}

std::unique_ptr<RetryPolicy> make_retry_policy(const RetryOptions& options) {
    return std::make_unique<BudgetedRetry>(options);
}

} // namespace syncline
