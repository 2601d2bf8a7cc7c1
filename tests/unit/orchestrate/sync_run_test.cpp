// Whole runs between stores in memory: guards, exit codes, failures, interruptions.
#include "fakes/world.hpp"

#include <algorithm>

using namespace syncline;
using namespace syncline::fakes;

namespace {

void fill(FakeConnector& store, int count) {
    for (int i = 0; i < count; ++i) {
        store.add_object("k" + std::to_string(i), "content " + std::to_string(i), 1'000);
    }
}

} // namespace

BOOST_AUTO_TEST_SUITE(sync_run)

BOOST_AUTO_TEST_CASE(deletions_of_half_pass_and_more_do_not) {
    World w;
    fill(w.a, 10);
    w.run();
    for (int i = 0; i < 5; ++i) {
        w.a.erase("k" + std::to_string(i));
    }
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 5U);
    for (int i = 5; i < 9; ++i) { // four of five: too large a share, but fewer than five items
        w.a.erase("k" + std::to_string(i));
    }
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 1U);
}

BOOST_AUTO_TEST_CASE(too_many_deletions_stop_before_anything_changes) {
    World w;
    fill(w.a, 10);
    w.run();
    for (int i = 0; i < 6; ++i) {
        w.a.erase("k" + std::to_string(i));
    }
    w.a.add_object("new", "n", 1);
    const SyncReport stopped = w.run();
    BOOST_TEST(exit_code_of(stopped) == 8);
    BOOST_TEST(stopped.guard.message().find("6 items of 10") != std::string::npos,
               stopped.guard.message());
    BOOST_TEST(w.b.size() == 10U);
    w.rules.force.deletions = true;
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 5U);
}

BOOST_AUTO_TEST_CASE(an_emptied_side_stops_the_run) {
    World w;
    fill(w.a, 3);
    w.run();
    w.a.clear();
    BOOST_TEST(exit_code_of(w.run()) == 8);
    BOOST_TEST(w.b.size() == 3U);
    w.rules.force.emptied = true;
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 0U);
}

BOOST_AUTO_TEST_CASE(another_place_under_the_same_name_stops_the_run) {
    World w;
    fill(w.a, 3);
    w.run();
    w.a.info_answer.scope_id = "another disk";
    const Result<SyncReport> stopped = w.try_run();
    BOOST_REQUIRE(!stopped.ok());
    BOOST_TEST(exit_code_of(stopped.status()) == 8);
    w.rules.force.identity = true;
    BOOST_TEST(exit_code_of(w.run()) == 0);
    w.rules.force.identity = false;
    BOOST_TEST(exit_code_of(w.run()) == 0); // now this is the place
}

BOOST_AUTO_TEST_CASE(the_same_place_or_one_inside_the_other_is_refused) {
    World w;
    w.a.info_answer.scope_id = w.b.info_answer.scope_id = "disk";
    w.a.info_answer.scope_path = "/x";
    w.b.info_answer.scope_path = "/x";
    BOOST_TEST(exit_code_of(w.try_run().status()) == 8);
    w.b.info_answer.scope_path = "/x/y";
    BOOST_TEST(exit_code_of(w.try_run().status()) == 8);
    w.b.info_answer.scope_path = "/xy";
    BOOST_TEST(w.try_run().ok());
}

BOOST_AUTO_TEST_CASE(a_listing_that_breaks_off_changes_nothing) {
    World w;
    fill(w.a, 100);
    w.run();
    w.a.fail_listing_after = 10;
    const Result<SyncReport> failed = w.try_run();
    BOOST_REQUIRE(!failed.ok());
    BOOST_TEST(exit_code_of(failed.status()) == 5);
    BOOST_TEST(w.b.size() == 100U);
}

BOOST_AUTO_TEST_CASE(a_root_that_vanished_needs_a_person) {
    World w;
    fill(w.a, 2);
    w.run();
    w.a.fail({.op = FakeOp::list, .key = {}, .nth = 0, .status = Status(Code::not_found, "gone")});
    const Result<SyncReport> failed = w.try_run();
    BOOST_REQUIRE(!failed.ok());
    BOOST_TEST(exit_code_of(failed.status()) == 7);
    BOOST_TEST(w.b.size() == 2U);
}

BOOST_AUTO_TEST_CASE(one_failing_item_changes_no_other_outcome) {
    World w;
    fill(w.a, 50);
    w.b.fail({.op = FakeOp::put,
              .key = Bytes("k7"),
              .nth = 1,
              .status = Status(Code::permission_denied, "no")});
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.ok == 49U);
    BOOST_TEST(report.outcomes.failed == 1U);
    BOOST_TEST(exit_code_of(report) == 4);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 50U);
}

BOOST_AUTO_TEST_CASE(a_full_quota_gives_the_side_up) {
    World w;
    fill(w.a, 500);
    w.b.fail({.op = FakeOp::put,
              .key = {},
              .nth = 0,
              .status = Status(Code::quota_exceeded, "disk full")});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 7);
    BOOST_TEST(report.outcomes.pending == 500U);
}

BOOST_AUTO_TEST_CASE(an_item_that_moved_after_planning_is_left_for_the_next_run) {
    World w;
    w.a.add_object("x", "one", 1);
    w.run();
    w.a.add_object("x", "two", 2);
    bool moved = false;
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::put && key == "x" && !moved) {
            moved = true;
            w.b.add_object("x", "edited meanwhile", 3);
        }
        return Status();
    };
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.pending == 1U);
    BOOST_TEST(exit_code_of(report) == 5);
    BOOST_TEST(*w.b.content("x") == "edited meanwhile");
    BOOST_TEST(exit_code_of(w.run()) == 6); // both changed now
}

BOOST_AUTO_TEST_CASE(a_deletion_is_not_carried_out_when_the_item_came_back) {
    World w;
    fill(w.a, 10);
    w.run();
    w.a.erase("k1");
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::remove && key == "k1") {
            BOOST_ERROR("removed although it came back");
        }
        return Status();
    };
    w.a.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::stat && key == "k1") {
            w.a.add_object("k1", "back", 9);
        }
        return Status();
    };
    BOOST_TEST(w.run().outcomes.pending == 1U);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_flushed_is_not_recorded) {
    World w;
    fill(w.a, 3);
    w.b.fail({.op = FakeOp::flush, .key = {}, .nth = 1, .status = Status(Code::io, "lost")});
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 5);
    w.a.erase("k0");
    w.a.erase("k1"); // with a base these would be deletions; without one they come back
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.a.size() == 3U);
}

// The container was there again and the base still knew the item, so the next run took it for one
// that had been deleted, and deleted it on the other side.
BOOST_AUTO_TEST_CASE(an_item_that_fails_to_come_back_with_its_container_is_not_deleted_next_time) {
    World w;
    w.a.add_container("d/");
    w.a.add_object("d/x", "unchanged", 1'000);
    w.a.add_object("d/y", "first", 1'000);
    fill(w.a, 10);
    w.run();
    for (const char* key : {"d/x", "d/y", "d/"}) {
        w.b.erase(key);
    }
    w.a.add_object("d/y", "second", 2'000);
    w.b.fail({.op = FakeOp::put,
              .key = "d/x",
              .nth = 1,
              .status = Status(Code::permission_denied, "no")});
    BOOST_TEST(w.run().outcomes.failed == 1U);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.a.item("d/x").has_value());
    BOOST_TEST(w.b.item("d/x").has_value());
}

// A conflict copy was as volatile as the overwrite of what it was a copy of.
BOOST_AUTO_TEST_CASE(a_conflict_copy_is_durable_before_its_original_is_overwritten) {
    World w;
    w.chain = {"keep-both"};
    w.a.add_object("k", "one", 1'000);
    w.b.add_object("k", "two", 2'000);
    std::mutex mutex;
    std::vector<std::string> calls;
    const auto watch = [&](FakeConnector& side, const std::string& name) {
        side.before_call = [&, name](FakeOp op, BytesView key) {
            const std::lock_guard lock(mutex);
            if (op == FakeOp::put || op == FakeOp::flush) {
                calls.push_back(op == FakeOp::flush ? name + " flush"
                                                    : name + " put " + std::string(key));
            }
            return Status();
        };
    };
    watch(w.a, "a");
    watch(w.b, "b");
    BOOST_TEST(exit_code_of(w.run()) == 0);
    const auto overwrite = std::find_if(calls.begin(), calls.end(), [](const std::string& call) {
        return call == "a put k" || call == "b put k";
    });
    BOOST_REQUIRE(overwrite != calls.end());
    const std::string side = overwrite->substr(0, 1);
    BOOST_TEST(std::count(calls.begin(), overwrite, side + " put k.conflict-1") == 1);
    BOOST_TEST(std::count(calls.begin(), overwrite, side + " flush") >= 1);
}

// The side that was only read was not flushed: what a person had saved there just before the run
// was in the base and on the other side, then lost with the power, and the next run took that for a
// deletion and removed the last copy. Likewise an item that both sides already held.
BOOST_AUTO_TEST_CASE(what_a_person_saved_just_before_a_power_cut_is_not_deleted_at_the_other_side) {
    for (const bool on_both_sides : {false, true}) {
        World w;
        w.rules.force = {true, true, true};
        fill(w.a, 3);
        if (on_both_sides) {
            fill(w.b, 3);
        }
        for (FakeConnector* side : {&w.a, &w.b}) {
            side->durable_only_after_flush = true; // from now on, so nothing of it is durable yet
        }
        BOOST_TEST(exit_code_of(w.run()) == 0);
        w.a.lose_unflushed();
        BOOST_TEST(exit_code_of(w.run()) == 0);
        BOOST_TEST(w.a.size() == 3U);
        BOOST_TEST(w.b.size() == 3U);
    }
}

BOOST_AUTO_TEST_CASE(an_interrupted_run_records_what_it_did) {
    World w;
    fill(w.a, 2'000);
    std::stop_source drain;
    w.control.drain = drain.get_token();
    int puts = 0;
    w.b.before_call = [&](FakeOp op, BytesView) {
        static std::mutex mutex;
        const std::lock_guard lock(mutex);
        if (op == FakeOp::put && ++puts == 300) {
            drain.request_stop();
        }
        return Status();
    };
    const SyncReport report = w.run();
    BOOST_TEST(report.interrupted);
    BOOST_TEST(report.outcomes.ok >= 300U);
    BOOST_TEST(report.outcomes.pending > 0U);
    w.b.before_call = nullptr;
    w.control.drain = {};
    const SyncReport rest = w.run();
    BOOST_TEST(rest.outcomes.planned == report.outcomes.pending);
    BOOST_TEST((w.a.contents() == w.b.contents()));
}

BOOST_AUTO_TEST_CASE(a_plan_changes_nothing) {
    World w;
    fill(w.a, 5);
    w.control.dry_run = true;
    std::vector<std::string> shown;
    w.control.show = [&](const PlannedOp& op) { shown.push_back(op.key); };
    const SyncReport report = w.run();
    BOOST_TEST(shown.size() == 5U);
    BOOST_TEST(report.run_id == 0);
    BOOST_TEST(w.b.size() == 0U);
    BOOST_TEST(exit_code_of(report) == 0);
}

BOOST_AUTO_TEST_CASE(large_contents_stream_through_a_bounded_pipe) {
    World w;
    std::string large(5'000'000, 'x');
    for (std::size_t i = 0; i < large.size(); i += 997) {
        large[i] = static_cast<char>('a' + i % 23);
    }
    w.a.add_object("large", large, 1);
    BOOST_TEST(w.run().outcomes.ok == 1U);
    BOOST_TEST((*w.b.content("large") == large));
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(one_way_never_writes_the_source) {
    World w;
    w.rules.mode = Mode::one_way;
    fill(w.a, 5);
    w.run();
    const auto before = w.a.contents();
    w.b.add_object("k1", "edited", 5);
    w.b.add_object("extra", "e", 5);
    w.b.erase("k2");
    BOOST_TEST(exit_code_of(w.run()) == 6);
    BOOST_TEST(*w.b.content("k2") == "content 2");
    w.chain = {"target-wins"};
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.run().outcomes.planned == 0U); // the decision is remembered
    w.chain = {"source-wins"};
    w.b.add_object("k1", "edited again", 6);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.b.content("k1") == "content 1");
    BOOST_TEST((w.a.contents() == before));
    BOOST_TEST(w.b.contents().count("extra") == 1U);
}

BOOST_AUTO_TEST_CASE(mirror_makes_the_target_equal_on_the_first_run_too) {
    World w;
    w.rules.mode = Mode::mirror;
    fill(w.a, 6);
    w.b.add_object("extra", "e", 5);
    w.b.add_container("d/");
    w.b.add_object("d/x", "e", 5);
    w.b.add_object("k1", "other", 5);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST((w.a.contents() == w.b.contents()));
}

BOOST_AUTO_TEST_CASE(a_difference_that_one_way_runs_tolerate_is_no_agreement_for_other_modes) {
    for (const Mode mode : {Mode::mirror, Mode::two_way}) {
        World w;
        w.rules.mode = Mode::one_way;
        w.a.add_object("f", "source", 1'000);
        w.run();
        w.b.add_object("f", "changed on target", 2'000);
        w.chain = {"target-wins"};
        BOOST_TEST(exit_code_of(w.run()) == 0);
        BOOST_TEST(*w.b.content("f") == "changed on target");
        w.chain.clear();
        w.rules.mode = mode;
        const SyncReport report = w.run();
        if (mode == Mode::mirror) {
            BOOST_TEST(exit_code_of(report) == 0);
            BOOST_TEST(*w.b.content("f") == "source");
        } else {
            BOOST_TEST(exit_code_of(report) == 6); // for a person or a strategy to decide
        }
    }
}

BOOST_AUTO_TEST_CASE(a_target_that_was_let_differ_and_only_touched_goes_with_its_source) {
    for (const bool is_changed : {false, true}) {
        World w;
        w.rules.mode = Mode::one_way;
        w.rules.force = {true, true, true};
        w.a.add_object("f", "source", 1'000);
        w.run();
        w.b.add_object("f", "changed on target", 2'000);
        w.chain = {"target-wins"};
        w.run();
        w.a.erase("f");
        w.b.add_object("f", is_changed ? "changed again" : "changed on target", 3'000);
        BOOST_TEST(exit_code_of(w.run()) == 0);
        BOOST_TEST(w.b.size() == (is_changed ? 1U : 0U)); // changed, it stays as an extra
    }
}

BOOST_AUTO_TEST_CASE(what_was_not_tried_is_pending_and_counted_as_left_out) {
    World w;
    for (int i = 0; i < 10; ++i) {
        w.a.add_object("k" + std::to_string(i), "content", 1'000);
    }
    w.control.dry_run = true;
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.pending == 10U);
    BOOST_TEST(report_json(report, 0).find("\"items_left_out\": 10") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_missing_marker_stops_before_anything_changes) {
    World w;
    fill(w.a, 3);
    w.rules.marker = "here";
    const SyncReport none = w.run();
    BOOST_TEST(exit_code_of(none) == 8);
    BOOST_TEST(none.guard.message().find("'here' is not on source") != std::string::npos);
    w.a.add_object("here", "", 1'000);
    BOOST_TEST(w.run().guard.message().find("'here' is not on target") != std::string::npos);
    BOOST_TEST(w.b.size() == 0U);
    w.b.add_object("here", "", 1'000);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    w.b.clear(); // not mounted, say
    w.rules.force = {true, true, true};
    BOOST_TEST(exit_code_of(w.run()) == 8); // nothing overrides it
    BOOST_TEST(w.a.size() == 4U);
}

BOOST_AUTO_TEST_CASE(a_container_may_be_the_marker) {
    World w;
    w.a.add_container("here/");
    w.b.add_container("here/");
    w.rules.marker = "here";
    BOOST_TEST(exit_code_of(w.run()) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
