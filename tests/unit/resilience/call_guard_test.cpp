#include "syncline/resilience/call_guard.hpp"

#include "fakes/fake_clock.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <latch>
#include <thread>
#include <vector>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr CallTraits kRead{.is_write = false, .is_idempotent = true, .is_long = false};
constexpr CallTraits kWrite{.is_write = true, .is_idempotent = false, .is_long = false};

struct Call : GuardedCall {
    std::function<Status(const CallContext&)> body;
    std::function<Status(const CallContext&)> enters; // none: a place is free
    bool repeatable = true;
    bool foreign = false;
    std::uint64_t so_far = 0;
    int made = 0;
    int places = 0; // held

    explicit Call(std::function<Status(const CallContext&)> b) : body(std::move(b)) {}
    Status make(const CallContext& call) override {
        ++made;
        return body(call);
    }
    Status enter(const CallContext& call) override {
        const Status status = enters ? enters(call) : Status();
        places += status.ok() ? 1 : 0;
        return status;
    }
    void leave() override { --places; }
    bool can_repeat(const Status&) override { return repeatable; }
    bool is_foreign() const override { return foreign; }
    std::uint64_t progress() const override { return so_far; }
};

struct Seen : GuardObserver {
    std::atomic<int> retries = 0;
    std::atomic<int> waits = 0;
    std::atomic<std::int64_t> waited_ns = 0;
    std::vector<BreakerState> states;
    void retrying(const Status&, std::int64_t) override { ++retries; }
    void quota_wait_begins() override { ++waits; }
    void quota_wait_ends(std::int64_t ns) override { waited_ns += ns; }
    void breaker_changed(const BreakerEvent& event) override { states.push_back(event.to); }
};

struct Guarded {
    fakes::FakeClock clock;
    Seen seen;
    GuardOptions options;
    std::unique_ptr<CallGuard> guard;

    explicit Guarded(GuardOptions o = {}) : options(std::move(o)) {
        options.breaker.open_jitter = 0;
        Result<std::unique_ptr<CallGuard>> made =
            make_call_guard("the store", options, clock, &seen);
        BOOST_REQUIRE(made.ok());
        guard = *std::move(made);
    }
    Status run(Call& call, const CallTraits& traits = kRead, const CallContext& context = {}) {
        return guard->run(traits, context, call);
    }
};

// Fails so many times with `status`, then succeeds.
Call failing(int times, Status status) {
    return Call([left = times, status](const CallContext&) mutable {
        return left-- > 0 ? status : Status();
    });
}

const Status kUnavailable(Code::unavailable, "gone for lunch");

Status rate_limited(std::int64_t retry_after_ms) {
    return Status(Error{Code::rate_limited, "slowly", {}, retry_after_ms, 0});
}

} // namespace

BOOST_AUTO_TEST_SUITE(call_guard)

BOOST_AUTO_TEST_CASE(a_call_that_succeeds_is_made_once) {
    Guarded g;
    Call call = failing(0, kUnavailable);
    BOOST_TEST(g.run(call).ok());
    BOOST_TEST(call.made == 1);
    BOOST_TEST(g.guard->stats().calls == 1U);
    BOOST_TEST(g.guard->stats().retries == 0U);
}

BOOST_AUTO_TEST_CASE(a_passing_failure_is_tried_again_and_the_plugin_is_told_so) {
    Guarded g;
    std::vector<bool> flags;
    Call call([&](const CallContext& context) {
        flags.push_back(context.retry);
        return flags.size() < 3 ? kUnavailable : Status();
    });
    const std::int64_t before = g.clock.mono_ns();
    BOOST_TEST(g.run(call).ok());
    BOOST_TEST((flags == std::vector<bool>{false, true, true}));
    BOOST_TEST(g.guard->stats().retries == 2U);
    BOOST_TEST(g.seen.retries == 2);
    BOOST_TEST(g.clock.mono_ns() > before); // it waited in between
}

BOOST_AUTO_TEST_CASE(what_stays_broken_says_how_often_it_was_tried) {
    Guarded g;
    Call call = failing(100, kUnavailable);
    const Status status = g.run(call);
    BOOST_TEST((status.code() == Code::unavailable));
    BOOST_TEST(status.message() == "gone for lunch (tried 4 times)");
    BOOST_TEST(call.made == 4);
}

BOOST_AUTO_TEST_CASE(a_call_that_cannot_start_over_is_not_made_again) {
    Guarded g;
    Call call = failing(1, kUnavailable);
    call.repeatable = false;
    BOOST_TEST((g.run(call).code() == Code::unavailable));
    BOOST_TEST(call.made == 1);
}

BOOST_AUTO_TEST_CASE(a_write_with_an_unknown_outcome_is_made_once) {
    Guarded g;
    Call call = failing(1, Status(Code::outcome_unknown, "who knows"));
    BOOST_TEST((g.run(call, kWrite).code() == Code::outcome_unknown));
    BOOST_TEST(call.made == 1);
}

BOOST_AUTO_TEST_CASE(waiting_for_quota_is_a_state_and_not_an_error) {
    Guarded g;
    Call call = failing(10, rate_limited(250)); // more often than there are attempts
    const std::int64_t before = g.clock.mono_ns();
    BOOST_TEST(g.run(call, kWrite).ok());
    BOOST_TEST(call.made == 11);
    BOOST_TEST(g.clock.mono_ns() - before == 2'500 * kMs);
    BOOST_TEST(g.guard->stats().retries == 0U);
    BOOST_TEST(g.guard->stats().quota_wait_ns == 2'500 * kMs);
    BOOST_TEST(g.seen.waits == 10);
    BOOST_TEST(g.seen.waited_ns == 2'500 * kMs);
}

BOOST_AUTO_TEST_CASE(a_pause_the_server_asked_for_holds_every_caller) {
    Guarded g;
    Call refused = failing(1, rate_limited(400));
    refused.repeatable = false;
    BOOST_TEST((g.run(refused).code() == Code::rate_limited));
    const std::int64_t before = g.clock.mono_ns();
    Call other = failing(0, kUnavailable);
    BOOST_TEST(g.run(other).ok());
    BOOST_TEST(g.clock.mono_ns() - before == 400 * kMs);
}

BOOST_AUTO_TEST_CASE(a_configured_rate_spreads_calls) {
    GuardOptions options;
    options.limit = {.rate_per_s = 10, .burst = 1};
    Guarded g(options);
    const std::int64_t before = g.clock.mono_ns();
    for (int i = 0; i < 11; ++i) {
        Call call = failing(0, kUnavailable);
        BOOST_TEST(g.run(call).ok());
    }
    BOOST_TEST(g.clock.mono_ns() - before == 1'000 * kMs);
}

BOOST_AUTO_TEST_CASE(an_open_breaker_refuses_without_a_call) {
    GuardOptions options;
    options.retry.max_attempts = 1;
    options.breaker.consecutive_failures = 3;
    options.breaker.open_ns = 5'000 * kMs;
    Guarded g(options);
    for (int i = 0; i < 3; ++i) {
        Call call = failing(1, kUnavailable);
        BOOST_TEST((g.run(call).code() == Code::unavailable));
    }
    Call call = failing(0, kUnavailable);
    const Status refused = g.run(call);
    BOOST_TEST((refused.code() == Code::circuit_open));
    BOOST_TEST(refused.error().retry_after_ms == 5'000);
    BOOST_TEST(refused.message().find("the store failed too often") != std::string::npos);
    BOOST_TEST(call.made == 0);
    BOOST_TEST(g.guard->stats().refused == 1U);
    BOOST_TEST((g.seen.states == std::vector{BreakerState::open}));
    g.clock.advance_ms(5'000);
    BOOST_TEST(g.run(call).ok()); // a probe
}

BOOST_AUTO_TEST_CASE(a_call_counts_for_the_breaker_once_however_often_it_is_tried) {
    GuardOptions options;
    options.breaker.consecutive_failures = 2;
    Guarded g(options);
    Call first = failing(100, kUnavailable);
    BOOST_TEST((g.run(first).code() == Code::unavailable));
    BOOST_TEST(first.made == 4);
    Call second = failing(100, kUnavailable);
    const Status opened = g.run(second);
    BOOST_TEST((opened.code() == Code::circuit_open)); // its first attempt opened it
    BOOST_TEST(second.made == 1);
    BOOST_TEST(opened.message().find("gone for lunch") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_vital_is_made_while_the_breaker_is_open) {
    Guarded g;
    g.guard->breaker().force_open();
    Call call = failing(0, kUnavailable);
    BOOST_TEST((g.run(call).code() == Code::circuit_open));
    BOOST_TEST(
        g.run(call, {.is_write = true, .is_idempotent = false, .is_long = true, .is_vital = true})
            .ok());
}

BOOST_AUTO_TEST_CASE(no_pause_is_waited_for_longer_than_anybody_should) {
    Guarded g;
    g.guard->limiter().pause_until(g.clock.mono_ns() + 3'600'000 * kMs);
    Call call = failing(0, kUnavailable);
    BOOST_TEST((g.run(call).code() == Code::rate_limited));
    BOOST_TEST(call.made == 0);
}

BOOST_AUTO_TEST_CASE(waits_end_when_the_run_is_to_end) {
    Guarded g;
    std::stop_source drain;
    CallContext context;
    context.end_waits = drain.get_token();
    Call call([&](const CallContext&) {
        drain.request_stop();
        return rate_limited(1'000);
    });
    BOOST_TEST((g.run(call, kRead, context).code() == Code::rate_limited));
    BOOST_TEST(call.made == 1);
}

BOOST_AUTO_TEST_CASE(what_a_healthy_side_says_does_not_open_the_breaker) {
    GuardOptions options;
    options.breaker.consecutive_failures = 2;
    Guarded g(options);
    for (const Code code : {Code::not_found, Code::conflict, Code::too_large,
                            Code::permission_denied, Code::quota_exceeded}) {
        for (int i = 0; i < 5; ++i) {
            Call call = failing(1, Status(code, "no"));
            BOOST_TEST((g.run(call).code() == code));
        }
    }
    BOOST_TEST((g.guard->breaker().snapshot().state == BreakerState::closed));
}

BOOST_AUTO_TEST_CASE(an_attempt_has_a_deadline_unless_it_moves_content) {
    GuardOptions options;
    options.attempt_ns = 7'000 * kMs;
    Guarded g(options);
    std::int64_t deadline = 0;
    Call call([&](const CallContext& context) {
        deadline = context.deadline_mono_ns;
        return Status();
    });
    BOOST_TEST(g.run(call).ok());
    BOOST_TEST(deadline == g.clock.mono_ns() + 7'000 * kMs);
    BOOST_TEST(g.run(call, {.is_write = false, .is_idempotent = true, .is_long = true}).ok());
    BOOST_TEST(deadline == kNoDeadline);
    CallContext hurried;
    hurried.deadline_mono_ns = g.clock.mono_ns() + 5;
    BOOST_TEST(g.run(call, kRead, hurried).ok());
    BOOST_TEST(deadline == hurried.deadline_mono_ns);
}

BOOST_AUTO_TEST_CASE(no_wait_outlasts_the_callers_deadline) {
    Guarded g;
    CallContext context;
    context.deadline_mono_ns = g.clock.mono_ns() + 100 * kMs;
    Call call = failing(1, rate_limited(5'000));
    const std::int64_t before = g.clock.mono_ns();
    BOOST_TEST((g.run(call, kRead, context).code() == Code::rate_limited));
    BOOST_TEST(g.clock.mono_ns() == before); // said at once
    Call paused = failing(0, kUnavailable);
    BOOST_TEST((g.run(paused, kRead, context).code() == Code::timeout));
    BOOST_TEST(paused.made == 0);
}

BOOST_AUTO_TEST_CASE(an_interrupted_caller_does_not_come_back) {
    Guarded g;
    std::stop_source stop;
    CallContext context;
    context.stop = stop.get_token();
    Call call([&](const CallContext&) {
        stop.request_stop();
        return kUnavailable;
    });
    BOOST_TEST(!g.run(call, kRead, context).ok());
    BOOST_TEST(call.made == 1);
}

BOOST_AUTO_TEST_CASE(many_callers_at_once_are_all_counted) {
    GuardOptions options;
    options.retry.first_backoff_ns = 1;
    options.retry.max_backoff_ns = 1;
    options.retry.budget = 1e9;
    options.breaker.failure_rate_percent = 0;
    Guarded g(options);
    constexpr int kThreads = 8;
    constexpr int kCalls = 500;
    std::latch start(kThreads);
    std::atomic<int> made = 0;
    std::atomic<int> failed = 0;
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&] {
                start.arrive_and_wait();
                for (int i = 0; i < kCalls; ++i) {
                    Call call = failing(i % 3, kUnavailable);
                    failed += g.run(call).ok() ? 0 : 1;
                    made += call.made;
                }
            });
        }
    }
    BOOST_TEST(failed == 0);
    const GuardStats stats = g.guard->stats();
    BOOST_TEST(stats.calls == static_cast<std::uint64_t>(kThreads * kCalls));
    BOOST_TEST(stats.calls + stats.retries == static_cast<std::uint64_t>(made.load()));
}

BOOST_AUTO_TEST_CASE(an_error_of_the_body_says_nothing_about_the_side_it_was_meant_for) {
    GuardOptions options;
    options.breaker.consecutive_failures = 2;
    Guarded g(options);
    for (const Status& status : {kUnavailable, kUnavailable, kUnavailable, rate_limited(5'000)}) {
        Call call = failing(1, status);
        call.foreign = true;
        const Status failed = g.run(call, kWrite);
        BOOST_TEST((failed.code() == status.code()));
        BOOST_TEST(failed.error().endpoint.empty());
        BOOST_TEST(call.made == 1);
    }
    const GuardStats stats = g.guard->stats();
    BOOST_TEST((stats.breaker.state == BreakerState::closed));
    BOOST_TEST(stats.breaker.failures == 0U);
    BOOST_TEST(stats.retries == 0U);
    BOOST_TEST(g.guard->limiter().paused_until_mono_ns() == 0);
    Call own = failing(1, Status(Code::permission_denied, "no"));
    BOOST_TEST(g.run(own).error().endpoint == "the store");
}

BOOST_AUTO_TEST_CASE(waiting_for_a_place_uses_up_no_time_of_the_call) {
    GuardOptions options;
    options.attempt_ns = 7'000 * kMs;
    options.retry.total_ns = 10'000 * kMs;
    Guarded g(options);
    std::int64_t left_ns = 0;
    Call call([&, failures = 2](const CallContext& context) mutable {
        left_ns = context.deadline_mono_ns - g.clock.mono_ns();
        return failures-- > 0 ? kUnavailable : Status();
    });
    call.enters = [&](const CallContext&) {
        g.clock.advance_ms(60'000);
        return Status();
    };
    BOOST_TEST(g.run(call).ok());
    BOOST_TEST(call.made == 3);
    BOOST_TEST(call.places == 0);
    BOOST_TEST(left_ns == 7'000 * kMs);
}

BOOST_AUTO_TEST_CASE(a_call_that_gets_no_place_holds_no_permit_and_is_not_made) {
    GuardOptions options;
    options.breaker.half_open_calls = 1;
    options.breaker.half_open_successes = 1;
    options.breaker.consecutive_failures = 1;
    options.breaker.open_ns = 1'000 * kMs;
    options.retry.max_attempts = 1;
    Guarded g(options);
    Call opens = failing(1, kUnavailable);
    BOOST_TEST(!g.run(opens).ok());
    g.clock.advance_ms(1'000);
    Call waits = failing(0, kUnavailable);
    waits.enters = [&](const CallContext&) {
        Call probe = failing(0, kUnavailable); // would be too many if the waiting one held a permit
        BOOST_TEST(g.run(probe).ok());
        return Status(Code::cancelled, "interrupted");
    };
    BOOST_TEST((g.run(waits).code() == Code::cancelled));
    BOOST_TEST(waits.made == 0);
    BOOST_TEST(waits.places == 0);
}

BOOST_AUTO_TEST_CASE(a_pause_that_begins_while_a_call_waits_for_its_place_holds_it_too) {
    Guarded g;
    Call call = failing(0, kUnavailable);
    call.enters = [&](const CallContext&) {
        g.guard->limiter().pause_until(g.clock.mono_ns() + 400 * kMs);
        return Status();
    };
    const std::int64_t before = g.clock.mono_ns();
    BOOST_TEST(g.run(call).ok());
    BOOST_TEST(g.clock.mono_ns() - before == 400 * kMs);
}

BOOST_AUTO_TEST_CASE(a_call_that_gets_further_each_time_is_not_given_up) {
    GuardOptions options;
    options.retry.budget = 3;
    options.breaker.window = WindowKind::none;
    Guarded g(options);
    Call call([&](const CallContext&) {
        g.clock.advance_ms(100'000);
        if (call.made <= 50) {
            ++call.so_far;
        }
        return call.made == 50 ? rate_limited(250'000) : kUnavailable;
    });
    const Status status = g.run(call);
    BOOST_TEST(call.made > 50);
    BOOST_TEST(call.made < 55); // once it stays where it is, its time runs out
    BOOST_TEST((status.code() == Code::unavailable));
    BOOST_TEST(status.message().find("without getting further") != std::string::npos);
    BOOST_TEST(g.guard->stats().breaker.failures == 1U); // one call
}

BOOST_AUTO_TEST_CASE(a_failure_after_a_wait_for_quota_counts_for_the_breaker) {
    Guarded g;
    Call call([&](const CallContext&) { return call.made == 1 ? rate_limited(10) : kUnavailable; });
    BOOST_TEST((g.run(call).code() == Code::unavailable));
    BOOST_TEST(g.guard->stats().breaker.failures == 1U);
}

BOOST_AUTO_TEST_CASE(a_pause_that_nobody_would_wait_for_holds_nobody) {
    Guarded g;
    Call refused = failing(1, rate_limited(3'600'000));
    BOOST_TEST((g.run(refused).code() == Code::rate_limited));
    const std::int64_t before = g.clock.mono_ns();
    Call flush = failing(0, kUnavailable);
    BOOST_TEST(g.run(flush).ok());
    BOOST_TEST(g.clock.mono_ns() == before);
}

BOOST_AUTO_TEST_CASE(looking_at_what_became_of_failures_does_not_make_up_for_them) {
    GuardOptions options;
    options.retry.max_attempts = 1;
    options.breaker.consecutive_failures = 3;
    options.breaker.failure_rate_percent = 0;
    Guarded g(options);
    CallContext look;
    look.look = true;
    for (int i = 0; i < 3; ++i) {
        BOOST_TEST((g.guard->breaker().snapshot().state == BreakerState::closed));
        Call write = failing(1, kUnavailable);
        BOOST_TEST(!g.run(write, kWrite).ok());
        Call fine = failing(0, kUnavailable);
        BOOST_TEST((g.run(fine, kRead, look).ok() || i == 2));
    }
    BOOST_TEST((g.guard->breaker().snapshot().state == BreakerState::open));
}

BOOST_AUTO_TEST_CASE(a_quota_that_passes_by_itself_is_waited_for) {
    Guarded g;
    Call call = failing(2, Status(Error{Code::quota_exceeded, "60 a minute", {}, 20'000, 0}));
    const std::int64_t before = g.clock.mono_ns();
    BOOST_TEST(g.run(call, kWrite).ok());
    BOOST_TEST(g.clock.mono_ns() - before == 40'000 * kMs);
    BOOST_TEST(g.guard->stats().retries == 0U);
    Call full = failing(1, Status(Code::quota_exceeded, "disk full"));
    BOOST_TEST((g.run(full, kWrite).code() == Code::quota_exceeded));
    BOOST_TEST(full.made == 1);
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_make_no_guard) {
    const fakes::FakeClock clock;
    GuardOptions options;
    options.retry.max_attempts = 0;
    BOOST_TEST((make_call_guard("x", options, clock, nullptr).code() == Code::invalid_config));
    options = {};
    options.attempt_ns = -1;
    BOOST_TEST((make_call_guard("x", options, clock, nullptr).code() == Code::invalid_config));
    options = {};
    options.breaker.failure_rate_percent = 200;
    BOOST_TEST((make_call_guard("x", options, clock, nullptr).code() == Code::invalid_config));
}

BOOST_AUTO_TEST_SUITE_END()
