// Decides whether a call that failed is made again, and when. What may be tried again follows from
// the status (its code, or what the plugin said of it) and from the call: a write whose outcome is
// unknown is never repeated blindly. Waits grow exponentially and are drawn at random below that
// ("full jitter"), so that callers who failed together do not come back together. A budget keeps
// retries a fraction of the successes: when everything fails, trying again only adds load.
//
// Threads: everything from any thread.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace syncline {

// The numbers are those that plugins may send (Error::retry_class).
enum class RetryClass : std::uint8_t {
    by_code = 0,
    never = 1,
    backoff = 2,
    once = 3,       // at once, one time
    after_hint = 4, // when the other side said; waiting for quota
    if_idempotent = 5,
};

// What the code alone says. A write is an operation that changes the other side.
RetryClass retry_class_of(Code code, bool is_write);

struct RetryOptions {
    std::uint32_t max_attempts = 4;          // in all; waits for quota do not count
    std::int64_t total_ns = 120'000'000'000; // no attempt starts later than this after the first
    std::int64_t first_backoff_ns = 200'000'000; // the longest wait before the second attempt
    double backoff_growth = 2;
    std::int64_t max_backoff_ns = 30'000'000'000;
    std::int64_t max_quota_wait_ns = 300'000'000'000; // of one call, all waits together
    double budget = 50; // retries that may be under way beyond what successes earned
    double earned_by_success = 0.5;
    std::uint64_t seed = 0; // of the jitter; give each policy its own
};

// Code::invalid_config with the name of the first option that makes no sense.
Status validate(const RetryOptions& options);

struct FailedAttempt {
    const Status& status;
    std::uint32_t attempts = 1;     // so far, this one included, those refused for quota left out
    std::int64_t elapsed_ns = 0;    // since the first attempt began
    std::int64_t quota_wait_ns = 0; // of these: waited for quota
    bool is_write = false;
    bool is_idempotent = false;
    bool got_further = false; // than every attempt before: free of the budget, or a long listing
                              // over a bad line would use up everybody's
};

struct RetryDecision {
    bool again = false;
    bool for_quota = false; // the wait is one for quota
    std::int64_t wait_ns = 0;
    std::string_view why_not; // for people; empty when the status itself says so
};

class RetryPolicy {
public:
    virtual ~RetryPolicy() = default;
    virtual RetryDecision after(const FailedAttempt& attempt) = 0;
    virtual void succeeded() = 0; // earns budget
};

std::unique_ptr<RetryPolicy> make_retry_policy(const RetryOptions& options);

} // namespace syncline
