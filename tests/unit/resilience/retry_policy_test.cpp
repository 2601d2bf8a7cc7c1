#include "syncline/resilience/retry_policy.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;

Status failure(Code code, std::int64_t retry_after_ms = -1, std::uint32_t retry_class = 0) {
    return Status(Error{code, "on purpose", {}, retry_after_ms, retry_class});
}

} // namespace

BOOST_AUTO_TEST_SUITE(retry_policy)

BOOST_AUTO_TEST_CASE(only_what_may_pass_is_tried_again) {
    const auto policy = make_retry_policy({});
    const auto again = [&](Code code, bool is_write) {
        const Status status = failure(code);
        return policy->after({.status = status, .is_write = is_write}).again;
    };
    for (const Code code : {Code::unavailable, Code::io, Code::out_of_memory, Code::locked,
                            Code::rate_limited, Code::integrity}) {
        BOOST_TEST(again(code, false), name_of(code));
        BOOST_TEST(again(code, true), name_of(code));
    }
    for (const Code code :
         {Code::invalid_argument, Code::not_supported, Code::invalid_config, Code::unauthenticated,
          Code::permission_denied, Code::not_found, Code::already_exists, Code::conflict,
          Code::key_invalid, Code::too_large, Code::quota_exceeded, Code::cancelled, Code::internal,
          Code::aborted, Code::read_only, Code::circuit_open}) {
        BOOST_TEST(!again(code, false), name_of(code));
    }
}

BOOST_AUTO_TEST_CASE(a_write_whose_outcome_is_unknown_is_never_repeated_blindly) {
    const auto policy = make_retry_policy({});
    for (const Code code : {Code::outcome_unknown, Code::timeout, Code::unknown}) {
        const Status status = failure(code);
        BOOST_TEST(!policy->after({.status = status, .is_write = true}).again, name_of(code));
        BOOST_TEST(policy->after({.status = status, .is_write = true, .is_idempotent = true}).again,
                   name_of(code));
        // Whatever the plugin says.
        const Status insisting = failure(code, -1, 2);
        BOOST_TEST(!policy->after({.status = insisting, .is_write = true}).again, name_of(code));
    }
}

BOOST_AUTO_TEST_CASE(attempts_are_counted) {
    const auto policy = make_retry_policy({.max_attempts = 3});
    const Status status = failure(Code::unavailable);
    BOOST_TEST(policy->after({.status = status, .attempts = 2}).again);
    BOOST_TEST(!policy->after({.status = status, .attempts = 3}).again);
    const Status broken = failure(Code::integrity);
    BOOST_TEST(policy->after({.status = broken, .attempts = 1}).again);
    BOOST_TEST(!policy->after({.status = broken, .attempts = 2}).again);
}

BOOST_AUTO_TEST_CASE(waits_are_drawn_below_a_bound_that_grows_to_a_limit) {
    const auto policy = make_retry_policy({.max_attempts = 100,
                                           .first_backoff_ns = 100 * kMs,
                                           .max_backoff_ns = 400 * kMs,
                                           .budget = 1e9});
    const Status status = failure(Code::unavailable);
    const auto longest = [&](std::uint32_t attempts) {
        std::int64_t most = 0;
        for (int i = 0; i < 500; ++i) {
            const RetryDecision decision = policy->after({.status = status, .attempts = attempts});
            BOOST_REQUIRE(decision.again);
            BOOST_REQUIRE(decision.wait_ns >= 0);
            most = std::max(most, decision.wait_ns);
        }
        return most;
    };
    const std::int64_t first = longest(1);
    BOOST_TEST(first <= 100 * kMs);
    BOOST_TEST(first > 50 * kMs);
    const std::int64_t second = longest(2);
    BOOST_TEST(second <= 200 * kMs);
    BOOST_TEST(second > 100 * kMs);
    BOOST_TEST(longest(50) <= 400 * kMs); // no overflow on the way
}

BOOST_AUTO_TEST_CASE(a_hint_is_the_least_wait) {
    const auto policy = make_retry_policy({});
    const Status status = failure(Code::unavailable, 900);
    BOOST_TEST(policy->after({.status = status}).wait_ns >= 900 * kMs);
    const Status endless = failure(Code::unavailable, INT64_MAX);
    BOOST_TEST(!policy->after({.status = endless}).again);
}

BOOST_AUTO_TEST_CASE(a_plugin_may_narrow_or_widen_its_code) {
    const auto policy = make_retry_policy({});
    const Status never = failure(Code::unavailable, -1, 1);
    BOOST_TEST(!policy->after({.status = never}).again);
    const Status backoff = failure(Code::permission_denied, -1, 2);
    BOOST_TEST(policy->after({.status = backoff}).again);
    const Status nonsense = failure(Code::unavailable, -1, 77);
    BOOST_TEST(policy->after({.status = nonsense}).again);
}

BOOST_AUTO_TEST_CASE(no_attempt_starts_after_the_total_time) {
    const auto policy = make_retry_policy({.total_ns = 1'000 * kMs});
    const Status status = failure(Code::unavailable, 600);
    BOOST_TEST(policy->after({.status = status, .elapsed_ns = 100 * kMs}).again);
    const RetryDecision late = policy->after({.status = status, .elapsed_ns = 500 * kMs});
    BOOST_TEST(!late.again);
    BOOST_TEST(!late.why_not.empty());
}

BOOST_AUTO_TEST_CASE(waiting_for_quota_uses_up_no_attempt_but_ends) {
    const auto policy = make_retry_policy({.max_attempts = 1, .max_quota_wait_ns = 10'000 * kMs});
    const Status status = failure(Code::rate_limited, 4'000);
    RetryDecision decision = policy->after({.status = status, .attempts = 1});
    BOOST_TEST(decision.again);
    BOOST_TEST(decision.for_quota);
    BOOST_TEST(decision.wait_ns == 4'000 * kMs);
    BOOST_TEST(policy->after({.status = status, .quota_wait_ns = 6'000 * kMs}).again);
    BOOST_TEST(!policy->after({.status = status, .quota_wait_ns = 7'000 * kMs}).again);
    const Status at_once = failure(Code::rate_limited, 0);
    BOOST_TEST(policy->after({.status = at_once}).wait_ns > 0);
}

BOOST_AUTO_TEST_CASE(a_full_quota_needs_a_person_unless_the_server_says_when_it_passes) {
    const auto policy = make_retry_policy({.max_quota_wait_ns = 60'000 * kMs});
    const Status full = failure(Code::quota_exceeded);
    BOOST_TEST(!policy->after({.status = full}).again);
    const Status passing = failure(Code::quota_exceeded, 4'000, 4);
    const RetryDecision decision = policy->after({.status = passing});
    BOOST_TEST(decision.again);
    BOOST_TEST(decision.for_quota);
    BOOST_TEST(decision.wait_ns == 4'000 * kMs);
    const Status tomorrow = failure(Code::quota_exceeded, 86'400'000, 4);
    BOOST_TEST(!policy->after({.status = tomorrow}).again);
}

BOOST_AUTO_TEST_CASE(an_attempt_that_got_further_costs_no_budget) {
    const auto policy = make_retry_policy({.budget = 1});
    const Status status = failure(Code::unavailable);
    for (int i = 0; i < 100; ++i) {
        BOOST_TEST(policy->after({.status = status, .got_further = true}).again);
    }
    BOOST_TEST(policy->after({.status = status}).again);
    BOOST_TEST(!policy->after({.status = status}).again);
}

BOOST_AUTO_TEST_CASE(a_rate_limit_without_a_time_is_a_failure_like_others) {
    const auto policy = make_retry_policy({.max_attempts = 3});
    const Status status = failure(Code::rate_limited);
    const RetryDecision decision = policy->after({.status = status, .attempts = 2});
    BOOST_TEST(decision.again);
    BOOST_TEST(!decision.for_quota);
    BOOST_TEST(!policy->after({.status = status, .attempts = 3}).again);
}

BOOST_AUTO_TEST_CASE(when_everything_fails_the_budget_ends_retries) {
    const auto policy = make_retry_policy({.budget = 10, .earned_by_success = 0.5});
    const Status status = failure(Code::unavailable);
    for (int i = 0; i < 10; ++i) {
        BOOST_TEST(policy->after({.status = status}).again);
    }
    const RetryDecision refused = policy->after({.status = status});
    BOOST_TEST(!refused.again);
    BOOST_TEST(!refused.why_not.empty());
    policy->succeeded();
    BOOST_TEST(!policy->after({.status = status}).again);
    policy->succeeded();
    BOOST_TEST(policy->after({.status = status}).again);
    for (int i = 0; i < 1'000; ++i) {
        policy->succeeded(); // never more than the budget
    }
    int retries = 0;
    while (policy->after({.status = status}).again) {
        ++retries;
    }
    BOOST_TEST(retries == 10);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_named) {
    const auto text = [](const RetryOptions& options) { return validate(options).message(); };
    BOOST_TEST(text({}).empty());
    BOOST_TEST(text({.max_attempts = 0}).starts_with("max_attempts"));
    BOOST_TEST(text({.total_ns = -1}).starts_with("total"));
    BOOST_TEST(text({.first_backoff_ns = 0}).starts_with("first_backoff"));
    BOOST_TEST(text({.backoff_growth = 0.5}).starts_with("backoff_growth"));
    BOOST_TEST(text({.max_backoff_ns = 1}).starts_with("max_backoff"));
    BOOST_TEST(text({.max_quota_wait_ns = -1}).starts_with("max_quota_wait"));
    BOOST_TEST(text({.budget = -1}).starts_with("budget"));
}

BOOST_AUTO_TEST_SUITE_END()
