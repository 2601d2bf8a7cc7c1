// What must be true of the rate limiter whatever is asked of it, in whatever order.
#include "fakes/fake_clock.hpp"
#include "syncline/resilience/rate_limiter.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <rapidcheck.h>
#include <vector>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;

struct Act {
    Reservation promise; // of a grant by allow(): none
    std::int64_t due;
    std::int64_t n;
};

double any_rate() { return *rc::gen::element(0.3, 1.0, 7.0, 33.3, 60.0, 1000.0); }

// No interval sees more than the burst and what the rate adds in it.
void assert_bounded(std::vector<Act>& acts, double rate, std::int64_t burst) {
    std::sort(acts.begin(), acts.end(), [](const Act& a, const Act& b) { return a.due < b.due; });
    for (std::size_t from = 0; from < acts.size(); ++from) {
        std::int64_t sum = 0;
        for (std::size_t to = from; to < acts.size(); ++to) {
            sum += acts[to].n;
            const double seconds = static_cast<double>(acts[to].due - acts[from].due) / 1e9;
            RC_ASSERT(static_cast<double>(sum) <=
                      static_cast<double>(burst) + rate * seconds + 1e-6);
        }
    }
}

void bounded_life(bool pauses) {
    const double rate = any_rate();
    const std::int64_t burst = *rc::gen::inRange<std::int64_t>(1, 12);
    fakes::FakeClock clock;
    const auto limiter = make_rate_limiter({rate, burst}, clock);
    std::vector<Act> acts;
    const int steps = *rc::gen::inRange(1, 80);
    for (int i = 0; i < steps; ++i) {
        const int what = *rc::gen::inRange(0, 100);
        const std::int64_t now = clock.mono_ns();
        const std::int64_t n = *rc::gen::inRange<std::int64_t>(0, burst + 2);
        const double before = limiter->tokens();
        if (what < 30) {
            if (limiter->allow(n)) {
                acts.push_back({{}, now, n});
                RC_ASSERT(now >= limiter->paused_until_mono_ns());
            } else {
                RC_ASSERT(limiter->tokens() == before);
            }
        } else if (what < 60) {
            Reservation promise = limiter->reserve(n, *rc::gen::element(kAnyWait, 300 * kMs));
            RC_ASSERT(promise.ok() || limiter->tokens() == before);
            if (promise.ok()) {
                const std::int64_t due = promise.due_mono_ns();
                RC_ASSERT(due >= now && due >= limiter->paused_until_mono_ns());
                acts.push_back({std::move(promise), due, n});
            }
        } else if (what < 75 && !acts.empty()) {
            const auto which = *rc::gen::inRange<std::size_t>(0, acts.size());
            Act& act = acts[which];
            if (act.promise.ok()) {
                act.promise.cancel();
                acts.erase(acts.begin() + static_cast<std::ptrdiff_t>(which));
                RC_ASSERT(limiter->tokens() >= before - 1e-6);
            }
        } else if (what < 80 && pauses) {
            limiter->pause_until(now + *rc::gen::inRange<std::int64_t>(-100, 2'000) * kMs);
            for (Act& act : acts) {
                if (act.promise.ok() && act.due > now) {
                    act.due = act.promise.due_mono_ns();
                    RC_ASSERT(act.due >= limiter->paused_until_mono_ns());
                }
            }
        } else {
            clock.advance(*rc::gen::inRange<std::int64_t>(0, 2'000'000'000));
        }
        RC_ASSERT(limiter->tokens() <= static_cast<double>(burst));
    }
    assert_bounded(acts, rate, burst);
}

// Some history, then k reservations and their cancellation in any order, all at one instant.
void cancelled_life() {
    const double rate = any_rate();
    const std::int64_t burst = *rc::gen::inRange<std::int64_t>(1, 12);
    fakes::FakeClock clock;
    const auto limiter = make_rate_limiter({rate, burst}, clock);
    std::vector<Reservation> history;
    for (int i = *rc::gen::inRange(0, 10); i > 0; --i) {
        history.push_back(limiter->reserve(*rc::gen::inRange<std::int64_t>(0, burst + 1)));
        clock.advance(*rc::gen::inRange<std::int64_t>(0, 3'000'000'000));
    }
    const double before = limiter->tokens();
    std::vector<Reservation> made;
    for (int i = *rc::gen::inRange(1, 10); i > 0; --i) {
        made.push_back(limiter->reserve(*rc::gen::inRange<std::int64_t>(0, burst + 1)));
    }
    while (!made.empty()) {
        const auto which = *rc::gen::inRange<std::size_t>(0, made.size());
        made[which].cancel();
        made.erase(made.begin() + static_cast<std::ptrdiff_t>(which));
    }
    // At rates that are not whole each reservation still open may be rounded by a billionth.
    RC_ASSERT(std::fabs(limiter->tokens() - before) <= 2e-8);
    if (rate == std::floor(rate) || history.empty()) {
        RC_ASSERT(limiter->tokens() == before);
    }
    const auto whole = static_cast<std::int64_t>(std::floor(before - 1e-8));
    if (whole >= 1) {
        RC_ASSERT(limiter->allow(whole));
    }
}

// Who asks later is never served earlier.
void queue() {
    const std::int64_t burst = *rc::gen::inRange<std::int64_t>(1, 12);
    fakes::FakeClock clock;
    const auto limiter = make_rate_limiter({any_rate(), burst}, clock);
    std::int64_t last_due = 0;
    for (int i = *rc::gen::inRange(1, 60); i > 0; --i) {
        const std::int64_t n = *rc::gen::inRange<std::int64_t>(1, burst + 1);
        const Reservation promise = limiter->reserve(n);
        RC_ASSERT(promise.ok());
        RC_ASSERT(promise.due_mono_ns() >= last_due);
        last_due = promise.due_mono_ns();
        clock.advance(*rc::gen::inRange<std::int64_t>(0, 500'000'000));
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(limiter_model)

BOOST_AUTO_TEST_CASE(no_interval_gets_more_than_the_burst_and_the_rate) {
    BOOST_TEST(rc::check("bounded", [] { bounded_life(false); }));
    BOOST_TEST(rc::check("bounded with pauses", [] { bounded_life(true); }));
}

BOOST_AUTO_TEST_CASE(to_reserve_and_to_cancel_at_one_instant_is_nothing) {
    BOOST_TEST(rc::check("identity", cancelled_life));
}

BOOST_AUTO_TEST_CASE(first_come_first_served) { BOOST_TEST(rc::check("order", queue)); }

BOOST_AUTO_TEST_SUITE_END()
