// What a run makes of answers that are wrong, late or only half an answer. Each case is named after
// what used to be seen.
#include "fakes/world.hpp"
#include "syncline/core/meta.hpp"

#include <atomic>

using namespace syncline;
using namespace syncline::fakes;

namespace {

FakeFailure once(FakeOp op, BytesView key, Code code, bool after_effect = false) {
    return {.op = op,
            .key = Bytes(key),
            .nth = 1,
            .status = Status(code, "so it says"),
            .after_effect = after_effect};
}

Bytes executable_meta() {
    MetaEntry entry{kMetaExecutable, "1"};
    Bytes out;
    encode_meta({&entry, 1}, out);
    return out;
}

} // namespace

BOOST_AUTO_TEST_SUITE(connector_answers)

// The copy that the failed run had made on one side was planned twice by the next run: as part of
// keeping both and as a new item. The second to come met it and was left pending.
BOOST_AUTO_TEST_CASE(work_stayed_pending_after_a_conflict_copy_had_failed_on_one_side) {
    for (const bool on_source : {true, false}) {
        World w;
        w.chain = {"keep-both"};
        w.a.add_object("k", "first", 1);
        w.run();
        w.a.add_object("k", "second a", 2);
        w.b.add_object("k", "second b", 3);
        (on_source ? w.a : w.b).fail(once(FakeOp::put, "k.conflict-1", Code::unavailable));
        BOOST_TEST(exit_code_of(w.run()) == 4);
        const SyncReport report = w.run();
        BOOST_TEST(exit_code_of(report) == 0);
        BOOST_TEST(report.outcomes.pending == 0U);
        BOOST_TEST((w.a.contents() == w.b.contents()));
        BOOST_TEST(w.a.size() == 2U);
        BOOST_TEST(w.run().outcomes.planned == 0U);
    }
}

// Only equal content and metadata will do.
BOOST_AUTO_TEST_CASE(something_else_that_appeared_is_not_taken_for_the_copy) {
    const Bytes executable = executable_meta();
    for (const auto& [content, meta] :
         {std::pair<Bytes, Bytes>{"other", {}}, std::pair<Bytes, Bytes>{"new", executable}}) {
        World w;
        w.a.add_object("k", "new", 1);
        w.b.before_call = [&, placed = false](FakeOp op, BytesView key) mutable {
            if (op == FakeOp::put && key == "k" && !placed) {
                placed = true;
                w.b.add_object("k", content, 1, meta);
            }
            return Status();
        };
        const SyncReport report = w.run();
        BOOST_TEST(report.outcomes.pending == 1U);
        BOOST_TEST(exit_code_of(report) == 5);
        BOOST_TEST(*w.b.content("k") == content);
    }
}

// "Exists already" was believed without a look; the next run saw a directory that had vanished and
// deleted the other one.
BOOST_AUTO_TEST_CASE(an_empty_directory_vanished_after_it_was_said_to_exist) {
    World w;
    w.a.add_container("d/");
    w.b.fail(once(FakeOp::put, "d/", Code::already_exists));
    BOOST_TEST(exit_code_of(w.run()) == 5);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.a.item("d/").has_value());
    BOOST_TEST(w.b.item("d/").has_value());
}

BOOST_AUTO_TEST_CASE(a_directory_that_somebody_else_made_is_agreed_on) {
    World w;
    w.a.add_container("d/");
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::put && key == "d/") {
            w.b.add_container("d/");
        }
        return Status();
    };
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

// "Not there" was believed without a look; the base forgot the item, and the next run took what was
// still there for new and brought it back.
BOOST_AUTO_TEST_CASE(a_deleted_item_came_back_after_it_was_said_to_be_gone) {
    World w;
    w.a.add_object("k", "x", 1);
    w.a.add_object("other", "y", 1);
    w.run();
    w.a.erase("k");
    w.b.fail(once(FakeOp::remove, "k", Code::not_found));
    BOOST_TEST(exit_code_of(w.run()) == 5);
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(!w.a.item("k").has_value());
    BOOST_TEST(!w.b.item("k").has_value());
}

BOOST_AUTO_TEST_CASE(an_item_that_somebody_else_deleted_is_gone) {
    World w;
    w.a.add_object("k", "x", 1);
    w.a.add_object("other", "y", 1);
    w.run();
    w.a.erase("k");
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::remove && key == "k") {
            w.b.erase("k");
        }
        return Status();
    };
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

// A connector that stores metadata with content only: the run said "done" and the base agreed on
// what one side never got.
BOOST_AUTO_TEST_CASE(metadata_alone_was_lost_where_it_cannot_be_set_alone) {
    const Bytes executable = executable_meta();
    for (const bool offered : {false, true}) {
        World w;
        w.a.add_object("k", "x", 1);
        w.run();
        w.a.add_object("k", "x", 1, executable);
        w.b.offers_set_meta = offered;
        if (offered) {
            w.b.fail(once(FakeOp::set_meta, "k", Code::not_supported));
        }
        BOOST_TEST(exit_code_of(w.run()) == 0);
        BOOST_TEST(w.b.item("k")->meta == executable);
        BOOST_TEST(w.run().outcomes.planned == 0U);
    }
}

// The container was there again, its old content not yet: the next run took that for deletions and
// carried them to the side that still had it all.
BOOST_AUTO_TEST_CASE(a_restored_directory_lost_files_when_the_run_was_cut_short) {
    World w;
    w.a.add_object("a", "x", 1); // so that the target is not empty, which a guard would notice
    w.a.add_container("d/");
    w.a.add_object("d/old", "x", 1);
    w.run();
    w.b.erase("d/old");
    w.b.erase("d/");
    w.a.add_object("d/new", "y", 2);
    std::atomic<int> made = 0;
    w.b.before_call = [&made](FakeOp op, BytesView) {
        made += op == FakeOp::put ? 1 : 0;
        return made > 1 && (op == FakeOp::put || op == FakeOp::flush)
                   ? Status(Code::cancelled, "cut off")
                   : Status();
    };
    (void)w.try_run();
    BOOST_TEST(w.b.item("d/").has_value());
    BOOST_TEST(!w.b.item("d/old").has_value());
    w.b.before_call = nullptr;
    w.run();
    for (const char* key : {"d/old", "d/new"}) {
        BOOST_TEST(w.a.item(key).has_value());
        BOOST_TEST(w.b.item(key).has_value());
    }
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_SUITE_END()
