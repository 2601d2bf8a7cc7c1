#include "fakes/fake_clock.hpp"
#include "syncline/resilience/circuit_breaker.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;

BreakerOptions plain(std::uint32_t consecutive) {
    BreakerOptions options;
    options.window = WindowKind::none;
    options.consecutive_failures = consecutive;
    options.failure_rate_percent = 0;
    options.minimum_calls = 0;
    options.open_ns = 100 * kMs;
    options.open_growth = 1;
    options.open_jitter = 0;
    options.half_open_calls = 1;
    options.half_open_successes = 1;
    options.half_open_ns = 0;
    return options;
}

struct Guarded {
    explicit Guarded(const BreakerOptions& options, BreakerListener listener = {})
        : breaker(*make_circuit_breaker(options, clock, std::move(listener))) {}
    void call(CallOutcome outcome) { breaker->acquire().settle(outcome); }
    fakes::FakeClock clock;
    std::unique_ptr<CircuitBreaker> breaker;
};

} // namespace

// What single calls do is shown by the traces in tests/traces/breaker.
BOOST_AUTO_TEST_SUITE(circuit_breaker)

BOOST_AUTO_TEST_CASE(only_what_speaks_against_the_other_side_counts) {
    const std::set<Code> failures = {Code::unknown, Code::unavailable, Code::timeout,
                                     Code::io,      Code::internal,    Code::outcome_unknown};
    for (int value = -27; value < 0; ++value) {
        const auto code = static_cast<Code>(value);
        const CallOutcome expected =
            failures.contains(code) ? CallOutcome::failed : CallOutcome::ignored;
        BOOST_TEST((outcome_of(Status(code, "x")) == expected), "code " << value);
    }
    BOOST_TEST((outcome_of({}) == CallOutcome::ok));
}

BOOST_AUTO_TEST_CASE(the_open_time_grows_until_its_cap_and_starts_anew_after_recovery) {
    BreakerOptions options = plain(1);
    options.open_growth = 3;
    options.open_max_ns = 500 * kMs;
    Guarded g(options);
    for (const int expected_ms : {100, 300, 500, 500}) {
        g.call(CallOutcome::failed);
        const std::int64_t wait = g.breaker->acquire().retry_after_ns();
        BOOST_TEST(wait == expected_ms * kMs);
        g.clock.advance(wait);
    }
    g.call(CallOutcome::ok);
    g.call(CallOutcome::failed);
    BOOST_TEST(g.breaker->acquire().retry_after_ns() == 100 * kMs);
    BOOST_TEST(g.breaker->snapshot().times_opened == 5U);
}

BOOST_AUTO_TEST_CASE(jitter_only_lengthens_the_open_time_and_follows_the_seed) {
    std::set<std::int64_t> seen;
    for (std::uint64_t seed = 0; seed < 50; ++seed) {
        BreakerOptions options = plain(1);
        options.open_jitter = 0.5;
        options.seed = seed;
        Guarded one(options);
        Guarded same(options);
        one.call(CallOutcome::failed);
        same.call(CallOutcome::failed);
        const std::int64_t wait = one.breaker->acquire().retry_after_ns();
        BOOST_TEST(wait == same.breaker->acquire().retry_after_ns());
        BOOST_TEST(wait >= 100 * kMs);
        BOOST_TEST(wait <= 150 * kMs);
        seen.insert(wait);
    }
    BOOST_TEST(seen.size() > 40U);
}

BOOST_AUTO_TEST_CASE(probes_can_be_limited_at_a_time_as_well_as_in_all) {
    BreakerOptions options = plain(1);
    options.half_open_calls = 3;
    options.half_open_concurrent = 1;
    options.half_open_successes = 3;
    Guarded g(options);
    g.call(CallOutcome::failed);
    g.clock.advance(100 * kMs);
    for (int probe = 0; probe < 3; ++probe) {
        BreakerPermit first = g.breaker->acquire();
        BOOST_TEST(first.admitted());
        BOOST_TEST((g.breaker->acquire().reject() == BreakerReject::too_many));
        first.settle(CallOutcome::ok);
    }
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::closed));
}

BOOST_AUTO_TEST_CASE(a_permit_is_settled_once_wherever_it_goes) {
    Guarded g(plain(2));
    BreakerPermit permit = g.breaker->acquire();
    BreakerPermit moved = std::move(permit);
    permit.settle(CallOutcome::failed); // holds nothing any more
    moved.settle(CallOutcome::failed);
    moved.settle(CallOutcome::failed);
    BOOST_TEST(g.breaker->snapshot().consecutive_failures == 1U);
    g.call(CallOutcome::failed);
    g.clock.advance(100 * kMs);
    BreakerPermit probe = g.breaker->acquire();
    BOOST_TEST(probe.admitted());
    probe = g.breaker->acquire(); // refused; the probe is abandoned by the assignment
    BOOST_TEST((probe.reject() == BreakerReject::too_many));
    BOOST_TEST(g.breaker->acquire().admitted());
}

BOOST_AUTO_TEST_CASE(listeners_hear_of_changes_in_order_and_may_use_the_breaker) {
    std::vector<std::string> heard;
    CircuitBreaker* breaker = nullptr;
    Guarded g(plain(1), [&](const BreakerEvent& event) {
        heard.push_back(std::string(name_of(event.from)) + ">" + std::string(name_of(event.to)));
        if (event.to == BreakerState::open && heard.size() == 1) {
            breaker->force_open();
            heard.emplace_back("told");
        }
        throw std::runtime_error("nobody minds");
    });
    breaker = g.breaker.get();
    g.call(CallOutcome::failed);
    g.breaker->force_closed();
    g.breaker->force_closed(); // no change, no event
    g.breaker->reset();
    const std::vector<std::string> expected = {"closed>open", "told", "open>forced-open",
                                               "forced-open>closed"};
    BOOST_TEST(heard == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_deadline_that_nobody_saw_is_heard_of_before_what_came_after) {
    BreakerOptions options = plain(1);
    options.half_open_ns = 50 * kMs;
    std::vector<std::string> heard;
    Guarded g(options, [&](const BreakerEvent& event) {
        heard.push_back(std::string(name_of(event.to)) + "@" +
                        std::to_string(event.at_mono_ns / kMs));
    });
    const std::int64_t start = g.clock.mono_ns() / kMs;
    g.call(CallOutcome::failed);
    g.clock.advance(100 * kMs);
    BreakerPermit hung = g.breaker->acquire();
    g.clock.advance(400 * kMs);
    g.call(CallOutcome::ok);
    const auto at = [start](const char* word, std::int64_t ms) {
        return word + ("@" + std::to_string(start + ms));
    };
    const std::vector<std::string> expected = {at("open", 0), at("half-open", 100), at("open", 150),
                                               at("half-open", 500), at("closed", 500)};
    BOOST_TEST(heard == expected, boost::test_tools::per_element());
    hung.settle(CallOutcome::failed);
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::closed));
}

BOOST_AUTO_TEST_CASE(other_options_keep_state_and_counts) {
    BreakerOptions options = plain(0);
    options.window = WindowKind::count;
    options.window_calls = 10;
    Guarded g(options);
    for (int i = 0; i < 6; ++i) {
        g.call(i < 2 ? CallOutcome::failed : CallOutcome::ok);
    }
    options.window_calls = 5; // the two failures were first; one is left
    options.failure_rate_percent = 40;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST(g.breaker->snapshot().calls == 5U);
    BOOST_TEST(g.breaker->snapshot().failures == 1U);
    g.call(CallOutcome::failed); // ok x4, failed
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::closed));
    g.call(CallOutcome::failed);
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::open));

    options.open_ns = 5'000 * kMs;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST(g.breaker->acquire().retry_after_ns() == 100 * kMs); // as was said
    options.half_open_calls = 0;
    BOOST_TEST((g.breaker->reconfigure(options).code() == Code::invalid_config));
}

BOOST_AUTO_TEST_CASE(a_time_window_of_another_shape_keeps_what_is_young_enough) {
    BreakerOptions options = plain(0);
    options.window = WindowKind::time;
    options.window_ns = 1'000 * kMs;
    options.window_buckets = 10;
    Guarded g(options);
    for (int i = 0; i < 10; ++i) {
        g.call(CallOutcome::ok);
        g.clock.advance(100 * kMs);
    }
    BOOST_TEST(g.breaker->snapshot().calls == 9U);
    options.window_ns = 400 * kMs;
    options.window_buckets = 4;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST(g.breaker->snapshot().calls == 3U);
    options.window_ns = 4'000 * kMs;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST(g.breaker->snapshot().calls == 3U);
    options.window = WindowKind::count;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST(g.breaker->snapshot().calls == 0U);
}

BOOST_AUTO_TEST_CASE(a_cap_changed_under_probes_leaves_no_dead_end) {
    BreakerOptions options = plain(1);
    options.half_open_calls = 5;
    options.half_open_successes = 3;
    Guarded g(options);
    g.call(CallOutcome::failed);
    g.clock.advance(100 * kMs);
    g.call(CallOutcome::ok);
    g.call(CallOutcome::failed);
    options.half_open_calls = 3; // three successes of two more calls: impossible
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::open));
    g.clock.advance(100 * kMs);
    g.call(CallOutcome::ok);
    options.half_open_successes = 1;
    BOOST_TEST(g.breaker->reconfigure(options).ok());
    BOOST_TEST((g.breaker->snapshot().state == BreakerState::closed));
}

BOOST_AUTO_TEST_CASE(options_that_make_no_sense_are_named) {
    const auto why = [](auto&& change) {
        BreakerOptions options;
        change(options);
        return std::string(validate(options).message());
    };
    using O = BreakerOptions;
    BOOST_TEST(validate({}).ok());
    BOOST_TEST(why([](O& o) { o.window_buckets = 0; }).find("window_buckets") != std::string::npos);
    BOOST_TEST(why([](O& o) { o.failure_rate_percent = 101; }).find("failure_rate") !=
               std::string::npos);
    BOOST_TEST(why([](O& o) { o.slow_rate_percent = 5; }).find("slow_call_ns") !=
               std::string::npos);
    BOOST_TEST(why([](O& o) { o.half_open_successes = 9; }).find("half_open_successes") !=
               std::string::npos);
    BOOST_TEST(why([](O& o) { o.open_growth = 0.5; }).find("open_growth") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_thousand_threads_at_the_instant_it_half_opens) {
    for (const std::uint32_t cap : {1U, 7U}) {
        BreakerOptions options = plain(1);
        options.half_open_calls = cap;
        options.half_open_successes = cap;
        Guarded g(options);
        g.call(CallOutcome::failed);
        g.clock.advance(100 * kMs);
        constexpr int kThreads = 1'000;
        std::latch start(kThreads);
        std::latch asked(kThreads); // nobody settles before everybody has asked
        std::atomic<std::uint32_t> admitted = 0;
        std::atomic<int> too_many = 0;
        std::vector<std::thread> threads;
        threads.reserve(kThreads);
        for (int t = 0; t < kThreads; ++t) {
            threads.emplace_back([&] {
                start.arrive_and_wait();
                BreakerPermit permit = g.breaker->acquire();
                admitted += permit.admitted() ? 1 : 0;
                too_many += permit.reject() == BreakerReject::too_many ? 1 : 0;
                asked.arrive_and_wait();
                permit.settle(CallOutcome::ok);
            });
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        BOOST_TEST(admitted == cap);
        BOOST_TEST(too_many == kThreads - static_cast<int>(cap));
        BOOST_TEST((g.breaker->snapshot().state == BreakerState::closed));
    }
}

BOOST_AUTO_TEST_CASE(results_of_many_threads_add_up) {
    BreakerOptions options = plain(0);
    options.window = WindowKind::time;
    options.window_ns = 1'000 * kMs;
    std::atomic<int> events = 0;
    Guarded g(options, [&](const BreakerEvent&) { ++events; });
    constexpr int kThreads = 8;
    std::latch start(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            start.arrive_and_wait();
            for (int i = 0; i < 5'000; ++i) {
                g.call(t % 2 == 0 ? CallOutcome::ok : CallOutcome::failed);
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    BOOST_TEST(g.breaker->snapshot().calls == 40'000U);
    BOOST_TEST(g.breaker->snapshot().failures == 20'000U);
    BOOST_TEST(events == 0);
}

BOOST_AUTO_TEST_CASE(threads_that_open_and_close_it_tell_one_story) {
    std::vector<BreakerEvent> heard;
    BreakerOptions options = plain(1);
    options.open_ns = 0;
    Guarded g(options, [&](const BreakerEvent& event) { heard.push_back(event); });
    constexpr int kThreads = 6;
    std::latch start(kThreads);
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t) {
        threads.emplace_back([&, t] {
            start.arrive_and_wait();
            for (int i = 0; i < 2'000; ++i) {
                g.call((i + t) % 3 == 0 ? CallOutcome::failed : CallOutcome::ok);
                if (i % 100 == t) {
                    g.breaker->force_open();
                    g.breaker->force_closed();
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    BOOST_REQUIRE(heard.size() > 10U);
    BreakerState state = BreakerState::closed;
    std::uint64_t generation = 1;
    bool one_story = true;
    for (const BreakerEvent& event : heard) {
        one_story = one_story && event.from == state && event.generation == generation + 1;
        state = event.to;
        generation = event.generation;
    }
    BOOST_TEST(one_story);
    BOOST_TEST(g.breaker->snapshot().generation == generation);
}

BOOST_AUTO_TEST_SUITE_END()
