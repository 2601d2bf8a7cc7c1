// Runs in which a strategy merged: what is written where, what a failure half way leaves, what a
// person resolved.
#include "fakes/world.hpp"
#include "syncline/orchestrate/inbox.hpp"
#include "syncline/orchestrate/strategy_spec.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

// Joins what both sides have, in an order that does not depend on which is which; a side that has
// the other's part already is the result.
Result<Decision> join(const Conflict& conflict) {
    const auto read = [](Content* content) {
        Bytes bytes(static_cast<std::size_t>(content->size()), '\0');
        (void)content->read_at({}, 0, bytes.data(), bytes.size());
        return bytes;
    };
    const Bytes source = read(conflict.source_content);
    const Bytes target = read(conflict.target_content);
    Decision decision;
    decision.action = DecisionAction::merge;
    decision.merged = source.find(target) != Bytes::npos ? source
                      : target.find(source) != Bytes::npos
                          ? target
                          : std::min(source, target) + "+" + std::max(source, target);
    return decision;
}

struct MergeWorld : World {
    MergeWorld() {
        registry.strategies["join"] = join;
        chain = {"join"};
        a.add_object("f", "base", 1'000);
        b.add_object("f", "base", 1'000);
        run();
        a.add_object("f", "one", 2'000);
        b.add_object("f", "three", 3'000);
    }

    SyncSpec spec() const {
        SyncSpec spec;
        spec.source = "fake://a";
        spec.target = "fake://b";
        spec.state_directory = place().state_directory;
        spec.guard = guard;
        return spec;
    }

    SyncReport resolve(const Selection& selection, std::vector<std::string> strategies = {}) {
        SyncSpec spec = this->spec();
        spec.rules.delete_vs_change = DeleteVsChange::conflict;
        spec.strategies = std::move(strategies);
        RunControl control;
        control.selection = &selection;
        RunProgress progress;
        const SyncReport report = run_sync({registry, *pool, progress, clock}, spec, control);
        BOOST_REQUIRE_MESSAGE(report.error.ok(), report.error.message());
        return report;
    }

    Inbox inbox() {
        const Result<Inbox> inbox = read_inbox(registry, spec(), clock);
        BOOST_REQUIRE_MESSAGE(inbox.ok(), inbox.status().message());
        return *inbox;
    }

    static Selection taking(Take take, const Inbox& inbox) {
        Selection selection;
        selection.take = take;
        selection.seen = inbox.conflicts;
        for (const RunNote& note : inbox.conflicts) {
            selection.keys.push_back(note.key);
        }
        return selection;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(merges)

BOOST_AUTO_TEST_CASE(what_was_merged_is_written_to_both_sides_and_is_the_base) {
    MergeWorld w;
    const SyncReport report = w.run();
    BOOST_TEST(exit_code_of(report) == 0);
    BOOST_TEST(report.done[static_cast<std::size_t>(Action::merge)] == 1U);
    BOOST_TEST(*w.a.content("f") == "one+three");
    BOOST_TEST(*w.b.content("f") == "one+three");
    BOOST_TEST(w.run().outcomes.planned == 0U);
    w.b.add_object("f", "later", 9'000);
    w.run();
    BOOST_TEST(*w.a.content("f") == "later"); // no conflict: the source is as agreed
}

BOOST_AUTO_TEST_CASE(one_way_the_source_stays_as_it_is) {
    MergeWorld w;
    w.rules.mode = Mode::one_way;
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.a.content("f") == "one");
    BOOST_TEST(*w.b.content("f") == "one+three");
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(
    a_merge_that_breaks_off_between_its_writes_loses_nothing_and_is_finished_later) {
    MergeWorld w;
    w.a.fail({.op = FakeOp::put, .key = "f", .status = Status(Code::io, "injected")});
    const SyncReport broken = w.run();
    BOOST_TEST(exit_code_of(broken) == 4);
    BOOST_TEST(*w.a.content("f") == "one");
    BOOST_TEST(*w.b.content("f") == "one+three");
    BOOST_TEST(exit_code_of(w.run()) == 0);
    BOOST_TEST(*w.a.content("f") == "one+three");
    BOOST_TEST(*w.b.content("f") == "one+three");
}

BOOST_AUTO_TEST_CASE(a_person_takes_a_side_and_the_next_run_agrees) {
    for (const Take take : {Take::source, Take::target}) {
        MergeWorld w;
        w.chain = {};
        BOOST_TEST(exit_code_of(w.run()) == 6);
        const Inbox inbox = w.inbox();
        BOOST_REQUIRE_EQUAL(inbox.conflicts.size(), 1U);
        BOOST_TEST(inbox.conflicts[0].key == "f");
        BOOST_TEST(exit_code_of(w.resolve(MergeWorld::taking(take, inbox))) == 0);
        const Bytes taken = take == Take::source ? "one" : "three";
        BOOST_TEST(*w.a.content("f") == taken);
        BOOST_TEST(*w.b.content("f") == taken);
        BOOST_TEST(w.inbox().conflicts.empty());
        BOOST_TEST(w.run().outcomes.planned == 0U);
    }
}

BOOST_AUTO_TEST_CASE(a_person_gives_the_content_of_both_sides) {
    MergeWorld w;
    w.chain = {};
    w.run();
    Selection selection = MergeWorld::taking(Take::content, w.inbox());
    selection.content = "by hand";
    BOOST_TEST(exit_code_of(w.resolve(selection)) == 0);
    BOOST_TEST(*w.a.content("f") == "by hand");
    BOOST_TEST(*w.b.content("f") == "by hand");
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(what_changed_since_a_person_looked_is_not_overwritten) {
    MergeWorld w;
    w.chain = {};
    w.run();
    const Selection selection = MergeWorld::taking(Take::source, w.inbox());
    w.b.add_object("f", "edited since", 9'000);
    BOOST_TEST(exit_code_of(w.resolve(selection)) == 6);
    BOOST_TEST(*w.b.content("f") == "edited since");
    BOOST_TEST(w.inbox().conflicts.size() == 1U);
}

BOOST_AUTO_TEST_CASE(what_is_no_conflict_any_more_is_left_to_the_next_sync) {
    MergeWorld w;
    w.chain = {};
    w.run();
    const Selection selection = MergeWorld::taking(Take::source, w.inbox());
    w.b.add_object("f", "base", 1'000); // as it was agreed on
    const SyncReport report = w.resolve(selection);
    BOOST_TEST(report.outcomes.skipped == 1U);
    BOOST_TEST(*w.b.content("f") == "base");
    w.run();
    BOOST_TEST(*w.b.content("f") == "one");
}

BOOST_AUTO_TEST_CASE(what_was_not_resolved_stays_in_the_inbox) {
    MergeWorld w;
    w.chain = {};
    w.a.add_object("g", "g1", 1'000);
    w.b.add_object("g", "g22", 1'000);
    w.run();
    const Inbox both = w.inbox();
    BOOST_REQUIRE_EQUAL(both.conflicts.size(), 2U);
    Selection selection;
    selection.take = Take::target;
    selection.keys = {"f"};
    selection.seen = {both.conflicts[0]};
    BOOST_TEST(exit_code_of(w.resolve(selection)) == 0);
    BOOST_REQUIRE_EQUAL(w.inbox().conflicts.size(), 1U);
    BOOST_TEST(w.inbox().conflicts[0].key == "g");
}

BOOST_AUTO_TEST_CASE(a_failure_is_tried_again_by_itself) {
    World w;
    w.a.add_object("f", "new", 1'000);
    w.b.fail({.op = FakeOp::put, .key = "f", .status = Status(Code::io, "injected")});
    BOOST_TEST(exit_code_of(w.run()) == 4);
    SyncSpec spec;
    spec.source = "fake://a";
    spec.target = "fake://b";
    spec.state_directory = w.place().state_directory;
    spec.guard = w.guard;
    const Result<Inbox> inbox = read_inbox(w.registry, spec, w.clock);
    BOOST_REQUIRE(inbox.ok());
    BOOST_REQUIRE_EQUAL(inbox->failures.size(), 1U);
    Selection selection;
    selection.keys = {"f"};
    RunControl control;
    control.selection = &selection;
    RunProgress progress;
    BOOST_TEST(exit_code_of(run_sync({w.registry, *w.pool, progress, w.clock}, spec, control)) ==
               0);
    BOOST_TEST(*w.b.content("f") == "new");
    BOOST_TEST(read_inbox(w.registry, spec, w.clock)->failures.empty());
}

BOOST_AUTO_TEST_CASE(chains_are_read_as_people_write_them) {
    const auto parse = [](std::string_view text) { return parse_chain(text); };
    const Result<ChainSpec> plain = parse("a,b?x=1&y=2");
    BOOST_REQUIRE(plain.ok());
    BOOST_TEST(plain->pattern.empty());
    BOOST_TEST((plain->strategies == std::vector<std::string>{"a", "b?x=1&y=2"}));
    const Result<ChainSpec> pattern = parse("a\\:b/**:c?file=x:y");
    BOOST_REQUIRE(pattern.ok());
    BOOST_TEST(pattern->pattern == "a\\:b/**");
    BOOST_TEST((pattern->strategies == std::vector<std::string>{"c?file=x:y"}));
    for (const char* bad : {"", ",", "a,", ",a", "*.md:", "*.md:,", ":a", "/:a", "?x=1"}) {
        BOOST_TEST(!parse(bad).ok(), bad);
    }
}

BOOST_AUTO_TEST_SUITE_END()
