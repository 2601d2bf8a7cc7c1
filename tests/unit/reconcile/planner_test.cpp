// Planning seen through whole runs between stores in memory: what streams, frames and ranges make
// of the matrix.
#include "fakes/world.hpp"

using namespace syncline;
using namespace syncline::fakes;

BOOST_AUTO_TEST_SUITE(planner)

BOOST_AUTO_TEST_CASE(a_deleted_container_with_a_changed_child_comes_back_whole) {
    Synced w({{"d/", ""},
              {"d/e/", ""},
              {"d/e/x", "1"},
              {"d/y", "2"},
              {"z", "3"},
              {"z1", ""},
              {"z2", ""},
              {"z3", ""}});
    for (const char* key : {"d/e/x", "d/y", "d/e/", "d/"}) {
        w.a.erase(key);
    }
    w.b.add_object("d/e/x", "changed", 2'000);
    w.run();
    w.both_are({{"d/", ""},
                {"d/e/", ""},
                {"d/e/x", "changed"},
                {"d/y", "2"},
                {"z", "3"},
                {"z1", ""},
                {"z2", ""},
                {"z3", ""}});
}

BOOST_AUTO_TEST_CASE(restore_changed_brings_back_only_what_changed) {
    Synced w(
        {{"d/", ""}, {"d/e/", ""}, {"d/e/x", "1"}, {"d/f/", ""}, {"d/f/q", "9"}, {"d/y", "2"}});
    w.rules.deleted_container = DeletedContainer::restore_changed;
    w.rules.force.deletions = w.rules.force.emptied = true;
    w.a.clear();
    w.b.add_object("d/e/x", "changed", 2'000);
    w.run();
    w.both_are({{"d/", ""}, {"d/e/", ""}, {"d/e/x", "changed"}});
}

BOOST_AUTO_TEST_CASE(a_deleted_container_can_be_a_conflict) {
    Synced w({{"d/", ""}, {"d/x", "1"}, {"d/y", "2"}, {"k", ""}});
    w.rules.deleted_container = DeletedContainer::conflict;
    for (const char* key : {"d/x", "d/y", "d/"}) {
        w.a.erase(key);
    }
    w.b.add_object("d/new", "n", 2'000);
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.conflicted == 1U);
    BOOST_TEST(exit_code_of(report) == 6);
    BOOST_TEST(dump(w.b.contents()) ==
               dump({{"d/", ""}, {"d/new", "n"}, {"d/x", "1"}, {"d/y", "2"}, {"k", ""}}));
    BOOST_TEST(dump(w.a.contents()) == dump({{"k", ""}}));
    w.chain = {"source-wins"}; // the deletion
    w.run();
    w.both_are({{"k", ""}});
}

BOOST_AUTO_TEST_CASE(a_file_becomes_a_directory_although_other_keys_sort_in_between) {
    Synced w({{"a", "1"}, {"a-b", "2"}, {"a.txt", "3"}, {"a0", "4"}});
    w.a.erase("a");
    w.a.add_container("a/");
    w.a.add_object("a/x", "inside", 2'000);
    w.run();
    w.both_are({{"a-b", "2"}, {"a.txt", "3"}, {"a/", ""}, {"a/x", "inside"}, {"a0", "4"}});
}

BOOST_AUTO_TEST_CASE(a_directory_becomes_a_file_where_nothing_below_changed) {
    Synced w({{"a-b", "2"},
              {"a/", ""},
              {"a/d/", ""},
              {"a/d/y", "5"},
              {"a/x", "1"},
              {"b", ""},
              {"c", ""},
              {"d", ""}});
    for (const char* key : {"a/d/y", "a/x", "a/d/", "a/"}) {
        w.a.erase(key);
    }
    w.a.add_object("a", "file now", 2'000);
    w.b.erase("a/x"); // deletions alone never outweigh a change
    w.run();
    w.both_are({{"a", "file now"}, {"a-b", "2"}, {"b", ""}, {"c", ""}, {"d", ""}});
}

BOOST_AUTO_TEST_CASE(a_directory_became_a_file_while_something_below_changed) {
    for (const char* winner : {"", "source-wins", "target-wins"}) {
        Synced w({{"a/", ""}, {"a/x", "1"}, {"a/y", "2"}, {"b", ""}, {"c", ""}, {"d", ""}});
        w.a.clear();
        w.a.add_object("b", "", 1'000);
        w.a.add_object("c", "", 1'000);
        w.a.add_object("d", "", 1'000);
        w.a.add_object("a", "file now", 2'000);
        w.b.add_object("a/x", "changed", 2'000);
        if (*winner != '\0') {
            w.chain = {winner};
        }
        const SyncReport report = w.run();
        if (std::string_view(winner).empty()) {
            BOOST_TEST(report.outcomes.conflicted == 1U);
            BOOST_TEST(w.a.contents().count("a") == 1U);
            BOOST_TEST(w.b.contents().count("a/y") == 1U);
        } else if (std::string_view(winner) == "source-wins") {
            w.both_are({{"a", "file now"}, {"b", ""}, {"c", ""}, {"d", ""}});
        } else {
            w.both_are(
                {{"a/", ""}, {"a/x", "changed"}, {"a/y", "2"}, {"b", ""}, {"c", ""}, {"d", ""}});
        }
    }
}

BOOST_AUTO_TEST_CASE(what_a_side_could_not_read_is_never_deleted_on_the_other) {
    Synced w({{"a", "0"}, {"d/", ""}, {"d/x", "1"}, {"e/", ""}, {"e/y", "2"}});
    w.a.erase("d/x");
    w.a.set_unreadable("d/");
    w.a.erase("e/y"); // a socket stands where the directory was
    w.a.erase("e/");
    w.a.add_unsupported("e");
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.skipped == 2U);
    BOOST_TEST(report.unreadable == 1U);
    BOOST_TEST(dump(w.b.contents()) ==
               dump({{"a", "0"}, {"d/", ""}, {"d/x", "1"}, {"e/", ""}, {"e/y", "2"}}));
}

BOOST_AUTO_TEST_CASE(a_deleted_directory_that_could_not_be_read_once_does_not_come_back) {
    for (const bool is_nested : {false, true}) {
        const std::string unread = is_nested ? "d/e/" : "d/";
        Synced w({{"a", "0"}, {"b", "0"}, {"c", "0"}, {"d/", ""}, {"d/e/", ""}, {"d/e/x", "1"}});
        for (const char* key : {"d/e/x", "d/e/", "d/"}) {
            w.b.erase(key);
        }
        w.a.set_unreadable(unread);
        w.run();
        BOOST_TEST(w.b.contents().count("d/") == 0U);
        BOOST_TEST(w.a.contents().count("d/e/x") == 1U);
        w.a.set_unreadable(unread, false);
        w.run();
        w.both_are({{"a", "0"}, {"b", "0"}, {"c", "0"}});
    }
}

BOOST_AUTO_TEST_CASE(a_file_that_looks_deleted_may_be_an_unreadable_directory) {
    Synced w({{"a", "0"}, {"k", ""}});
    w.a.erase("a");
    w.a.add_container("a/");
    w.a.set_unreadable("a/");
    w.run();
    BOOST_TEST(w.b.contents().count("a") == 1U);
}

BOOST_AUTO_TEST_CASE(newly_excluded_items_leave_silently_and_keep_their_directory) {
    Synced w({{"d/", ""}, {"d/x.tmp", "1"}, {"d/y", "2"}, {"k", ""}, {"l", ""}, {"m", ""}});
    w.rules.filter = *KeyFilter::make({{false, "*.tmp"}});
    for (const char* key : {"d/x.tmp", "d/y", "d/"}) {
        w.a.erase(key);
    }
    w.run();
    BOOST_TEST(dump(w.b.contents()) ==
               dump({{"d/", ""}, {"d/x.tmp", "1"}, {"k", ""}, {"l", ""}, {"m", ""}}));
    BOOST_TEST(dump(w.a.contents()) == dump({{"d/", ""}, {"k", ""}, {"l", ""}, {"m", ""}}));
}

BOOST_AUTO_TEST_CASE(a_touch_moves_no_content_and_is_no_conflict) {
    Synced w({{"a", "same"}, {"b", "same"}});
    w.a.add_object("a", "same", 5'000);
    w.b.add_object("a", "same", 7'000);
    w.b.add_object("b", "same", 9'000);
    const SyncReport report = w.run();
    BOOST_TEST(report.bytes == 0U);
    BOOST_TEST(report.outcomes.conflicted == 0U);
    BOOST_TEST(w.a.item("a")->mtime_ns == 7'000);
    BOOST_TEST(w.a.item("b")->mtime_ns == 9'000);
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(what_copies_do_not_keep_is_counted_once_per_kind) {
    for (const bool in_order : {true, false}) {
        World w;
        w.a.info_answer.lists_in_order = in_order;
        for (int i = 0; i < 5; ++i) {
            const std::string key = "f" + std::to_string(i);
            w.a.add_object(key, "x", 1);
            w.a.set_losses(key, static_cast<std::uint8_t>(Loss::hard_links));
        }
        w.a.set_losses("f4", static_cast<std::uint8_t>(Loss::hard_links) |
                                 static_cast<std::uint8_t>(Loss::owner));
        w.control.dry_run = true;
        BOOST_TEST(w.run().losses.entries().size() == 2U);
        w.control.dry_run = false;
        const std::vector<LossCount> losses = w.run().losses.entries();
        BOOST_REQUIRE(losses.size() == 2U);
        BOOST_TEST(losses[0].count == 5U);
        BOOST_TEST(losses[0].keys.size() == 3U);
        BOOST_TEST(display_loss(losses[1]) ==
                   "1 item of another user or group: copies belong to who runs syncline (f4)");
        BOOST_TEST(w.run().losses.entries().empty()); // nothing is copied any more
    }
}

BOOST_AUTO_TEST_CASE(a_mount_point_is_skipped_and_no_failure) {
    World w;
    w.a.add_object("a", "x", 1);
    w.a.add_container("mnt/");
    w.a.set_unreadable("mnt/");
    w.a.set_losses("mnt/", kMountPoint);
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST(report.unreadable == 0U);
    BOOST_REQUIRE(report.items.size() == 1U);
    BOOST_TEST(report.items[0].message == "another file system is mounted there; it takes no part");
    BOOST_TEST(w.b.contents().count("mnt/") == 0U);
}

BOOST_AUTO_TEST_CASE(an_unordered_listing_is_sorted) {
    World w;
    w.a.info_answer.lists_in_order = false;
    w.b.info_answer.lists_in_order = false;
    for (int i = 0; i < 3'000; ++i) {
        w.a.add_object("k" + std::to_string(i), "x", 1);
    }
    BOOST_TEST(w.run().outcomes.ok == 3'000U);
    BOOST_TEST(dump(w.a.contents()) == dump(w.b.contents()));
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(a_connector_that_allows_one_call_at_a_time_does_not_deadlock) {
    World w;
    for (FakeConnector* store : {&w.a, &w.b}) {
        store->info_answer.concurrent = false;
        store->info_answer.max_concurrency = 1;
        for (int i = 0; i < 2'500; ++i) {
            store->add_object("k" + std::to_string(i), "equal", 1);
        }
    }
    const SyncReport report = w.run(); // every content must be read to learn that both are equal
    BOOST_TEST(report.outcomes.planned == 0U);
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

// The next strategy of the chain was asked, and overwrote what the failed one might have merged.
BOOST_AUTO_TEST_CASE(a_strategy_that_fails_leaves_the_conflict_to_a_person) {
    World w;
    w.a.add_object("x", "one", 1);
    w.b.add_object("x", "two", 2);
    w.chain = {"decline", "failing", "target-wins"};
    BOOST_TEST(exit_code_of(w.run()) == 6);
    BOOST_TEST(*w.a.content("x") == "one");
    w.chain = {"decline", "target-wins"};
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.a.content("x") == "two");
}

BOOST_AUTO_TEST_CASE(keep_both_takes_the_lowest_free_number_and_repeats_no_copy) {
    World w;
    w.chain = {"keep-both"};
    w.a.add_object("x.txt", "one", 1);
    w.b.add_object("x.txt", "two", 1);
    w.a.add_object("x.conflict-1.txt", "taken", 1);
    w.run();
    BOOST_TEST(dump(w.a.contents()) == dump(w.b.contents()));
    BOOST_TEST(w.a.contents().count("x.txt.conflict-1") == 1U);
    BOOST_TEST(w.run().outcomes.planned == 0U);
    // The same loser again: its copy is there already.
    const Bytes loser = *w.a.content("x.txt.conflict-1");
    const Bytes winner = *w.a.content("x.txt");
    w.a.add_object("x.txt", winner + "!", 5);
    w.b.add_object("x.txt", loser, 5);
    w.run();
    BOOST_TEST(dump(w.a.contents()) == dump(w.b.contents()));
}

BOOST_AUTO_TEST_SUITE_END()
