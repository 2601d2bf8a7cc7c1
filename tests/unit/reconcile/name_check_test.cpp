// Names that a side folds or cannot hold, in whole runs between stores in memory.
#include "fakes/world.hpp"
#include "reconcile/name_check.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

std::vector<Bytes> collisions(const SyncReport& report) {
    std::vector<Bytes> keys;
    for (const ReportedItem& item : report.items) {
        if (item.conflict == ConflictKind::key_collision) {
            keys.push_back(item.key);
        }
    }
    return keys;
}

} // namespace

BOOST_AUTO_TEST_SUITE(name_check)

BOOST_AUTO_TEST_CASE(keys_fold_as_their_store_does) {
    KeyRules by_case;
    by_case.case_folded = true;
    KeyRules by_form;
    by_form.nfc_folded = true;
    BOOST_TEST(fold_key("Straße/ÄX", by_case) == "strasse/äx");
    BOOST_TEST(fold_key("Ä", by_form) == fold_key("A\u0308", by_form));
    BOOST_TEST(fold_key("Ä", by_case) != fold_key("A\u0308", by_case));
    BOOST_TEST(fold_key("a\xff"
                        "B",
                        by_case) == "a\xff"
                                    "B");
    BOOST_TEST(fold_key("X", KeyRules()) == "X");
}

BOOST_AUTO_TEST_CASE(names_that_one_side_takes_for_one_never_overwrite_each_other) {
    World w;
    w.b.info_answer.key_rules.case_folded = true;
    w.a.add_object("x", "small", 1'000);
    w.a.add_object("X", "large", 1'000);
    w.a.add_object("y", "y", 1'000);
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 6);
    BOOST_TEST(collisions(report) == (std::vector<Bytes>{"X", "x"}),
               boost::test_tools::per_element());
    BOOST_TEST((w.b.contents() == std::map<Bytes, Bytes>{{"y", "y"}}));
    w.a.erase("X"); // a person settles it
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.b.content("x") == "small");
}

BOOST_AUTO_TEST_CASE(a_name_that_differs_only_in_case_from_one_already_there_collides) {
    World w;
    w.a.info_answer.key_rules.case_folded = true;
    w.a.add_object("readme", "theirs", 1'000);
    w.b.add_object("README", "ours", 1'000);
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 6);
    BOOST_TEST(*w.a.content("readme") == "theirs");
    BOOST_TEST(!w.a.content("README").has_value());
}

BOOST_AUTO_TEST_CASE(a_rename_by_case_alone_deletes_nothing_on_a_side_that_folds) {
    World w;
    w.b.info_answer.key_rules.case_folded = true;
    w.a.add_object("name", "content", 1'000);
    w.run();
    w.a.erase("name");
    w.a.add_object("Name", "content", 1'000);
    BOOST_TEST(exit_code_of(w.run()) == 6);
    BOOST_TEST(*w.b.content("name") == "content");
    BOOST_TEST(*w.a.content("Name") == "content");
}

BOOST_AUTO_TEST_CASE(a_rename_by_case_on_the_side_that_folds_travels) {
    World w;
    w.a.info_answer.key_rules.case_folded = true;
    w.a.add_object("name", "content", 1'000);
    w.run();
    w.a.erase("name");
    w.a.add_object("Name", "content", 1'000);
    BOOST_TEST(exit_code_of(w.run()) == 0); // the other side tells both names apart
    BOOST_TEST((w.b.contents() == std::map<Bytes, Bytes>{{"Name", "content"}}));
}

BOOST_AUTO_TEST_CASE(one_conflict_stands_for_all_below_containers_that_collide) {
    World w;
    w.b.info_answer.key_rules.nfc_folded = true;
    w.a.add_container("\u00e9/");
    w.a.add_container("e\u0301/");
    for (int i = 0; i < 5; ++i) {
        w.a.add_object("\u00e9/" + std::to_string(i), "c", 1'000);
        w.a.add_object("e\u0301/" + std::to_string(i), "d", 1'000);
    }
    const SyncReport report = w.run();
    BOOST_TEST(report.outcomes.planned == 2U);
    BOOST_TEST(collisions(report).size() == 2U);
    BOOST_TEST(w.b.size() == 0U);
}

BOOST_AUTO_TEST_CASE(sides_that_tell_names_apart_keep_them_apart) {
    World w;
    w.a.add_object("x", "small", 1'000);
    w.a.add_object("X", "large", 1'000);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.b.size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_name_that_the_other_side_cannot_hold_is_skipped_and_never_deleted) {
    World w;
    w.b.info_answer.key_rules.no_trailing_space_dot = true;
    w.b.info_answer.key_rules.utf8_only = true;
    w.b.info_answer.max_key_bytes = 20;
    w.a.add_object("fine", "c", 1'000);
    w.a.add_object("dot.", "c", 1'000);
    w.a.add_object("raw\xff", "c", 1'000);
    w.a.add_object("much longer than that", "c", 1'000);
    for (int round = 0; round < 2; ++round) {
        const SyncReport report = w.run();
        BOOST_TEST(exit_code_of(report) == 0);
        BOOST_TEST(report.outcomes.skipped == 3U);
        BOOST_TEST(w.a.size() == 4U);
        BOOST_TEST(w.b.size() == 1U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
