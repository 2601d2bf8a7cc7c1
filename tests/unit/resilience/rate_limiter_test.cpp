#include "fakes/fake_clock.hpp"
#include "syncline/resilience/rate_limiter.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <thread>
#include <vector>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;

struct Limited {
    explicit Limited(double rate_per_s, std::int64_t burst)
        : limiter(make_rate_limiter({rate_per_s, burst}, clock)) {}
    fakes::FakeClock clock;
    std::unique_ptr<RateLimiter> limiter;
};

// Says when somebody sleeps, and sleeps until told to stop.
class EndlessClock final : public Clock {
public:
    std::int64_t mono_ns() const override { return 0; }
    std::int64_t wall_ns() const override { return 0; }
    bool sleep_until(std::int64_t, const std::stop_token& stop) const override {
        std::latch stopped(1);
        const std::stop_callback wake(stop, [&stopped] { stopped.count_down(); });
        asleep.count_down();
        stopped.wait();
        return false;
    }
    mutable std::latch asleep{1};
};

} // namespace

// What single calls do is shown by the traces in tests/traces/rate_limiter.
BOOST_AUTO_TEST_SUITE(rate_limiter)

BOOST_AUTO_TEST_CASE(a_wait_sleeps_until_it_is_due_and_says_how_long) {
    Limited l(10, 1);
    BOOST_TEST(l.limiter->wait(1, {}).waited_ns == 0);
    const WaitResult second = l.limiter->wait(1, {});
    BOOST_TEST(second.status.ok());
    BOOST_TEST(second.waited_ns == 100 * kMs);
}

BOOST_AUTO_TEST_CASE(a_wait_tells_why_it_failed) {
    Limited l(10, 2);
    BOOST_TEST((l.limiter->wait(3, {}).status.code() == Code::invalid_argument));
    BOOST_TEST((l.limiter->wait(-1, {}).status.code() == Code::invalid_argument));
    BOOST_TEST(l.limiter->allow(2));
    CallContext hurried;
    hurried.deadline_mono_ns = l.clock.mono_ns() + 99 * kMs;
    BOOST_TEST((l.limiter->wait(1, hurried).status.code() == Code::timeout));
    std::stop_source stop;
    stop.request_stop();
    CallContext stopped;
    stopped.stop = stop.get_token();
    BOOST_TEST((l.limiter->wait(1, stopped).status.code() == Code::cancelled));
    BOOST_TEST(l.limiter->tokens() == 0);
    l.limiter->set_rate(0);
    BOOST_TEST((l.limiter->wait(1, {}).status.code() == Code::rate_limited));
}

BOOST_AUTO_TEST_CASE(a_cancelled_wait_gives_its_tokens_back) {
    EndlessClock clock;
    const auto limiter = make_rate_limiter({10, 1}, clock);
    BOOST_TEST(limiter->allow());
    std::stop_source stop;
    CallContext call;
    call.stop = stop.get_token();
    Code code = Code::ok;
    std::thread waiter([&] { code = limiter->wait(1, call).status.code(); });
    clock.asleep.wait();
    BOOST_TEST(limiter->tokens() == -1);
    stop.request_stop();
    waiter.join();
    BOOST_TEST((code == Code::cancelled));
    BOOST_TEST(limiter->tokens() == 0);
}

BOOST_AUTO_TEST_CASE(a_pause_holds_everything_back) {
    Limited l(10, 2);
    const std::int64_t start = l.clock.mono_ns();
    l.limiter->pause_until(start + 500 * kMs);
    BOOST_TEST(!l.limiter->allow());
    const Reservation first = l.limiter->reserve();
    const Reservation second = l.limiter->reserve();
    const Reservation third = l.limiter->reserve();
    BOOST_TEST(first.wait_ns() == 500 * kMs);
    BOOST_TEST(second.wait_ns() == 500 * kMs);
    BOOST_TEST(third.wait_ns() == 600 * kMs); // nothing is earned in a pause
    l.clock.advance(600 * kMs);
    BOOST_TEST(!l.limiter->allow());
    l.clock.advance(100 * kMs);
    BOOST_TEST(l.limiter->allow());
}

BOOST_AUTO_TEST_CASE(a_pause_is_never_shortened) {
    Limited l(10, 1);
    const std::int64_t start = l.clock.mono_ns();
    l.limiter->pause_until(start + 500 * kMs);
    l.limiter->pause_until(start + 100 * kMs);
    l.limiter->pause_until(start - 100 * kMs);
    BOOST_TEST(l.limiter->paused_until_mono_ns() == start + 500 * kMs);
    l.clock.advance(499 * kMs);
    BOOST_TEST(!l.limiter->allow());
    l.clock.advance(kMs);
    BOOST_TEST(l.limiter->allow());
}

BOOST_AUTO_TEST_CASE(a_pause_moves_what_waits) {
    Limited l(10, 1);
    BOOST_TEST(l.limiter->allow());
    const Reservation promised = l.limiter->reserve();
    const std::int64_t due = promised.due_mono_ns();
    l.limiter->pause_until(l.clock.mono_ns() + 300 * kMs);
    BOOST_TEST(promised.due_mono_ns() == due + 300 * kMs);
    l.limiter->pause_until(l.clock.mono_ns() + 500 * kMs);
    BOOST_TEST(promised.due_mono_ns() == due + 500 * kMs);
}

BOOST_AUTO_TEST_CASE(a_pause_holds_at_an_infinite_rate_too) {
    Limited l(kInfiniteRate, 0);
    l.limiter->pause_until(l.clock.mono_ns() + 500 * kMs);
    BOOST_TEST(!l.limiter->allow());
    const WaitResult waited = l.limiter->wait(5, {});
    BOOST_TEST(waited.status.ok());
    BOOST_TEST(waited.waited_ns == 500 * kMs);
}

BOOST_AUTO_TEST_CASE(a_dropped_reservation_keeps_its_tokens) {
    Limited l(10, 3);
    { const Reservation dropped = l.limiter->reserve(2); }
    BOOST_TEST(l.limiter->tokens() == 1);
    Reservation moved = l.limiter->reserve(1);
    Reservation target = std::move(moved);
    moved.cancel(); // holds nothing any more
    BOOST_TEST(l.limiter->tokens() == 0);
    target.cancel();
    BOOST_TEST(l.limiter->tokens() == 1);
}

BOOST_AUTO_TEST_CASE(a_reservation_that_nobody_settles_does_not_make_the_journal_grow) {
    Limited l(0.000001, 1'000'000);
    Reservation forgotten = l.limiter->reserve();
    for (int i = 0; i < 100'000; ++i) {
        l.clock.advance(1);
        BOOST_REQUIRE(l.limiter->allow());
    }
    forgotten.cancel(); // too long ago by now
    BOOST_TEST(l.limiter->tokens() == 1'000'000 - 100'001, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(odd_settings_do_no_harm) {
    Limited l(std::numeric_limits<double>::quiet_NaN(), -5);
    BOOST_TEST(l.limiter->rate_per_s() == 0);
    BOOST_TEST(l.limiter->burst() == 0);
    BOOST_TEST(!l.limiter->allow());
    l.limiter->set_rate(1e300);
    l.limiter->set_burst(INT64_MAX);
    BOOST_TEST(l.limiter->burst() == kMaxBurst);
    l.clock.advance(1);
    BOOST_TEST(l.limiter->allow(kMaxBurst));
    l.limiter->set_rate(1e-300);
    BOOST_TEST(!l.limiter->reserve(kMaxBurst).ok());
    l.limiter->pause_until(INT64_MAX);
    BOOST_TEST(!l.limiter->allow());
    BOOST_TEST(!l.limiter->reserve(0, 1'000).ok());
}

BOOST_AUTO_TEST_CASE(many_threads_get_no_more_than_there_is) {
    fakes::FakeClock clock;
    const auto limiter = make_rate_limiter({1'000, 500}, clock);
    std::atomic<int> granted = 0;
    std::latch start(8);
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t) {
        threads.emplace_back([&] {
            start.arrive_and_wait();
            for (int i = 0; i < 2'000; ++i) {
                if (i % 5 == 0) {
                    Reservation tried = limiter->reserve(2, 0);
                    tried.cancel();
                }
                granted += limiter->allow() ? 1 : 0;
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    BOOST_TEST(granted == 500);
    BOOST_TEST(limiter->tokens() == 0);
}

BOOST_AUTO_TEST_SUITE_END()
