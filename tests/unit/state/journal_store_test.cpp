#include "fakes/fake_state.hpp"
#include "state_fixture.hpp"

#include <boost/mpl/list.hpp>
#include <sqlite3.h>

using namespace syncline;
using namespace syncline::test;

namespace {

constexpr std::int64_t kDay = 86'400'000'000'000;

class RealDirectory {
public:
    std::unique_ptr<SyncState> open(const std::string& name = "documents") {
        return require_value(state_->open_sync(name));
    }

private:
    TemporaryDirectory directory_;
    std::unique_ptr<StateDirectory> state_ = require_value(open_state_directory(directory_.path()));
};

class FakeDirectory {
public:
    std::unique_ptr<SyncState> open(const std::string& name = "documents") {
        return require_value(state_.open_sync(name));
    }

private:
    fakes::FakeStateDirectory state_;
};

using Directories = boost::mpl::list<RealDirectory, FakeDirectory>;

Item item(const Bytes& version) {
    Item made;
    made.version = version;
    made.size = 7;
    made.mtime_ns = -5;
    made.meta = Bytes("\0m", 2);
    return made;
}

JournalEntry entry(const Bytes& key, Side side = Side::target) {
    JournalEntry made;
    made.key = key;
    made.side = side;
    made.is_done = true;
    made.before = item("before");
    made.after = item("after");
    return made;
}

std::vector<JournalEntry> all_of(JournalStore& journal, std::int64_t run, BytesView from = {}) {
    std::vector<JournalEntry> entries;
    require_ok(journal.each(run, from, [&](JournalEntry&& read) {
        entries.push_back(std::move(read));
        return true;
    }));
    return entries;
}

std::vector<std::int64_t> runs_of(JournalStore& journal) {
    std::vector<std::int64_t> runs;
    require_ok(journal.each_run([&](std::int64_t run) {
        runs.push_back(run);
        return true;
    }));
    return runs;
}

} // namespace

BOOST_AUTO_TEST_SUITE(journal_store)

BOOST_AUTO_TEST_CASE_TEMPLATE(entries_come_back_by_key_and_side, Directory, Directories) {
    Directory directory;
    auto sync = directory.open();
    JournalEntry link = entry(Bytes("b\xff", 2), Side::source);
    link.before->kind = ItemKind::link;
    link.after.reset();
    link.action = Action::remove;
    link.archived = Bytes("\0digest", 7);
    link.not_kept = "too large";
    require_ok(sync->journal().add(3, entry("c")));
    require_ok(sync->journal().add(3, entry(link.key)));
    require_ok(sync->journal().add(3, link));
    require_ok(sync->journal().add(3, entry("a/")));
    BOOST_TEST(all_of(sync->journal(), 3).empty(), "not committed yet");
    require_ok(sync->journal().commit());
    BOOST_TEST(sync->journal().has_entries(3));
    BOOST_TEST(!sync->journal().has_entries(4));
    sync.reset();
    sync = directory.open();
    const auto entries = all_of(sync->journal(), 3);
    BOOST_REQUIRE(entries.size() == 4U);
    BOOST_TEST((entries[0].key == "a/"));
    BOOST_TEST((entries[1].key == link.key));
    BOOST_TEST((entries[1].side == Side::source));
    BOOST_TEST((entries[2].side == Side::target));
    BOOST_TEST((entries[3].key == "c"));
    BOOST_TEST((entries[1].action == Action::remove));
    BOOST_TEST((entries[1].before->kind == ItemKind::link));
    BOOST_TEST((entries[1].before->version == "before"));
    BOOST_TEST(entries[1].before->mtime_ns == -5);
    BOOST_TEST((entries[1].before->meta == link.before->meta));
    BOOST_TEST(!entries[1].after.has_value());
    BOOST_TEST((entries[1].archived == link.archived));
    BOOST_TEST(entries[1].not_kept == "too large");
    BOOST_TEST(all_of(sync->journal(), 3, "b").size() == 3U);
    BOOST_TEST(all_of(sync->journal(), 4).empty());
    BOOST_TEST(require_value(sync->journal().find(3, "c", Side::target)).has_value());
    BOOST_TEST(!require_value(sync->journal().find(3, "c", Side::source)).has_value());
    BOOST_TEST((runs_of(sync->journal()) == std::vector<std::int64_t>{3}));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_was_intended_is_done_or_withdrawn, Directory, Directories) {
    Directory directory;
    const auto sync = directory.open();
    JournalEntry intended = entry("done");
    intended.is_done = false;
    intended.after.reset();
    intended.archived = "digest";
    JournalEntry other = intended;
    other.key = "withdrawn";
    require_ok(sync->journal().intend(1, std::vector{intended, other}));
    BOOST_TEST(all_of(sync->journal(), 1).size() == 2U, "intentions need no commit");
    JournalEntry done = entry("done");
    done.before = item("a second change");
    require_ok(sync->journal().add(1, done));
    other.action = Action::skip;
    require_ok(sync->journal().add(1, other));
    require_ok(sync->journal().commit());
    const auto entries = all_of(sync->journal(), 1);
    BOOST_REQUIRE(entries.size() == 1U);
    BOOST_TEST(entries[0].is_done);
    BOOST_TEST((entries[0].before->version == "before"), "the first tells what was there");
    BOOST_TEST((entries[0].after->version == "after"), "the last what is there");
    BOOST_TEST((entries[0].archived == "digest"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(an_entry_of_the_same_commit_can_be_withdrawn, Directory,
                              Directories) {
    Directory directory;
    const auto sync = directory.open();
    for (int n = 100; n < 140; ++n) {
        require_ok(sync->journal().add(1, entry(std::to_string(n))));
    }
    JournalEntry withdrawn = entry("139");
    withdrawn.action = Action::skip;
    require_ok(sync->journal().add(1, withdrawn));
    require_ok(sync->journal().add(1, entry("140")));
    require_ok(sync->journal().commit());
    const auto entries = all_of(sync->journal(), 1);
    BOOST_REQUIRE(entries.size() == 40U);
    BOOST_TEST((entries[38].key == "138"));
    BOOST_TEST((entries[39].key == "140"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(what_was_renamed_is_archived_later, Directory, Directories) {
    Directory directory;
    const auto sync = directory.open();
    const std::int64_t run = require_value(sync->runs().begin(1));
    JournalEntry renamed = entry("old");
    renamed.moved_to = Bytes("new\xff");
    require_ok(sync->journal().add(run, renamed));
    require_ok(sync->journal().commit());
    require_ok(sync->journal().set_archived(run, "old", Side::target, "digest"));
    require_ok(sync->journal().set_archived(run, "unknown", Side::target, "digest"));
    const std::vector<JournalEntry> entries = all_of(sync->journal(), run);
    BOOST_REQUIRE(entries.size() == 1U);
    BOOST_TEST((entries[0].moved_to == renamed.moved_to));
    BOOST_TEST((entries[0].archived == "digest"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(entries_of_one_key_count_in_the_order_they_were_made, Directory,
                              Directories) {
    Directory directory;
    auto sync = directory.open();
    JournalEntry made = entry("a");
    made.before.reset();
    made.action = Action::create;
    made.after = item("made");
    require_ok(sync->journal().add(1, made));
    require_ok(sync->journal().commit());
    // Intentions are durable at once, and must not come before what was committed earlier.
    JournalEntry overwritten = entry("a");
    overwritten.is_done = false;
    overwritten.before = item("made");
    require_ok(sync->journal().intend(1, std::vector{overwritten}));
    require_ok(sync->journal().add(1, entry("a")));
    require_ok(sync->journal().commit());
    require_ok(sync->journal().add(2, entry("b")));
    require_ok(sync->journal().commit());
    sync.reset();
    sync = directory.open();
    const auto entries = all_of(sync->journal(), 1);
    BOOST_REQUIRE(entries.size() == 1U);
    BOOST_TEST(!entries[0].before.has_value());
    BOOST_TEST((entries[0].after->version == "after"));
    BOOST_TEST(entries[0].is_done);
    BOOST_TEST(require_value(sync->journal().find(2, "b", Side::target)).has_value());
    BOOST_TEST(all_of(sync->journal(), 1).size() == 1U, "asking twice changes nothing");
}

BOOST_AUTO_TEST_CASE(a_damaged_journal_is_said_to_be_damaged) {
    const TemporaryDirectory directory;
    OpenState state(directory.path());
    require_ok(state.sync->journal().add(1, entry("a")));
    require_ok(state.sync->journal().commit());
    {
        sqlite3* database = nullptr;
        BOOST_REQUIRE(sqlite3_open((directory.path() / "state.db").c_str(), &database) ==
                      SQLITE_OK);
        BOOST_TEST(sqlite3_exec(database, "UPDATE journal_log SET entries = substr(entries, 1, 9)",
                                nullptr, nullptr, nullptr) == SQLITE_OK);
        sqlite3_close(database);
    }
    BOOST_TEST((state.sync->journal().find(1, "a", Side::target).code() == Code::state_corrupt));
    const auto read = [](JournalEntry&&) { return true; };
    BOOST_TEST((state.sync->journal().each(1, {}, read).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_CASE(old_runs_and_too_many_entries_are_forgotten_but_not_the_current_run) {
    RealDirectory directory;
    const auto sync = directory.open();
    const auto other = directory.open("another sync");
    std::vector<std::int64_t> runs;
    for (const std::int64_t day : {0, 100, 101, 102, 103}) {
        const std::int64_t run = require_value(sync->runs().begin(day * kDay));
        require_ok(sync->runs().note(run, {}));
        for (const char* key : {"a", "b", "c"}) {
            require_ok(sync->journal().add(run, entry(key)));
        }
        runs.push_back(run);
    }
    require_ok(sync->journal().commit());
    const std::int64_t elsewhere = require_value(other->runs().begin(0));
    require_ok(other->journal().add(elsewhere, entry("a")));
    require_ok(other->journal().commit());

    JournalLimits limits;
    require_ok(sync->journal().prune(limits, runs[4]));
    BOOST_TEST(all_of(sync->journal(), runs[0]).empty(), "older than 30 days");
    BOOST_TEST(all_of(sync->journal(), runs[1]).size() == 3U);
    BOOST_TEST(require_value(sync->runs().find(runs[0])).has_value(), "the run itself stays");
    limits.max_entries = 7;
    require_ok(sync->journal().prune(limits, runs[4]));
    BOOST_TEST((runs_of(sync->journal()) == std::vector{runs[4], runs[3]}));
    limits.max_entries = 1;
    limits.max_runs = 2;
    require_ok(sync->journal().prune(limits, runs[4]));
    BOOST_TEST((runs_of(sync->journal()) == std::vector{runs[4]}));
    BOOST_TEST(require_value(sync->runs().latest(10)).size() == 2U);
    BOOST_TEST(!require_value(sync->runs().find(runs[2])).has_value());
    BOOST_TEST(require_value(sync->runs().notes(runs[2])).empty());
    BOOST_TEST(require_value(sync->runs().notes(runs[3])).size() == 1U);
    BOOST_TEST(all_of(other->journal(), elsewhere).size() == 1U, "another sync's stay");
}

BOOST_AUTO_TEST_CASE(the_journal_may_be_asked_while_it_is_read) {
    RealDirectory directory;
    const auto sync = directory.open();
    require_ok(sync->journal().add(1, entry("a")));
    require_ok(sync->journal().add(1, entry("b")));
    require_ok(sync->journal().commit());
    int found = 0;
    require_ok(sync->journal().each(1, {}, [&](JournalEntry&& read) {
        found += require_value(sync->journal().find(1, read.key, read.side)).has_value() ? 1 : 0;
        require_ok(sync->journal().add(2, read));
        require_ok(sync->journal().commit());
        return true;
    }));
    BOOST_TEST(found == 2);
    BOOST_TEST(all_of(sync->journal(), 2).size() == 2U);
}

BOOST_AUTO_TEST_SUITE_END()
