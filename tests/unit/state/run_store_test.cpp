#include "fakes/fake_state.hpp"
#include "state_fixture.hpp"

#include <boost/mpl/list.hpp>

using namespace syncline;
using namespace syncline::test;

namespace {

class RealDirectory {
public:
    std::unique_ptr<SyncState> open(const std::string& name) {
        return require_value(state_->open_sync(name));
    }

private:
    TemporaryDirectory directory_;
    std::unique_ptr<StateDirectory> state_ = require_value(open_state_directory(directory_.path()));
};

class FakeDirectory {
public:
    std::unique_ptr<SyncState> open(const std::string& name) {
        return require_value(state_.open_sync(name));
    }

private:
    fakes::FakeStateDirectory state_;
};

using Directories = boost::mpl::list<RealDirectory, FakeDirectory>;

RunRecord finished(std::int64_t id) {
    RunRecord record;
    record.id = id;
    record.finished_wall_ns = 2'000;
    record.exit_code = 6;
    record.outcomes = {15, 1, 2, 3, 4, 5};
    record.report = R"({"run": "\u0000"})";
    return record;
}

} // namespace

BOOST_AUTO_TEST_SUITE(run_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(a_run_is_remembered_from_begin_to_finish, Directory, Directories) {
    Directory directory;
    auto sync = directory.open("documents");
    const std::int64_t id = require_value(sync->runs().begin(1'000));
    auto records = require_value(sync->runs().latest(10));
    BOOST_REQUIRE(records.size() == 1U);
    BOOST_TEST(records[0].id == id);
    BOOST_TEST(records[0].started_wall_ns == 1'000);
    BOOST_TEST(records[0].finished_wall_ns == 0);
    BOOST_TEST(records[0].exit_code == -1);
    require_ok(sync->runs().finish(finished(id)));
    sync.reset();
    sync = directory.open("documents");
    records = require_value(sync->runs().latest(10));
    BOOST_REQUIRE(records.size() == 1U);
    BOOST_TEST(records[0].started_wall_ns == 1'000);
    BOOST_TEST(records[0].finished_wall_ns == 2'000);
    BOOST_TEST(records[0].exit_code == 6);
    BOOST_TEST(records[0].outcomes.planned == 15U);
    BOOST_TEST(records[0].outcomes.ok == 1U);
    BOOST_TEST(records[0].outcomes.skipped == 2U);
    BOOST_TEST(records[0].outcomes.conflicted == 3U);
    BOOST_TEST(records[0].outcomes.failed == 4U);
    BOOST_TEST(records[0].outcomes.pending == 5U);
    BOOST_TEST(records[0].outcomes.add_up());
    BOOST_TEST(records[0].report == finished(id).report);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ids_are_unique_in_the_directory_and_the_newest_comes_first, Directory,
                              Directories) {
    Directory directory;
    const auto one = directory.open("one");
    const auto two = directory.open("two");
    const std::int64_t a = require_value(one->runs().begin(1));
    const std::int64_t b = require_value(two->runs().begin(2));
    const std::int64_t c = require_value(one->runs().begin(3));
    BOOST_TEST(a < b);
    BOOST_TEST(b < c);
    const auto records = require_value(one->runs().latest(10));
    BOOST_REQUIRE(records.size() == 2U);
    BOOST_TEST(records[0].id == c);
    BOOST_TEST(records[1].id == a);
    BOOST_TEST(require_value(one->runs().latest(1)).size() == 1U);
    BOOST_TEST(require_value(one->runs().latest(0)).empty());
    BOOST_TEST((two->runs().finish(finished(a)).code() == Code::not_found),
               "a run of another sync");
    BOOST_TEST((one->runs().finish(finished(99)).code() == Code::not_found));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(notes_come_back_in_order, Directory, Directories) {
    Directory directory;
    const auto sync = directory.open("documents");
    const std::int64_t run = require_value(sync->runs().begin(1));
    RunNote note;
    note.outcome = Outcome::conflicted;
    note.key = Bytes("\0\xff", 2);
    note.action = "update";
    note.code = "both changed";
    note.message = "kept the source's";
    note.source_version = Bytes("\0", 1);
    note.source_key = "new\nname";
    note.target_key = Bytes("\xff\0", 2);
    note.attempts = 4'000'000'000;
    require_ok(sync->runs().note(run, note));
    RunNote second;
    second.key = "b";
    require_ok(sync->runs().note(run, second));
    const auto notes = require_value(sync->runs().notes(run));
    BOOST_REQUIRE(notes.size() == 2U);
    BOOST_TEST((notes[0].outcome == Outcome::conflicted));
    BOOST_TEST((notes[0].key == note.key));
    BOOST_TEST(notes[0].action == note.action);
    BOOST_TEST(notes[0].code == note.code);
    BOOST_TEST(notes[0].message == note.message);
    BOOST_TEST((notes[0].source_version == note.source_version));
    BOOST_TEST(notes[0].target_version.empty());
    BOOST_TEST((notes[0].source_key == note.source_key));
    BOOST_TEST((notes[0].target_key == note.target_key));
    BOOST_TEST(notes[0].attempts == note.attempts);
    BOOST_TEST(notes[1].key == "b");
    BOOST_TEST((notes[1].outcome == Outcome::failed));
    BOOST_TEST(require_value(sync->runs().notes(run + 1)).empty());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_identity_belongs_to_its_sync, Directory, Directories) {
    Directory directory;
    auto one = directory.open("one");
    BOOST_TEST(!require_value(one->identity().load()).has_value());
    require_ok(one->identity().save({Bytes("\0disk", 5), ""}));
    one.reset();
    one = directory.open("one");
    const auto identity = require_value(one->identity().load());
    BOOST_REQUIRE(identity.has_value());
    BOOST_TEST((identity->source_scope == Bytes("\0disk", 5)));
    BOOST_TEST(identity->target_scope.empty());
    BOOST_TEST(!require_value(directory.open("two")->identity().load()).has_value());
}

BOOST_AUTO_TEST_CASE(notes_are_written_while_the_base_gathers_and_make_nothing_of_it_durable) {
    const TemporaryDirectory directory;
    {
        const OpenState state(directory.path());
        const std::int64_t run = require_value(state.sync->runs().begin(1));
        BaseEntryView entry;
        entry.key = "gathered";
        require_ok(state.sync->base().put(entry));
        require_ok(state.sync->runs().note(run, {}));
        require_ok(state.sync->runs().finish(finished(run)));
    }
    const OpenState state(directory.path());
    BOOST_TEST(require_value(state.sync->base().count()) == 0U);
    BOOST_TEST(require_value(state.sync->runs().latest(1)).at(0).exit_code == 6);
}

BOOST_AUTO_TEST_CASE(ids_go_on_after_a_kill) {
    const TemporaryDirectory directory;
    BOOST_TEST(in_child([&] {
                   OpenState state(directory.path());
                   if (*state.sync->runs().begin(1) != 1) {
                       return 1;
                   }
                   ::kill(::getpid(), SIGKILL);
                   return 2;
               }) == -SIGKILL);
    const OpenState state(directory.path());
    BOOST_TEST(require_value(state.sync->runs().begin(2)) == 2);
    BOOST_TEST(require_value(state.sync->runs().latest(9)).at(1).finished_wall_ns == 0);
}

BOOST_AUTO_TEST_SUITE_END()
