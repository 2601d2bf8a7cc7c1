// Renames seen through whole runs between stores in memory.
#include "fakes/world.hpp"
#include "reconcile/renames.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

struct Renamed : Synced {
    explicit Renamed(const Contents& base) : Synced(base) {
        a.renames_containers = b.renames_containers = true;
    }
    static std::uint64_t done(const SyncReport& report, Action action) {
        return report.done[static_cast<std::size_t>(action)];
    }
    // One more run: so many renames, nothing else, both sides as expected, and then rest.
    void renames(std::uint64_t count, const Contents& expected) {
        const std::uint64_t puts = a.calls(FakeOp::put) + b.calls(FakeOp::put);
        const SyncReport report = run();
        BOOST_TEST(done(report, Action::rename) == count);
        BOOST_TEST(report.outcomes.planned == count);
        BOOST_TEST(report.bytes == 0U);
        BOOST_TEST(a.calls(FakeOp::put) + b.calls(FakeOp::put) == puts);
        both_are(expected);
        rests();
    }
    void rests() {
        const SyncReport report = run();
        BOOST_TEST(report.outcomes.planned == 0U);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(renames)

BOOST_AUTO_TEST_CASE(a_renamed_item_is_renamed_on_the_other_side_from_either_side) {
    for (const bool on_source : {true, false}) {
        Renamed w({{"a", "one"}, {"b", "two"}});
        (on_source ? w.a : w.b).move("a", "c");
        w.renames(1, {{"b", "two"}, {"c", "one"}});
    }
}

BOOST_AUTO_TEST_CASE(without_identities_equal_content_says_what_was_renamed) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.gives_ids = w.b.gives_ids = false;
    w.a.move("a", "c");
    w.renames(1, {{"b", "two"}, {"c", "one"}});
}

BOOST_AUTO_TEST_CASE(a_store_that_cannot_rename_gets_a_copy_and_loses_the_old_one) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.b.offers_rename = false;
    w.a.move("a", "c");
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 1U);
    w.both_are({{"b", "two"}, {"c", "one"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(renames_are_no_deletions_for_the_guard) {
    Contents base;
    Contents renamed;
    for (int i = 0; i < 20; ++i) {
        base["old" + std::to_string(i)] = std::to_string(i);
        renamed["new" + std::to_string(i)] = std::to_string(i);
    }
    Renamed w(base);
    for (int i = 0; i < 20; ++i) {
        w.a.move("old" + std::to_string(i), "new" + std::to_string(i));
    }
    w.renames(20, renamed);
}

BOOST_AUTO_TEST_CASE(a_directory_moves_as_one) {
    Renamed w({{"d/", ""}, {"d/s/", ""}, {"d/s/x", "1"}, {"d/y", "2"}, {"z", "3"}});
    w.a.move("d/", "e/");
    w.renames(1, {{"e/", ""}, {"e/s/", ""}, {"e/s/x", "1"}, {"e/y", "2"}, {"z", "3"}});
    BOOST_TEST(w.b.calls(FakeOp::rename) == 1U);
    w.a.add_object("e/s/x", "edited", 2'000); // what the base says of it moved along
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::update) == 1U);
    BOOST_TEST(*w.b.content("e/s/x") == "edited");
}

BOOST_AUTO_TEST_CASE(a_directory_moves_as_one_without_identities_too) {
    Renamed w({{"d/", ""}, {"d/s/", ""}, {"d/s/x", "1"}, {"d/y", "2"}, {"z", "3"}});
    w.a.gives_ids = w.b.gives_ids = false;
    w.a.move("d/", "e/");
    w.renames(1, {{"e/", ""}, {"e/s/", ""}, {"e/s/x", "1"}, {"e/y", "2"}, {"z", "3"}});
    BOOST_TEST(w.b.calls(FakeOp::rename) == 1U);
}

BOOST_AUTO_TEST_CASE(an_empty_directory_is_renamed) {
    Renamed w({{"d/", ""}, {"z", "3"}});
    w.a.move("d/", "e/");
    w.renames(1, {{"e/", ""}, {"z", "3"}});
}

BOOST_AUTO_TEST_CASE(a_directory_that_cannot_move_as_one_moves_item_by_item) {
    Renamed w({{"d/", ""}, {"d/s/", ""}, {"d/s/x", "1"}, {"d/y", "2"}, {"z", "3"}});
    w.b.renames_containers = false;
    w.a.move("d/", "e/");
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 1U);
    BOOST_TEST(report.bytes == 0U);
    w.both_are({{"e/", ""}, {"e/s/", ""}, {"e/s/x", "1"}, {"e/y", "2"}, {"z", "3"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(a_directory_whose_items_do_not_agree_moves_item_by_item) {
    Renamed w({{"d/", ""}, {"d/x", "1"}, {"d/y", "2"}, {"d/z", "3"}});
    w.a.move("d/", "e/");
    w.a.add_object("e/x", "edited", 2'000);
    w.a.erase("e/z");
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 2U); // y, and x with its change
    BOOST_TEST(Renamed::done(report, Action::remove) == 2U); // z, and the old directory
    w.both_are({{"e/", ""}, {"e/x", "edited"}, {"e/y", "2"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(new_items_and_directories_below_a_moved_directory_are_created_after_it) {
    Renamed w({{"d/", ""}, {"d/x", "1"}, {"f/", ""}, {"f/y", "2"}, {"z", "3"}});
    w.a.move("d/", "e/");
    w.a.add_container("e/new/");
    w.a.add_object("e/new/n", "4", 2'000);
    w.a.move("f/", "e/new/f/");
    w.a.move("z", "e/z");
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 3U);
    w.both_are({{"e/", ""},
                {"e/new/", ""},
                {"e/new/f/", ""},
                {"e/new/f/y", "2"},
                {"e/new/n", "4"},
                {"e/x", "1"},
                {"e/z", "3"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(a_directory_that_holds_excluded_items_stays_for_them) {
    Renamed w({{"d/", ""}, {"d/x", "1"}, {"d/y", "2"}});
    w.rules.filter = *KeyFilter::make({{false, "*.tmp"}});
    w.b.add_object("d/own.tmp", "mine", 2'000);
    w.a.move("d/", "e/");
    w.run();
    BOOST_TEST(dump(w.b.contents()) ==
               dump({{"d/", ""}, {"d/own.tmp", "mine"}, {"e/", ""}, {"e/x", "1"}, {"e/y", "2"}}));
}

BOOST_AUTO_TEST_CASE(a_swap_goes_by_way_of_a_temporary_name) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "t");
    w.a.move("b", "a");
    w.a.move("t", "b");
    w.renames(2, {{"a", "two"}, {"b", "one"}});
}

BOOST_AUTO_TEST_CASE(a_cycle_of_three_and_a_chain_into_a_new_name) {
    Renamed w({{"a", "one"}, {"b", "two"}, {"c", "three"}, {"l1", "1"}, {"l2", "2"}, {"l3", "3"}});
    w.a.move("a", "t");
    w.a.move("c", "a");
    w.a.move("b", "c");
    w.a.move("t", "b");
    for (int i = 3; i > 0; --i) {
        w.a.move("l" + std::to_string(i), "l" + std::to_string(i + 1));
    }
    w.renames(6,
              {{"a", "three"}, {"b", "one"}, {"c", "two"}, {"l2", "1"}, {"l3", "2"}, {"l4", "3"}});
}

BOOST_AUTO_TEST_CASE(rotated_names_move_and_only_the_new_content_is_copied) {
    Renamed w({{"log", "today"}, {"log.1", "yesterday"}});
    w.a.move("log.1", "log.2");
    w.a.move("log", "log.1");
    w.a.add_object("log", "tomorrow", 2'000);
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 2U);
    BOOST_TEST(report.bytes == 8U);
    w.both_are({{"log", "tomorrow"}, {"log.1", "today"}, {"log.2", "yesterday"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(where_deletions_win_updates_are_copied_rather_than_taken_apart) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.rules.delete_vs_change = DeleteVsChange::delete_wins;
    w.a.move("a", "t");
    w.a.move("b", "a");
    w.a.move("t", "b");
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::update) == 2U);
    w.both_are({{"a", "two"}, {"b", "one"}});
}

BOOST_AUTO_TEST_CASE(a_cycle_that_fails_half_way_leaves_nothing_under_a_temporary_name) {
    for (std::uint64_t nth = 1; nth <= 3; ++nth) {
        Renamed w({{"a", "one"}, {"b", "two"}});
        w.a.move("a", "t");
        w.a.move("b", "a");
        w.a.move("t", "b");
        w.b.fail({.op = FakeOp::rename, .nth = nth, .status = Status(Code::io, "no")});
        w.run();
        w.run();
        w.both_are({{"a", "two"}, {"b", "one"}});
        w.rests();
    }
}

BOOST_AUTO_TEST_CASE(renamed_and_changed_is_copied_under_the_new_name) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "c");
    w.a.add_object("c", "one and more", 2'000);
    const SyncReport report = w.run();
    BOOST_TEST(Renamed::done(report, Action::rename) == 1U);
    BOOST_TEST(report.outcomes.planned == 1U);
    BOOST_TEST(report.bytes == 12U);
    w.both_are({{"b", "two"}, {"c", "one and more"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(times_and_permissions_that_changed_with_the_name_follow) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "c");
    w.a.add_object("c", "one", 9'000, "m");
    w.renames(1, {{"b", "two"}, {"c", "one"}});
    BOOST_TEST(w.b.item("c")->mtime_ns == 9'000);
    BOOST_TEST(w.b.item("c")->meta == "m");
}

BOOST_AUTO_TEST_CASE(the_same_new_name_on_both_sides_heals) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "c");
    w.b.move("a", "c");
    w.rests();
    w.both_are({{"b", "two"}, {"c", "one"}});
}

BOOST_AUTO_TEST_CASE(different_new_names_are_a_conflict_until_somebody_decides) {
    const auto renamed_twice = [](Renamed& w) {
        w.a.move("a", "left");
        w.b.move("a", "right");
    };
    {
        Renamed w({{"a", "one"}, {"b", "two"}});
        renamed_twice(w);
        for (int run = 0; run < 2; ++run) {
            const SyncReport report = w.run();
            BOOST_TEST(exit_code_of(report) == 6);
            BOOST_REQUIRE(report.items.size() == 1U);
            BOOST_TEST(report.items[0].key == "a");
            BOOST_TEST((report.items[0].conflict == ConflictKind::rename_rename));
            BOOST_TEST(w.a.contents().count("right") == 0U);
            BOOST_TEST(w.b.contents().count("left") == 0U);
        }
        w.b.move("right", "left"); // a person agrees
        w.rests();
        w.both_are({{"b", "two"}, {"left", "one"}});
    }
    const std::map<std::string, Contents> decided{
        {"source-wins", {{"b", "two"}, {"left", "one"}}},
        {"target-wins", {{"b", "two"}, {"right", "one"}}},
        {"keep-both", {{"b", "two"}, {"left", "one"}, {"right", "one"}}}};
    for (const auto& [strategy, expected] : decided) {
        Renamed w({{"a", "one"}, {"b", "two"}});
        w.chain = {strategy};
        renamed_twice(w);
        BOOST_TEST(exit_code_of(w.run()) == 0);
        w.both_are(expected);
        w.rests();
    }
}

BOOST_AUTO_TEST_CASE(a_rename_here_and_a_change_or_deletion_there_keep_everything) {
    Renamed w({{"a", "one"}, {"b", "two"}, {"c", "three"}, {"d", "4"}});
    w.a.move("a", "new a");
    w.b.add_object("a", "changed", 2'000);
    w.a.move("b", "new b");
    w.b.erase("b");
    w.run();
    w.both_are({{"a", "changed"}, {"c", "three"}, {"d", "4"}, {"new a", "one"}, {"new b", "two"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(an_identity_that_was_reused_moves_no_content) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "c"); // the same identity, and size, with other content
    w.a.add_object("c", "uno", 1'000);
    w.run();
    w.both_are({{"b", "two"}, {"c", "uno"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(what_moved_after_planning_is_left_for_the_next_run) {
    for (const bool on_target : {true, false}) {
        Renamed w({{"a", "one"}, {"b", "two"}});
        w.a.move("a", "c");
        bool once = true;
        w.b.before_call = [&](FakeOp op, BytesView) {
            if (on_target && op == FakeOp::rename && std::exchange(once, false)) {
                w.b.add_object("a", "edited meanwhile", 3'000);
            }
            return Status();
        };
        w.a.before_call = [&](FakeOp op, BytesView key) {
            if (!on_target && op == FakeOp::stat && key == "c" && std::exchange(once, false)) {
                w.a.add_object("c", "edited meanwhile", 3'000);
            }
            return Status();
        };
        const SyncReport report = w.run();
        BOOST_TEST(report.outcomes.pending == 1U);
        w.b.before_call = w.a.before_call = nullptr;
        w.run();
        w.both_are(on_target ? Contents{{"a", "edited meanwhile"}, {"b", "two"}, {"c", "one"}}
                             : Contents{{"b", "two"}, {"c", "edited meanwhile"}});
        w.rests();
    }
}

BOOST_AUTO_TEST_CASE(a_rename_whose_answer_got_lost_is_settled_by_looking) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.a.move("a", "c");
    w.b.fail({.op = FakeOp::rename,
              .status = Status(Code::outcome_unknown, "the answer got lost"),
              .after_effect = true});
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.ok == 1U);
    w.both_are({{"b", "two"}, {"c", "one"}});
    w.rests();
}

BOOST_AUTO_TEST_CASE(one_way_and_mirror_rename_the_target_only) {
    for (const Mode mode : {Mode::one_way, Mode::mirror}) {
        Renamed w({{"a", "one"}, {"d/", ""}, {"d/x", "2"}, {"z", "3"}});
        w.rules.mode = mode;
        w.a.move("a", "c");
        w.a.move("d/", "e/");
        w.renames(2, {{"c", "one"}, {"e/", ""}, {"e/x", "2"}, {"z", "3"}});
    }
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.rules.mode = Mode::mirror;
    w.b.move("a", "c"); // and a mirror gives it its name back
    w.renames(1, {{"a", "one"}, {"b", "two"}});
}

BOOST_AUTO_TEST_CASE(a_first_copy_reads_nothing_twice) {
    World w;
    for (int i = 0; i < 50; ++i) {
        w.a.add_object("k" + std::to_string(i), "content", 1'000);
    }
    w.run();
    BOOST_TEST(w.a.calls(FakeOp::get) == 50U);
    BOOST_TEST(w.b.calls(FakeOp::get) == 0U);
}

BOOST_AUTO_TEST_CASE(what_was_left_aside_is_cleared_away) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    w.b.add_object(aside_key("a", w.run().sync_name), "one", 1'000);
    w.run();
    w.both_are({{"a", "one"}, {"b", "two"}});
}

BOOST_AUTO_TEST_CASE(what_another_sync_put_aside_is_neither_taken_away_nor_taken_along) {
    Renamed w({{"a", "one"}, {"b", "two"}});
    const Bytes theirs = aside_key("a", "theirs");
    w.b.add_object(theirs, "one", 1'000);
    w.run();
    BOOST_TEST(dump(w.a.contents()) == dump({{"a", "one"}, {"b", "two"}}));
    BOOST_TEST(dump(w.b.contents()) == dump({{theirs, "one"}, {"a", "one"}, {"b", "two"}}));
}

BOOST_AUTO_TEST_SUITE_END()
