// The breaker beside a model that keeps every call and every result in lists and works everything
// out anew each time it is asked.
#include "fakes/fake_clock.hpp"
#include "syncline/resilience/circuit_breaker.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <rapidcheck.h>
#include <vector>

using namespace syncline;

namespace {

constexpr std::int64_t kMs = 1'000'000;

struct Model {
    struct Result {
        std::int64_t at;
        bool failed;
        bool slow;
    };

    explicit Model(const BreakerOptions& o) : options(o) {}

    void enter(BreakerState to, std::int64_t at) {
        state = to;
        since = at;
        ++generation;
        results.clear();
        probes.clear();
        out = 0;
    }
    void pass(std::int64_t now) {
        if (state == BreakerState::half_open && options.half_open_ns > 0 &&
            now >= since + options.half_open_ns) {
            enter(BreakerState::open, since + options.half_open_ns);
        }
    }
    BreakerReject ask(std::int64_t now) {
        pass(now);
        if (state == BreakerState::open && now >= since + options.open_ns) {
            enter(BreakerState::half_open, now);
        }
        if (state == BreakerState::open || state == BreakerState::forced_open) {
            return BreakerReject::open;
        }
        if (state == BreakerState::half_open) {
            if (out + probes.size() >= options.half_open_calls) {
                return BreakerReject::too_many;
            }
            ++out;
        }
        return BreakerReject::none;
    }
    std::vector<Result> window(std::int64_t now) const {
        std::vector<Result> in;
        if (options.window == WindowKind::count) {
            const std::size_t skipped =
                results.size() - std::min<std::size_t>(results.size(), options.window_calls);
            in.assign(results.begin() + static_cast<std::ptrdiff_t>(skipped), results.end());
        } else {
            const auto bucket = [this](std::int64_t at) {
                return at * options.window_buckets / options.window_ns;
            };
            for (const Result& result : results) {
                if (options.window == WindowKind::none ||
                    bucket(result.at) > bucket(now) - options.window_buckets) {
                    in.push_back(result);
                }
            }
        }
        return in;
    }
    std::size_t row() const {
        std::size_t count = 0;
        for (auto it = results.rbegin(); it != results.rend() && it->failed; ++it) {
            ++count;
        }
        return count;
    }
    void settle(std::uint64_t of_generation, CallOutcome outcome, std::int64_t begun,
                std::int64_t now) {
        pass(now);
        if (of_generation != generation) {
            return;
        }
        const bool counts = outcome == CallOutcome::ok || outcome == CallOutcome::failed;
        const bool failed = outcome == CallOutcome::failed;
        if (state == BreakerState::half_open) {
            --out;
            if (counts) {
                probes.push_back(!failed);
            }
            const auto good = std::count(probes.begin(), probes.end(), true);
            const auto bad = std::count(probes.begin(), probes.end(), false);
            if (good >= options.half_open_successes) {
                enter(BreakerState::closed, now);
            } else if (options.half_open_calls - bad < options.half_open_successes) {
                enter(BreakerState::open, now);
            }
            return;
        }
        if (!counts || (state != BreakerState::closed && state != BreakerState::metrics_only)) {
            return;
        }
        results.push_back({now, failed, now - begun >= options.slow_call_ns});
        if (state != BreakerState::closed) {
            return;
        }
        const auto in = window(now);
        const auto all = static_cast<double>(in.size());
        const auto bad = static_cast<double>(
            std::count_if(in.begin(), in.end(), [](const Result& r) { return r.failed; }));
        const auto slow = static_cast<double>(
            std::count_if(in.begin(), in.end(), [](const Result& r) { return r.slow; }));
        const bool judged = in.size() >= options.minimum_calls;
        if (row() >= options.consecutive_failures ||
            (judged && bad / all * 100 >= options.failure_rate_percent) ||
            (judged && slow / all * 100 >= options.slow_rate_percent)) {
            enter(BreakerState::open, now);
        }
    }

    BreakerOptions options;
    BreakerState state = BreakerState::closed;
    std::int64_t since = 0;
    std::uint64_t generation = 1;
    std::vector<Result> results;
    std::vector<bool> probes;
    std::size_t out = 0;
};

struct Running {
    BreakerPermit permit;
    std::uint64_t generation;
    std::int64_t begun;
};

BreakerOptions any_options() {
    BreakerOptions o;
    o.window = *rc::gen::element(WindowKind::none, WindowKind::count, WindowKind::time);
    o.window_calls = *rc::gen::inRange(1U, 8U);
    o.window_ns = *rc::gen::inRange<std::int64_t>(40, 200) * kMs;
    o.window_buckets = *rc::gen::inRange(1U, 8U);
    o.consecutive_failures = *rc::gen::inRange(2U, 9U);
    o.failure_rate_percent = *rc::gen::element(25.0, 50.0, 100.0);
    o.slow_call_ns = *rc::gen::inRange<std::int64_t>(20, 60) * kMs;
    o.slow_rate_percent = *rc::gen::element(25.0, 50.0, 100.0);
    o.minimum_calls = *rc::gen::inRange(1U, 6U);
    o.open_ns = *rc::gen::inRange<std::int64_t>(0, 80) * kMs;
    o.open_growth = 1;
    o.open_jitter = 0;
    o.half_open_calls = *rc::gen::inRange(1U, 5U);
    o.half_open_successes = *rc::gen::inRange(1U, o.half_open_calls + 1);
    o.half_open_ns = *rc::gen::inRange<std::int64_t>(1, 100) * kMs;
    return o;
}

void compare(CircuitBreaker& breaker, Model& model, std::int64_t now) {
    model.pass(now);
    const BreakerSnapshot shot = breaker.snapshot();
    const bool over =
        model.state == BreakerState::open && now >= model.since + model.options.open_ns;
    RC_ASSERT(shot.state == (over ? BreakerState::half_open : model.state));
    RC_ASSERT(shot.generation == model.generation);
    RC_ASSERT(shot.probes_out == model.out);
    RC_ASSERT(shot.probes_out + shot.probes_ok + shot.probes_failed <=
              model.options.half_open_calls);
    const auto in = model.window(now);
    RC_ASSERT(shot.calls == in.size());
    RC_ASSERT(shot.failures ==
              static_cast<std::uint64_t>(std::count_if(
                  in.begin(), in.end(), [](const Model::Result& r) { return r.failed; })));
    RC_ASSERT(shot.slow ==
              static_cast<std::uint64_t>(std::count_if(
                  in.begin(), in.end(), [](const Model::Result& r) { return r.slow; })));
    RC_ASSERT(shot.consecutive_failures == model.row());
}

CallOutcome any_outcome() {
    return *rc::gen::weightedElement<CallOutcome>({{4, CallOutcome::ok},
                                                   {4, CallOutcome::failed},
                                                   {1, CallOutcome::ignored},
                                                   {1, CallOutcome::abandoned}});
}

void random_life() {
    const BreakerOptions options = any_options();
    fakes::FakeClock clock;
    const auto made = make_circuit_breaker(options, clock);
    RC_ASSERT(made.ok());
    CircuitBreaker& breaker = **made;
    Model model(options);
    std::vector<Running> running;
    const int steps = *rc::gen::inRange(1, 150);
    for (int i = 0; i < steps; ++i) {
        const int what = *rc::gen::inRange(0, 100);
        const std::int64_t now = clock.mono_ns();
        if (what < 35) {
            BreakerPermit permit = breaker.acquire();
            const BreakerReject expected = model.ask(now);
            RC_ASSERT(permit.reject() == expected);
            if (permit.admitted()) {
                running.push_back({std::move(permit), model.generation, now});
            }
        } else if (what < 70 && !running.empty()) {
            const auto which = *rc::gen::inRange<std::size_t>(0, running.size());
            const CallOutcome outcome = any_outcome();
            Running& one = running[which];
            if (outcome != CallOutcome::abandoned) {
                one.permit.settle(outcome);
                one.permit.settle(CallOutcome::failed); // counts for nothing
            }
            const Running gone = std::move(one);
            running.erase(running.begin() + static_cast<std::ptrdiff_t>(which));
            // What was not settled is abandoned at the end of this block, with the same effect.
            model.settle(gone.generation, outcome, gone.begun, now);
        } else if (what < 96) {
            clock.advance(*rc::gen::inRange<std::int64_t>(0, 60) * kMs);
        } else {
            const auto to = *rc::gen::element(BreakerState::closed, BreakerState::forced_open,
                                              BreakerState::disabled, BreakerState::metrics_only);
            model.pass(now);
            if (model.state != to) {
                model.enter(to, now);
            }
            switch (to) {
            case BreakerState::forced_open:
                breaker.force_open();
                break;
            case BreakerState::disabled:
                breaker.disable();
                break;
            case BreakerState::metrics_only:
                breaker.metrics_only();
                break;
            default:
                breaker.force_closed();
                break;
            }
        }
        compare(breaker, model, clock.mono_ns());
    }
    // However it got here, and with whatever still under way: in time it lets somebody in.
    if (model.state != BreakerState::forced_open) {
        clock.advance(options.open_ns + options.half_open_ns);
        RC_ASSERT(breaker.acquire().admitted());
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(breaker_model)

BOOST_AUTO_TEST_CASE(it_does_what_the_model_does) {
    BOOST_TEST(rc::check("breaker and model agree", random_life));
}

BOOST_AUTO_TEST_SUITE_END()
