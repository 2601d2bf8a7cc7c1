// Writes whose answer proves nothing, and sides that refuse in the middle of a run.
#include "fakes/world.hpp"

#include <algorithm>

using namespace syncline;
using namespace syncline::fakes;

namespace {

constexpr Code kSayNothing[] = {Code::outcome_unknown, Code::timeout, Code::unknown,
                                Code::unavailable,     Code::io,      Code::internal};

// Two sides that agree on some items; the target knows no repetitions.
struct Agreed : World {
    Agreed() {
        b.info_answer.idempotent_put = false;
        a.add_object("k", "content", 1'000);
        a.add_container("dir/");
        a.add_object("gone", "unloved", 1'000);
        BOOST_REQUIRE(exit_code_of(run()) == 0);
    }
    // The next such call on the target takes effect, then its answer is lost.
    void lose_answer(FakeOp op, Code code) {
        b.clear_failures();
        b.fail({.op = op, .status = Status(code, "no answer"), .after_effect = true});
    }
    void fail(FakeOp op, Code code) {
        b.clear_failures();
        b.fail({.op = op, .status = Status(code, "no answer")});
    }
    // Nothing is left to do, and the base is what the sides hold.
    void check_settled(std::string_view what, Code code) {
        const SyncReport report = run();
        BOOST_TEST(exit_code_of(report) == 0, what << " " << name_of(code));
        b.clear_failures();
        BOOST_TEST(run().outcomes.planned == 0U, what << " " << name_of(code));
        BOOST_TEST((a.contents() == b.contents()), what << " " << name_of(code));
    }
};

const Status kUnavailable(Code::unavailable, "the line went dead");

std::string big(char fill) { return std::string(300'000, fill); } // flows through a pipe

bool says(const SyncReport& report, std::string_view text) {
    return std::ranges::any_of(report.items, [&](const ReportedItem& item) {
        return item.message.find(text) != std::string::npos;
    });
}

} // namespace

BOOST_AUTO_TEST_SUITE(settle)

BOOST_AUTO_TEST_CASE(a_write_whose_answer_got_lost_is_looked_at_and_believed) {
    Agreed w;
    for (const Code code : kSayNothing) {
        const std::string name(name_of(code));
        w.a.add_object("new " + name, "new", 2'000);
        w.lose_answer(FakeOp::put, code);
        w.check_settled("create", code);
        w.a.add_object("k", "as after " + name, 3'000);
        w.lose_answer(FakeOp::put, code);
        w.check_settled("update", code);
        w.a.add_object("k", big(name[1]), 4'000);
        w.lose_answer(FakeOp::put, code);
        w.check_settled("update through a pipe", code);
        w.a.add_container(name + "/");
        w.lose_answer(FakeOp::put, code);
        w.check_settled("create container", code);
        w.a.erase(name + "/");
        w.lose_answer(FakeOp::remove, code);
        w.check_settled("remove container", code);
        w.a.erase("new " + name);
        w.lose_answer(FakeOp::remove, code);
        w.check_settled("remove", code);
    }
}

BOOST_AUTO_TEST_CASE(times_and_metadata_whose_answer_got_lost_are_looked_at_and_believed) {
    Agreed w;
    std::int64_t mtime_ns = 5'000;
    for (const Code code : kSayNothing) {
        w.a.add_object("k", "content", ++mtime_ns, name_of(code));
        w.lose_answer(FakeOp::set_meta, code);
        const std::uint64_t puts = w.b.calls(FakeOp::put);
        w.check_settled("set_meta", code);
        BOOST_TEST(w.b.calls(FakeOp::put) == puts);
        BOOST_TEST(w.b.item("k")->meta == name_of(code));
    }
    // Somebody wrote meanwhile, with the same times: not what was to be set.
    w.a.add_object("k", "content", 9'000, "meta");
    w.lose_answer(FakeOp::set_meta, Code::timeout);
    bool is_written = false;
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::stat && key == "k" && !is_written) {
            is_written = true;
            w.b.add_object("k", "CONTENT", 9'000, "meta");
        }
        return Status();
    };
    BOOST_TEST(exit_code_of(w.run()) == 4);
    w.b.before_call = nullptr;
    BOOST_TEST(is_written);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.a.content("k") == "CONTENT");
}

BOOST_AUTO_TEST_CASE(what_was_not_done_is_not_believed) {
    Agreed w;
    for (const Code code : kSayNothing) {
        const auto check = [&](FakeOp op, std::string_view told) {
            w.fail(op, code);
            const SyncReport report = w.run();
            BOOST_TEST(exit_code_of(report) == 4, name_of(code));
            BOOST_TEST(says(report, told));
            w.check_settled("after a failure", code);
        };
        w.a.add_object("k", "as after " + std::string(name_of(code)), 3'000);
        check(FakeOp::put, "a look afterwards did not show it there");
        w.a.add_object("k", *w.a.content("k"), 4'000, name_of(code));
        check(FakeOp::set_meta, "a look afterwards did not show it there");
        w.a.add_object("short-lived", "x");
        BOOST_TEST(exit_code_of(w.run()) == 0);
        w.a.erase("short-lived");
        check(FakeOp::remove, "it is still there");
    }
}

BOOST_AUTO_TEST_CASE(what_could_not_be_looked_at_is_not_said_to_be_missing) {
    for (const auto& [look, code, told] :
         {std::tuple(Code::io, 4, "a look afterwards failed, too"),
          std::tuple(Code::circuit_open, 5, "could not be looked at")}) {
        Agreed w;
        w.a.add_object("new", "content", 3'000);
        w.lose_answer(FakeOp::put, Code::outcome_unknown);
        w.b.fail({.op = FakeOp::stat, .nth = 0, .status = Status(look, "not now")});
        const SyncReport report = w.run();
        BOOST_TEST(exit_code_of(report) == code);
        BOOST_TEST(says(report, told));
        BOOST_TEST(!says(report, "did not show it there"));
        w.b.clear_failures();
        w.check_settled("after the look", look);
    }
}

BOOST_AUTO_TEST_CASE(what_a_flush_answers_is_no_mistake_in_the_command) {
    for (const Code code : {Code::invalid_argument, Code::not_found, Code::internal}) {
        Agreed w;
        w.a.add_object("new", "content", 3'000);
        w.b.fail({.op = FakeOp::flush, .nth = 0, .status = Status(code, "no")});
        BOOST_TEST(exit_code_of(w.run()) == 5, name_of(code));
        w.b.clear_failures();
        w.check_settled("after the flush", code);
    }
}

BOOST_AUTO_TEST_CASE(a_repeated_write_is_not_a_conflict_with_its_own_first_attempt) {
    Agreed w;
    w.guard = {};
    w.a.add_object("k", "updated", 2'000);
    w.lose_answer(FakeOp::put, Code::unavailable);
    w.check_settled("update", Code::unavailable);
    w.a.add_object("k", "updated", 3'000, "meta");
    w.lose_answer(FakeOp::set_meta, Code::unavailable);
    w.check_settled("set_meta", Code::unavailable);
    w.a.erase("gone");
    w.lose_answer(FakeOp::remove, Code::unavailable);
    w.check_settled("remove", Code::unavailable);
}

BOOST_AUTO_TEST_CASE(a_store_that_knows_repetitions_is_asked_again_with_the_same_key) {
    World w;
    w.guard = {};
    for (const bool knows : {true, false}) {
        w.b.info_answer.idempotent_put = knows;
        for (const Code code : {Code::outcome_unknown, Code::timeout, Code::unknown}) {
            w.a.add_object("k", std::string(name_of(code)) + (knows ? "1" : "0"));
            w.b.fail(
                {.op = FakeOp::put, .status = Status(code, "no answer"), .after_effect = true});
            const std::uint64_t puts = w.b.calls(FakeOp::put);
            const std::uint64_t gets = w.b.calls(FakeOp::get);
            BOOST_TEST(exit_code_of(w.run()) == 0);
            BOOST_TEST(w.b.calls(FakeOp::put) - puts == (knows ? 2U : 1U)); // never blindly
            BOOST_TEST((w.b.calls(FakeOp::get) > gets) == !knows);
            w.b.clear_failures();
            BOOST_TEST(w.run().outcomes.planned == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(
    an_error_of_the_side_that_is_read_does_not_count_against_the_one_that_is_written) {
    World w;
    w.guard = {};
    for (int i = 100; i < 130; ++i) {
        w.a.add_object("k" + std::to_string(i), big('x'));
    }
    w.a.fail({.op = FakeOp::get, .nth = 0, .status = kUnavailable});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 5);
    BOOST_REQUIRE(report.guards.size() == 2U);
    BOOST_TEST((report.guards[0].stats.breaker.state == BreakerState::open));
    BOOST_TEST((report.guards[1].stats.breaker.state == BreakerState::closed));
    BOOST_TEST(report.guards[1].stats.breaker.failures == 0U);
    BOOST_TEST(report.guards[1].stats.retries == 0U);
    BOOST_TEST(report.stopped.message().find("fake://a") != std::string::npos);
    BOOST_TEST(says(report, "source was given up"));
    BOOST_TEST(!says(report, "target was given up"));
    w.a.clear_failures();
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 30U);
}

BOOST_AUTO_TEST_CASE(the_side_that_refused_is_given_up_and_not_the_one_that_was_to_be_written) {
    World w;
    for (int i = 100; i < 120; ++i) {
        w.a.add_object("k" + std::to_string(i), "content");
    }
    w.a.fail({.op = FakeOp::get, .nth = 0, .status = Status(Code::unauthenticated, "expired")});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 7);
    BOOST_TEST(says(report, "source was given up"));
    BOOST_TEST(!says(report, "target was given up"));
    BOOST_TEST(report.outcomes.pending == 20U);
}

BOOST_AUTO_TEST_CASE(a_side_that_is_full_can_still_be_read) {
    World w;
    for (int i = 100; i < 120; ++i) {
        w.a.add_object("a" + std::to_string(i), "content");
        w.b.add_object("z" + std::to_string(i), "content");
    }
    w.b.fail({.op = FakeOp::put, .nth = 0, .status = Status(Code::quota_exceeded, "full")});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 7);
    BOOST_TEST(report.outcomes.ok == 20U);
    BOOST_TEST(report.outcomes.pending == 20U);
    BOOST_TEST(w.a.size() == 40U);
    BOOST_TEST(w.b.calls(FakeOp::put) < 5U); // two workers
}

BOOST_AUTO_TEST_CASE(what_needs_a_person_is_told_rather_than_what_passes_by_itself) {
    World w;
    w.a.add_object("k", "content");
    w.a.add_object("m", "the same", 1'000);
    w.b.add_object("m", "the same", 2'000);
    w.b.fail({.op = FakeOp::put, .nth = 0, .status = Status(Code::rate_limited, "slowly")});
    w.a.fail({.op = FakeOp::set_meta, .status = Status(Code::unauthenticated, "expired")});
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.pending == 2U); // to set times nobody needs the other side
    BOOST_TEST((report.stopped.code() == Code::unauthenticated));
    BOOST_TEST(exit_code_of(report) == 7);
}

BOOST_AUTO_TEST_SUITE_END()
