#include "fakes/fake_component.hpp"
#include "fakes/manual_clock.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>

using namespace syncline;
using namespace syncline::fakes;

namespace {

struct World {
    ManualClock clock;
    std::shared_ptr<Journal> journal = std::make_shared<Journal>();
    FakeComponent part{"part", journal, clock};
};

} // namespace

BOOST_AUTO_TEST_SUITE(component_base)

BOOST_AUTO_TEST_CASE(the_table_of_legal_moves) {
    using S = ComponentState;
    const S all[] = {S::created,  S::starting, S::running, S::degraded,
                     S::stopping, S::stopped,  S::failed};
    int legal = 0;
    for (const S from : all) {
        BOOST_TEST(!is_legal(from, from));
        BOOST_TEST(!is_legal(from, S::created));
        for (const S to : all) {
            legal += is_legal(from, to) ? 1 : 0;
        }
    }
    BOOST_TEST(legal == 17);
    StateMachine machine;
    BOOST_TEST(machine.enter(S::starting).ok());
    const Status refused = machine.enter(S::degraded);
    BOOST_TEST((refused.code() == Code::invalid_state));
    BOOST_TEST(refused.message() == "cannot go from starting to degraded");
    BOOST_TEST((machine.state() == S::starting));
}

BOOST_AUTO_TEST_CASE(of_many_threads_one_makes_a_move) {
    StateMachine machine;
    std::atomic<int> winners = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back(
                [&] { winners += machine.enter(ComponentState::starting).ok() ? 1 : 0; });
        }
    }
    BOOST_TEST(winners == 1);
}

BOOST_FIXTURE_TEST_CASE(starting_twice_is_an_error, World) {
    BOOST_TEST(part.start().ok());
    const Status again = part.start();
    BOOST_TEST((again.code() == Code::invalid_state));
    BOOST_TEST(again.message() == "part: cannot go from running to starting");
    BOOST_TEST(part.starts == 1);
}

BOOST_FIXTURE_TEST_CASE(stopping_is_legal_in_every_state_and_idempotent, World) {
    BOOST_TEST(part.stop(kNoDeadline).ok()); // created: nothing to do
    BOOST_TEST(journal->lines().empty());
    BOOST_TEST(part.start().ok());
    BOOST_TEST(part.stop(kNoDeadline).ok());
    BOOST_TEST(part.stop(kNoDeadline).ok());
    BOOST_TEST(journal->lines() == (std::vector<std::string>{"start part", "stop part"}));
    BOOST_TEST(part.start().ok()); // again
    part.degrade(Status(Code::unavailable, "slow"));
    BOOST_TEST(part.stop(kNoDeadline).ok());
    BOOST_TEST(part.start().ok());
    part.fail(Status(Code::io, "broken"));
    BOOST_TEST(part.stop(kNoDeadline).ok());
    BOOST_TEST((part.state() == ComponentState::stopped));
}

BOOST_FIXTURE_TEST_CASE(health_comes_and_goes_with_its_reason, World) {
    part.degrade(Status(Code::unavailable, "too early")); // no effect before the start
    BOOST_TEST((part.state() == ComponentState::created));
    BOOST_TEST(part.start().ok());
    part.degrade(Status(Code::unavailable, "slow"));
    BOOST_TEST((part.state() == ComponentState::degraded));
    part.degrade(Status(Code::unavailable, "slower"));
    BOOST_TEST(part.problem().message() == "slower");
    part.recover();
    BOOST_TEST((part.state() == ComponentState::running));
    BOOST_TEST(part.problem().ok());
    part.fail(Status(Code::io, "broken"));
    BOOST_TEST((part.state() == ComponentState::failed));
    part.recover(); // a failed one needs a start
    BOOST_TEST((part.state() == ComponentState::failed));
    BOOST_TEST(part.start().ok());
    BOOST_TEST(part.problem().ok());
}

BOOST_FIXTURE_TEST_CASE(a_start_that_fails_can_be_stopped_and_tried_again, World) {
    part.failing_starts = 1;
    const Status status = part.start();
    BOOST_TEST(status.message() == "part did not start: fails on purpose");
    BOOST_TEST((part.state() == ComponentState::failed));
    BOOST_TEST(part.start().ok());
    BOOST_TEST((part.state() == ComponentState::running));
}

BOOST_FIXTURE_TEST_CASE(hooks_that_throw_have_failed, World) {
    part.throws = true;
    BOOST_TEST((part.start().code() == Code::internal));
    BOOST_TEST((part.state() == ComponentState::failed));
    BOOST_TEST((part.stop(kNoDeadline).code() == Code::internal));
    BOOST_TEST((part.state() == ComponentState::stopped));
}

BOOST_FIXTURE_TEST_CASE(a_stop_makes_a_start_give_up_and_stops_what_it_left, World) {
    part.waits_for_stop_token = true;
    Status started;
    std::jthread starter([&] { started = part.start(); });
    journal->wait_for("start part");
    BOOST_TEST(part.stop(kNoDeadline).ok());
    starter.join();
    BOOST_TEST((started.code() == Code::cancelled));
    BOOST_TEST((part.state() == ComponentState::stopped));
}

BOOST_FIXTURE_TEST_CASE(a_stop_waits_for_a_hanging_start_no_longer_than_its_deadline, World) {
    part.start_gate = std::make_shared<Gate>();
    std::jthread starter([&] { (void)part.start(); });
    journal->wait_for("start part");
    const Status late = part.stop(clock.mono_ns());
    BOOST_TEST((late.code() == Code::timeout));
    BOOST_TEST(late.message() == "part was still starting at the deadline");
    part.start_gate->open();
    starter.join();
    BOOST_TEST(part.stop(kNoDeadline).ok());
    BOOST_TEST((part.state() == ComponentState::stopped));
}

BOOST_FIXTURE_TEST_CASE(stops_from_many_threads_stop_once, World) {
    BOOST_TEST(part.start().ok());
    std::atomic<int> ok = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] { ok += part.stop(kNoDeadline).ok() ? 1 : 0; });
        }
    }
    BOOST_TEST(ok == 8);
    BOOST_TEST(journal->lines() == (std::vector<std::string>{"start part", "stop part"}));
}

BOOST_AUTO_TEST_SUITE_END()
