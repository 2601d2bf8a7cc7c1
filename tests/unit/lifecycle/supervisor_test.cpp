#include "syncline/lifecycle/supervisor.hpp"

#include "fakes/fake_component.hpp"
#include "fakes/manual_clock.hpp"

#include <boost/test/unit_test.hpp>
#include <future>
#include <thread>

using namespace syncline;
using namespace syncline::fakes;

namespace {

constexpr std::int64_t kMs = 1'000'000;
using Lines = std::vector<std::string>;

// store <- pool <- daemon, and log beside them.
struct World {
    ManualClock clock;
    std::shared_ptr<Journal> journal = std::make_shared<Journal>();
    std::shared_ptr<FakeComponent> store = part("store");
    std::shared_ptr<FakeComponent> pool = part("pool");
    std::shared_ptr<FakeComponent> daemon = part("daemon");
    std::shared_ptr<FakeComponent> log = part("log");
    SupervisorOptions options;
    std::unique_ptr<Supervisor> supervisor;

    World() {
        options.check_every_ns = 0;
        options.start_limit_ns = 100 * kMs;
        options.stop_limit_ns = 100 * kMs;
        options.restart.first_delay_ns = 10 * kMs;
        options.restart.longest_delay_ns = 30 * kMs;
        options.restart.forgiven_after_ns = 1000 * kMs;
        options.restart.attempts = 3;
    }
    std::shared_ptr<FakeComponent> part(const std::string& name) {
        return std::make_shared<FakeComponent>(name, journal, clock);
    }
    void make() {
        auto made = Supervisor::make(
            {{daemon, {"pool", "store"}}, {pool, {"store"}}, {store, {}}, {log, {}}}, options,
            clock);
        BOOST_REQUIRE(made.ok());
        supervisor = *std::move(made);
    }
    std::int64_t in_ms(std::int64_t ms) const { return clock.mono_ns() + ms * kMs; }
};

std::string error_of(std::vector<ComponentSpec> specs) {
    ManualClock clock;
    const auto made = Supervisor::make(std::move(specs), {}, clock);
    BOOST_TEST((made.code() == Code::invalid_config));
    return made.ok() ? "" : made.status().message();
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(supervisor_of_components, World)

BOOST_AUTO_TEST_CASE(a_graph_that_makes_no_sense_is_refused) {
    BOOST_TEST(error_of({{store, {"pool"}}, {pool, {"daemon"}}, {daemon, {"pool"}}}) ==
               "components need each other in a circle: pool -> daemon -> pool");
    BOOST_TEST(error_of({{store, {"store"}}}) ==
               "components need each other in a circle: store -> store");
    BOOST_TEST(error_of({{store, {"disk"}}}) == "'store' needs 'disk', which does not exist");
    BOOST_TEST(error_of({{store, {}}, {part("store"), {}}}) == "two components are called 'store'");
    BOOST_TEST(error_of({{nullptr, {}}}) == "a component is missing");
}

BOOST_AUTO_TEST_CASE(starts_in_order_of_need_and_stops_in_reverse) {
    make();
    BOOST_TEST((supervisor->state() == ComponentState::created));
    BOOST_TEST(supervisor->start().ok());
    BOOST_TEST((supervisor->state() == ComponentState::running));
    BOOST_TEST(journal->lines() ==
               (Lines{"start store", "start pool", "start daemon", "start log"}));
    journal->clear();
    const StopReport report = supervisor->stop(in_ms(1000));
    BOOST_TEST(report.status().ok());
    BOOST_TEST(journal->lines() == (Lines{"stop log", "stop daemon", "stop pool", "stop store"}));
    BOOST_REQUIRE(report.components.size() == 4U);
    BOOST_TEST(report.components[1].name == "daemon");
    BOOST_TEST((report.components[1].result == StopResult::stopped));
    BOOST_TEST((supervisor->state() == ComponentState::stopped));
    // Idempotent; and it can be started again.
    BOOST_TEST(supervisor->stop(in_ms(0)).components.size() == 4U);
    BOOST_TEST(journal->lines().size() == 4U);
    BOOST_TEST(supervisor->start().ok());
    BOOST_TEST((daemon->state() == ComponentState::running));
}

BOOST_AUTO_TEST_CASE(starting_twice_or_while_starting_is_an_error) {
    pool->start_gate = std::make_shared<Gate>();
    make();
    Status first;
    std::jthread starter([&] { first = supervisor->start(); });
    journal->wait_for("start pool");
    BOOST_TEST((supervisor->start().code() == Code::invalid_state));
    BOOST_TEST((supervisor->state() == ComponentState::starting));
    pool->start_gate->open();
    starter.join();
    BOOST_TEST(first.ok());
    BOOST_TEST((supervisor->start().code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(stopping_before_the_start_is_fine) {
    make();
    BOOST_TEST(supervisor->stop(in_ms(0)).components.empty());
    BOOST_TEST(journal->lines().empty());
    BOOST_TEST((supervisor->state() == ComponentState::stopped));
}

BOOST_AUTO_TEST_CASE(a_start_that_fails_half_way_stops_what_had_started) {
    daemon->failing_starts = 1;
    make();
    const Status status = supervisor->start();
    BOOST_TEST((status.code() == Code::unavailable));
    BOOST_TEST(status.message() ==
               "'daemon' did not start: daemon did not start: fails on purpose");
    BOOST_TEST(journal->lines() == (Lines{"start store", "start pool", "start daemon",
                                          "stop daemon", "stop pool", "stop store"}));
    BOOST_TEST((supervisor->state() == ComponentState::stopped));
    BOOST_TEST(supervisor->last_report().components.size() == 3U);
    BOOST_TEST(supervisor->start().ok()); // the second time it works
}

BOOST_AUTO_TEST_CASE(a_start_that_hangs_uses_up_its_own_time_and_not_that_of_the_rollback) {
    daemon->start_gate = std::make_shared<Gate>();
    make();
    Status status;
    std::jthread starter([&] { status = supervisor->start(); });
    journal->wait_for("start daemon");
    clock.advance_ms_when_somebody_sleeps(100);
    while (supervisor->state() != ComponentState::stopping) {
        std::this_thread::yield();
    }
    // The rollback asks the hanging one as well, which cannot stop before its start returns.
    daemon->start_gate->open();
    starter.join();
    BOOST_TEST((status.code() == Code::timeout));
    BOOST_TEST(status.message() == "'daemon' did not start in time");
    BOOST_TEST((pool->state() == ComponentState::stopped));
    BOOST_TEST((store->state() == ComponentState::stopped));
}

BOOST_AUTO_TEST_CASE(one_that_does_not_stop_is_named_and_abandoned_the_others_are_stopped) {
    const auto gate = std::make_shared<Gate>();
    pool->stop_gate = gate;
    store->fails_to_stop = true;
    make();
    BOOST_TEST(supervisor->start().ok());
    StopReport report;
    std::jthread stopper([&] { report = supervisor->stop(clock.mono_ns() + 10'000 * kMs); });
    journal->wait_for("stop pool");
    clock.advance_ms_when_somebody_sleeps(100); // its own limit
    stopper.join();
    BOOST_REQUIRE(report.components.size() == 4U);
    BOOST_TEST(report.components[2].name == "pool");
    BOOST_TEST((report.components[2].result == StopResult::abandoned));
    BOOST_TEST(report.components[2].took_ns == 100 * kMs);
    BOOST_TEST((report.components[3].result == StopResult::not_well));
    BOOST_TEST(report.components[3].status.message() == "store: could not save");
    BOOST_TEST(report.status().message() == "did not stop in time and were abandoned: pool");
    BOOST_TEST((supervisor->state() == ComponentState::stopped));
    // It lives on, with what it needs, until its call returns.
    supervisor.reset();
    pool.reset();
    store.reset();
    daemon.reset();
    journal->clear();
    gate->open();
    journal->wait_for("gone store");
    const Lines lines = journal->lines();
    BOOST_TEST((std::find(lines.begin(), lines.end(), "gone pool") <
                std::find(lines.begin(), lines.end(), "gone store")));
}

BOOST_AUTO_TEST_CASE(one_that_hangs_leaves_the_others_their_share_of_the_total) {
    options.stop_limit_ns = 1'000'000 * kMs;
    log->stop_gate = std::make_shared<Gate>();
    make();
    BOOST_TEST(supervisor->start().ok());
    StopReport report;
    // 800 ms for four: 100 ms are set aside for each of the later three.
    std::jthread stopper([&] { report = supervisor->stop(clock.mono_ns() + 800 * kMs); });
    journal->wait_for("stop log");
    clock.advance_ms_when_somebody_sleeps(500);
    stopper.join();
    BOOST_TEST((report.components[0].result == StopResult::abandoned));
    BOOST_TEST(report.components[0].took_ns == 500 * kMs);
    for (const std::size_t at : {1U, 2U, 3U}) {
        BOOST_TEST((report.components[at].result == StopResult::stopped));
    }
    log->stop_gate->open();
}

BOOST_AUTO_TEST_CASE(a_stop_interrupts_a_start) {
    pool->start_gate = std::make_shared<Gate>();
    make();
    Status started;
    std::jthread starter([&] { started = supervisor->start(); });
    journal->wait_for("start pool");
    auto stopped =
        std::async(std::launch::async, [&] { return supervisor->stop(kNoDeadline).status(); });
    starter.join(); // although its component hangs
    BOOST_TEST((started.code() == Code::cancelled));
    pool->start_gate->open();
    BOOST_TEST(stopped.get().ok());
    BOOST_TEST(daemon->starts == 0);
    BOOST_TEST((store->state() == ComponentState::stopped));
}

BOOST_AUTO_TEST_CASE(stops_from_many_threads_give_one_report) {
    make();
    BOOST_TEST(supervisor->start().ok());
    std::atomic<std::size_t> stopped = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 6; ++i) {
            threads.emplace_back(
                [&] { stopped += supervisor->stop(kNoDeadline).components.size(); });
        }
    }
    BOOST_TEST(stopped == 24U);
    BOOST_TEST(journal->lines().size() == 8U);
}

BOOST_AUTO_TEST_CASE(a_restart_takes_those_that_need_it_along) {
    make();
    BOOST_TEST((supervisor->restart("pool").code() == Code::invalid_state));
    BOOST_TEST(supervisor->start().ok());
    journal->clear();
    BOOST_TEST((supervisor->restart("disk").code() == Code::not_found));
    BOOST_TEST(supervisor->restart("pool").ok());
    BOOST_TEST(journal->lines() ==
               (Lines{"stop daemon", "stop pool", "start pool", "start daemon"}));
    BOOST_TEST((supervisor->state() == ComponentState::running));
}

BOOST_AUTO_TEST_CASE(a_failed_component_is_restarted_with_growing_delays_and_then_given_up) {
    make();
    BOOST_TEST(supervisor->start().ok());
    pool->degrade(Status(Code::unavailable, "slow"));
    BOOST_TEST(supervisor->check() == kNoDeadline);
    BOOST_TEST((supervisor->state() == ComponentState::degraded));
    pool->fail(Status(Code::io, "broken"));
    pool->failing_starts = 100;
    BOOST_TEST(supervisor->check() == in_ms(10));
    BOOST_TEST(pool->starts == 1);
    clock.advance_ms(9);
    BOOST_TEST(supervisor->check() == in_ms(1));
    clock.advance_ms(1);
    BOOST_TEST(supervisor->check() == in_ms(20)); // the attempt failed: twice the delay
    BOOST_TEST(pool->starts == 2);
    BOOST_TEST((supervisor->state() == ComponentState::degraded));
    clock.advance_ms(20);
    BOOST_TEST(supervisor->check() == in_ms(30)); // capped
    clock.advance_ms(30);
    BOOST_TEST(supervisor->check() == kNoDeadline);
    BOOST_TEST(pool->starts == 4); // three attempts
    BOOST_TEST((supervisor->state() == ComponentState::failed));
    clock.advance_ms(100'000);
    (void)supervisor->check();
    BOOST_TEST(pool->starts == 4);
    // By hand it can be brought back.
    pool->failing_starts = 0;
    BOOST_TEST(supervisor->restart("pool").ok());
    BOOST_TEST((supervisor->state() == ComponentState::running));
}

BOOST_AUTO_TEST_CASE(attempts_are_forgiven_after_a_quiet_time) {
    make();
    BOOST_TEST(supervisor->start().ok());
    const auto break_and_mend = [&](std::int64_t delay_ms) {
        pool->fail(Status(Code::io, "broken"));
        BOOST_TEST(supervisor->check() == in_ms(delay_ms));
        clock.advance_ms(delay_ms);
        BOOST_TEST(supervisor->check() == kNoDeadline);
        BOOST_TEST((pool->state() == ComponentState::running));
    };
    break_and_mend(10);
    break_and_mend(20);
    clock.advance_ms(1000);
    BOOST_TEST(supervisor->check() == kNoDeadline);
    break_and_mend(10);
}

BOOST_AUTO_TEST_CASE(it_looks_by_itself) {
    options.check_every_ns = 50 * kMs;
    options.restart.first_delay_ns = 0;
    make();
    BOOST_TEST(supervisor->start().ok());
    journal->clear();
    pool->fail(Status(Code::io, "broken"));
    clock.advance_ms_when_somebody_sleeps(50);
    journal->wait_for("start pool");
    BOOST_TEST(supervisor->stop(kNoDeadline).status().ok());
}

BOOST_AUTO_TEST_SUITE_END()
