#include "fakes/world.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/orchestrate/verify.hpp"

#include <atomic>
#include <map>

using namespace syncline;
using namespace syncline::fakes;

namespace {

// Two sides that agreed on a, b and d/c; runs archive what they overwrite or delete.
struct Agreed : World {
    Agreed() {
        archiving = Archiving::all;
        rules.force = {true, true, true};
        a.add_object("a", "old a", 1'000);
        a.add_object("b", "old b", 1'000);
        a.add_container("d/");
        a.add_object("d/c", "old c", 1'000);
        run();
    }
    std::unique_ptr<History> history() {
        Result<std::unique_ptr<History>> opened = open_history(registry, place(), clock);
        BOOST_REQUIRE_MESSAGE(opened.ok(), opened.status().message());
        return *std::move(opened);
    }
    std::vector<Difference> verify() {
        VerifySpec spec;
        spec.place = place();
        spec.rules = rules;
        spec.guard = guard;
        RunProgress progress;
        std::vector<Difference> found;
        const VerifyReport report =
            verify_sync({registry, *pool, progress, clock}, spec,
                        [&](const Difference& one) { found.push_back(one); }, {});
        BOOST_REQUIRE_MESSAGE(report.error.ok(), report.error.message());
        BOOST_TEST(report.differences + report.unread == found.size());
        return found;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(going_back)

BOOST_AUTO_TEST_CASE(an_old_content_is_kept_and_found_before_it_is_overwritten_or_deleted) {
    Agreed w;
    w.a.add_object("a", "new a", 2'000);
    w.a.erase("b");
    std::atomic<int> kept = 0;
    std::atomic<int> writes = 0;
    w.b.before_call = [&](FakeOp op, BytesView key) {
        if (op == FakeOp::put || op == FakeOp::remove) {
            ++writes;
            Result<std::unique_ptr<History>> now = open_history(w.registry, w.place(), w.clock);
            const Bytes old = "old " + Bytes(key);
            if (now.ok()) {
                const auto entry = (*now)->journal().find(2, key, Side::target);
                kept += entry.ok() && *entry && (*entry)->archived == sha256(old) &&
                                !(*entry)->is_done && (*now)->archive().get(sha256(old), {}).ok()
                            ? 1
                            : 0;
            }
        }
        return Status();
    };
    w.run();
    w.b.before_call = nullptr;
    BOOST_TEST(writes.load() == 2);
    BOOST_TEST(kept.load() == 2);
    const auto history = w.history();
    for (const char* key : {"a", "b"}) {
        const auto entry = history->journal().find(2, key, Side::target);
        BOOST_REQUIRE(entry.ok());
        BOOST_REQUIRE(entry->has_value());
        BOOST_TEST((*entry)->is_done);
    }
}

BOOST_AUTO_TEST_CASE(what_was_intended_and_then_refused_is_not_in_the_history) {
    Agreed w;
    w.a.add_object("a", "new a", 2'000);
    w.b.before_call = [&](FakeOp op, BytesView key) {
        return op == FakeOp::put && key == "a" ? Status(Code::conflict, "moved") : Status();
    };
    const SyncReport report = w.run();
    w.b.before_call = nullptr;
    BOOST_TEST(report.outcomes.pending == 1U);
    const auto entry = w.history()->journal().find(report.run_id, "a", Side::target);
    BOOST_REQUIRE(entry.ok());
    BOOST_TEST(!entry->has_value());
}

BOOST_AUTO_TEST_CASE(nothing_is_archived_without_being_asked_where_contents_must_be_fetched) {
    Agreed w;
    w.archiving = Archiving::local;
    w.a.add_object("a", "new a", 2'000);
    w.a.add_object("new", "new", 2'000);
    const SyncReport report = w.run();
    BOOST_TEST(report.not_archived_count == 0U, "that is what was asked for");
    const SyncReport undone = w.undo(report.run_id);
    BOOST_TEST(undone.outcomes.ok == 1U);
    BOOST_TEST(undone.outcomes.skipped == 1U);
    BOOST_TEST(exit_code_of(undone) == exit_code::kItemsFailed);
    BOOST_TEST(undone.items.at(0).message.find("not archived") != std::string::npos);
    BOOST_TEST((w.b.content("a") == "new a"));
    BOOST_TEST(!w.b.item("new").has_value());
}

BOOST_AUTO_TEST_CASE(an_undo_writes_only_the_sides_that_the_run_wrote) {
    Agreed w;
    w.a.add_object("a", "new a", 2'000);
    const SyncReport one = w.run();
    std::atomic<int> writes = 0;
    w.a.before_call = [&](FakeOp op, BytesView) {
        writes += op == FakeOp::put || op == FakeOp::remove || op == FakeOp::set_meta ? 1 : 0;
        return Status();
    };
    BOOST_TEST(w.undo(one.run_id).outcomes.ok == 1U);
    w.a.before_call = nullptr;
    BOOST_TEST(writes.load() == 0);
    BOOST_TEST((w.b.content("a") == "old a"));
    BOOST_TEST((w.a.content("a") == "new a"));
    w.run();
    BOOST_TEST((w.a.content("a") == "old a"), "the next run carries it over");
}

BOOST_AUTO_TEST_CASE(an_undo_of_both_sides_changes_neither_when_a_guard_stops_it) {
    World w;
    for (int i = 0; i < 7; ++i) {
        w.a.add_object("a" + std::to_string(i), "x", 1'000);
    }
    for (int i = 0; i < 5; ++i) {
        w.b.add_object("b" + std::to_string(i), "y", 1'000);
    }
    UndoSpec spec;
    spec.place = w.place();
    spec.run = w.run().run_id;
    spec.guard = w.guard;
    RunProgress progress;
    const SyncReport stopped = undo_run({w.registry, *w.pool, progress, w.clock}, spec, {});
    BOOST_TEST((stopped.guard.code() == Code::guard_tripped));
    BOOST_TEST(stopped.guard.message().find("7 items of 12 on target") != std::string::npos,
               stopped.guard.message());
    BOOST_TEST(stopped.run_id == 0);
    BOOST_TEST(exit_code_of(stopped) == exit_code::kGuard);
    BOOST_TEST(w.a.contents().size() == 12U);
    BOOST_TEST(w.b.contents().size() == 12U);
    const SyncReport undone = w.undo(spec.run);
    BOOST_TEST(undone.outcomes.ok == 12U);
    BOOST_TEST(w.a.contents().size() == 7U);
    BOOST_TEST(w.b.contents().size() == 5U);
}

BOOST_AUTO_TEST_CASE(verify_reads_everything_and_believes_no_version) {
    Agreed w;
    BOOST_TEST(w.verify().empty());
    w.b.add_object("a", "rotten", 1'000);
    std::vector<Difference> found = w.verify();
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST((found[0].key == "a"));
    BOOST_TEST((found[0].kind == DifferenceKind::content));
    BOOST_TEST(found[0].message == "target changed since the last run");
    {
        // As if nobody had written: the version is the one that was agreed on.
        const auto directory = open_state_directory(w.place().state_directory);
        BOOST_REQUIRE(directory.ok());
        const auto state = (*directory)->open_sync("fake://a <-> fake://b");
        BOOST_REQUIRE(state.ok());
        Result<std::optional<BaseEntry>> entry = (*state)->base().find("a");
        BOOST_REQUIRE(entry.ok());
        BOOST_REQUIRE(entry->has_value());
        (*entry)->target_version = w.b.item("a")->version;
        BOOST_REQUIRE((*state)->base().put(to_view(**entry)).ok());
        BOOST_REQUIRE((*state)->base().commit().ok());
    }
    BOOST_TEST(w.verify().at(0).message.find("damaged") != std::string::npos);
    BOOST_TEST(w.run().outcomes.planned == 0U, "a sync does not see it");
    w.a.add_object("a", "rotten", 1'000);
    found = w.verify();
    BOOST_REQUIRE(found.size() == 1U);
    BOOST_TEST((found[0].kind == DifferenceKind::base));
}

BOOST_AUTO_TEST_CASE(undo_takes_renames_back_swaps_and_directories_too) {
    Agreed w;
    w.a.renames_containers = w.b.renames_containers = true;
    const auto before = w.b.contents();
    w.a.move("a", "x");
    w.a.move("b", "a");
    w.a.move("x", "b");
    w.a.move("d/", "e/");
    const SyncReport report = w.run();
    BOOST_TEST(report.done[static_cast<std::size_t>(Action::rename)] == 3U);
    BOOST_TEST((w.b.contents() == w.a.contents()));
    w.control.dry_run = true;
    const SyncReport looked = w.undo(report.run_id);
    w.control.dry_run = false;
    BOOST_TEST(looked.outcomes.skipped + looked.outcomes.conflicted == 0U);
    BOOST_TEST((w.b.contents() == w.a.contents()), "it was only looked at");
    const SyncReport undone = w.undo(report.run_id);
    BOOST_TEST(undone.error.message() == "");
    BOOST_TEST(undone.outcomes.ok == undone.outcomes.planned);
    BOOST_TEST((w.b.contents() == before));
}

BOOST_AUTO_TEST_CASE(undo_takes_a_renamed_directory_back_whose_files_got_other_times) {
    Agreed w;
    w.a.renames_containers = w.b.renames_containers = true;
    const auto before = w.b.contents();
    w.a.move("d/", "e/");
    w.a.add_object("e/c", "old c", 5'000);
    const SyncReport report = w.run();
    BOOST_TEST(report.done[static_cast<std::size_t>(Action::rename)] == 1U);
    BOOST_TEST(w.b.item("e/c")->mtime_ns == 5'000);
    const SyncReport undone = w.undo(report.run_id);
    BOOST_TEST(undone.outcomes.ok == undone.outcomes.planned);
    BOOST_TEST((w.b.contents() == before));
}

BOOST_AUTO_TEST_CASE(undo_leaves_a_renamed_item_that_was_changed_since) {
    Agreed w;
    w.a.move("a", "x");
    const SyncReport report = w.run();
    w.b.add_object("x", "mine", 3'000);
    const SyncReport undone = w.undo(report.run_id);
    BOOST_TEST(undone.outcomes.ok == 0U);
    BOOST_TEST((w.b.content("x") == "mine"));
    BOOST_TEST(!w.b.item("a").has_value());
    BOOST_TEST(undone.items.at(0).message.find("renamed to 'x'") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(verify_tells_kinds_metadata_and_what_is_on_one_side) {
    Agreed w;
    w.a.erase("a");
    w.b.erase("b");
    w.a.add_object("new", "n", 1'000);
    w.a.erase("d/c");
    w.b.erase("d/c");
    std::map<Bytes, DifferenceKind> found;
    for (const Difference& one : w.verify()) {
        found[one.key] = one.kind;
    }
    const std::map<Bytes, DifferenceKind> wanted{{"a", DifferenceKind::only_target},
                                                 {"b", DifferenceKind::only_source},
                                                 {"d/c", DifferenceKind::base},
                                                 {"new", DifferenceKind::only_source}};
    BOOST_TEST((found == wanted));
}

BOOST_AUTO_TEST_SUITE_END()
