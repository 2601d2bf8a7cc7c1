// Plans that go to a file and come back: whole, shortened, changed, stale.
#include "fakes/world.hpp"
#include "syncline/orchestrate/plan_file.hpp"

#include <fstream>
#include <sstream>

using namespace syncline;
using namespace syncline::fakes;

namespace {

struct Planned : World {
    TemporaryDirectory folder;
    std::filesystem::path file = folder.path() / "plan.json";

    SyncReport write_plan() {
        control = {};
        control.dry_run = true;
        control.write_plan = file;
        SyncReport report = run();
        control = {};
        return report;
    }
    Result<SyncReport> try_apply() {
        control = {};
        control.apply_plan = file;
        Result<SyncReport> report = try_run();
        control = {};
        return report;
    }
    SyncReport apply() {
        Result<SyncReport> report = try_apply();
        BOOST_REQUIRE_MESSAGE(report.ok(), report.status().message());
        BOOST_TEST(report->outcomes.add_up());
        return *std::move(report);
    }
    std::vector<std::string> lines() const {
        std::ifstream in(file);
        std::vector<std::string> all;
        for (std::string line; std::getline(in, line);) {
            all.push_back(line);
        }
        return all;
    }
    void write(const std::vector<std::string>& all) const {
        std::ofstream out(file, std::ios::trunc);
        for (const std::string& line : all) {
            out << line << '\n';
        }
    }
    void refused(const std::string& part) {
        const std::map<Bytes, Bytes> before = b.contents();
        const Result<SyncReport> report = try_apply();
        BOOST_REQUIRE(!report.ok());
        BOOST_TEST(report.status().message().find(part) != std::string::npos,
                   report.status().message());
        BOOST_TEST(exit_code_of(report.status()) == 3);
        BOOST_TEST((b.contents() == before));
    }
};

void replace(std::string& in, const std::string& from, const std::string& to) {
    const std::size_t at = in.find(from);
    BOOST_REQUIRE_MESSAGE(at != std::string::npos, in);
    in.replace(at, from.size(), to);
}

} // namespace

BOOST_AUTO_TEST_SUITE(plan_file)

BOOST_AUTO_TEST_CASE(a_plan_is_carried_out_as_it_was_written_and_does_nothing_the_second_time) {
    Planned w;
    w.a.add_object("new", "n", 1'000);
    w.a.add_object("changed", "old", 1'000);
    w.a.add_object("gone", "g", 1'000);
    w.a.add_container("d/");
    w.run();
    w.a.erase("gone");
    w.a.add_object("changed", "new content", 2'000);
    w.a.add_container("e/");
    w.a.add_object("e/x", "x", 2'000);
    w.b.add_object("from b", "fb", 2'000);

    const SyncReport planned = w.write_plan();
    BOOST_TEST(!planned.plan_id.empty());
    BOOST_TEST(w.b.content("gone").has_value()); // nothing was done
    const SyncReport applied = w.apply();
    BOOST_TEST(exit_code_of(applied) == 0);
    BOOST_TEST(applied.plan_id == planned.plan_id);
    BOOST_TEST(applied.outcomes.ok == planned.outcomes.planned);
    BOOST_TEST((w.a.contents() == w.b.contents()));
    BOOST_TEST(*w.b.content("changed") == "new content");

    const SyncReport again = w.apply();
    BOOST_TEST(exit_code_of(again) == 0);
    BOOST_TEST(again.outcomes.ok == 0U);
    BOOST_TEST(again.outcomes.skipped == planned.outcomes.planned);
    BOOST_REQUIRE(!again.items.empty());
    BOOST_TEST(again.items[0].message.find("both sides agree by now") != std::string::npos);
    BOOST_TEST(w.run().outcomes.planned == 0U); // the base is that of a run
}

BOOST_AUTO_TEST_CASE(deleted_lines_are_not_done) {
    Planned w;
    for (const char* key : {"k1", "k2", "k3"}) {
        w.a.add_object(key, key, 1'000);
    }
    w.write_plan();
    std::vector<std::string> lines = w.lines();
    BOOST_REQUIRE(lines.size() == 4U);
    lines.erase(lines.begin() + 2);
    w.write(lines);
    BOOST_TEST(w.apply().outcomes.ok == 2U);
    BOOST_TEST(!w.b.content("k2").has_value());
    BOOST_TEST(w.b.size() == 2U);
}

BOOST_AUTO_TEST_CASE(what_moved_after_planning_is_left_and_told) {
    Planned w;
    for (const char* key : {"deleted", "edited", "there by now", "quiet"}) {
        w.a.add_object(key, key, 1'000);
    }
    w.run();
    for (const char* key : {"edited", "quiet"}) {
        w.a.add_object(key, "second", 2'000);
    }
    w.a.erase("deleted");
    w.a.add_object("created", "c", 2'000);
    w.write_plan();
    w.b.add_object("deleted", "edited meanwhile", 3'000);
    w.a.add_object("edited", "third", 3'000);
    w.b.add_object("created", "another", 3'000);

    const SyncReport report = w.apply();
    BOOST_TEST(exit_code_of(report) == 5);
    BOOST_TEST(report.outcomes.ok == 1U);
    BOOST_TEST(report.outcomes.pending == 3U);
    BOOST_TEST(*w.b.content("deleted") == "edited meanwhile");
    BOOST_TEST(*w.b.content("edited") == "edited");
    BOOST_TEST(*w.b.content("created") == "another");
    BOOST_TEST(*w.b.content("quiet") == "second");
}

BOOST_AUTO_TEST_CASE(a_dry_run_of_a_plan_changes_nothing) {
    Planned w;
    w.a.add_object("k", "k", 1'000);
    w.write_plan();
    w.control.dry_run = true;
    w.control.apply_plan = w.file;
    BOOST_TEST(w.run().outcomes.pending == 1U);
    BOOST_TEST(w.b.size() == 0U);
}

BOOST_AUTO_TEST_CASE(lines_that_were_changed_made_up_moved_or_copied_are_refused_by_number) {
    Planned w;
    w.a.add_object("k1", "one", 1'000);
    w.a.add_object("k2", "two", 1'000);
    w.write_plan();
    const std::vector<std::string> good = w.lines();
    BOOST_REQUIRE(good.size() == 3U);
    const auto with = [&](const std::string& from, const std::string& to) {
        std::vector<std::string> changed = good;
        replace(changed[2], from, to);
        w.write(changed);
    };
    with("\"key\":\"k2\"", "\"key\":\"k3\"");
    w.refused(":3: was changed");
    with("\"key\":\"k2\"", "\"key\":\"../k2\"");
    w.refused(":3: the key '../k2'");
    with("\"key\":\"k2\"", "\"key\":\"/etc/passwd\"");
    w.refused(":3: the key");
    with("\"key\":\"k2\"", "\"key\":7");
    w.refused(":3: the field 'key' should be text");
    with("{", "{\"note\":\"mine\",");
    w.refused(":3: the field 'note' is not known");
    with("\"action\":\"create\"", "\"action\":\"destroy\"");
    w.refused(":3: the field 'action' should be one of");
    with("\"n\":2,", "");
    w.refused(":3: the field 'n' is missing");
    with("\"phase\":8", "\"phase\":99");
    w.refused(":3: the field 'phase'");
    w.write({good[0], good[1].substr(0, 40)});
    w.refused(":2: no JSON object");
    w.write({good[0], good[2], good[1]});
    w.refused(":3: out of order");
    w.write({good[0], good[1], good[1]});
    w.refused(":3: out of order");
    w.write({good[0], std::string((1U << 20U) + 1, ' ')});
    w.refused(":2: longer than");
    w.write({good[0], std::string(200'000, '[')});
    w.refused(":2: no JSON object");
    std::vector<std::string> header = good;
    replace(header[0], "\"mode\":\"two-way\"", "\"mode\":\"mirror\"");
    w.write(header);
    w.refused(":1: this line was changed");
    w.write({});
    w.refused("is no plan");
    w.write({"[1, 2]"});
    w.refused("is no plan");
    w.write({"{\"syncline_plan\": 2}"});
    w.refused("a plan of format 2");

    // A line of another plan of the same sync.
    w.write(good);
    w.run();
    w.a.add_object("k3", "three", 2'000);
    w.write_plan();
    std::vector<std::string> mixed = w.lines();
    mixed.push_back(good[2]);
    w.write(mixed);
    w.refused("is of another plan");
}

BOOST_AUTO_TEST_CASE(json_tools_may_space_and_order_the_fields_as_they_like) {
    Planned w;
    w.a.add_object("k", "k", 1'000);
    w.write_plan();
    std::vector<std::string> lines = w.lines();
    replace(lines[1], "\"action\":\"create\",", "");
    replace(lines[1], "{", "{ \"key\" : \"k\" , \"action\" : \"create\",");
    replace(lines[1], "\"key\":\"k\",", "");
    lines.push_back("");
    w.write(lines);
    BOOST_TEST(w.apply().outcomes.ok == 1U);
}

BOOST_AUTO_TEST_CASE(a_plan_of_another_sync_mode_or_place_is_refused) {
    Planned w;
    w.a.add_object("k", "k", 1'000);
    w.write_plan();
    w.rules.mode = Mode::mirror;
    w.refused("make the plan anew");
    w.rules.mode = Mode::two_way;
    w.b.info_answer.scope_id = "another disk";
    const Result<SyncReport> report = w.try_apply();
    BOOST_REQUIRE(!report.ok());
    BOOST_TEST(exit_code_of(report.status()) == 8);
    BOOST_TEST(w.b.size() == 0U);
}

BOOST_AUTO_TEST_CASE(a_guard_that_stops_a_plan_writes_none) {
    Planned w;
    for (int i = 0; i < 10; ++i) {
        w.a.add_object("k" + std::to_string(i), "c", 1'000);
    }
    w.run();
    for (int i = 0; i < 8; ++i) {
        w.a.erase("k" + std::to_string(i));
    }
    BOOST_TEST(exit_code_of(w.write_plan()) == 8);
    BOOST_TEST(!std::filesystem::exists(w.file));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_plan_is_not_replaced) {
    Planned w;
    w.a.add_object("k", "k", 1'000);
    w.write({"my diary"});
    w.control.dry_run = true;
    w.control.write_plan = w.file;
    const Result<SyncReport> report = w.try_run();
    BOOST_REQUIRE(!report.ok());
    BOOST_TEST(exit_code_of(report.status()) == 3);
    BOOST_TEST(w.lines() == std::vector<std::string>{"my diary"}, boost::test_tools::per_element());
    std::filesystem::remove(w.file);
    w.write_plan();
    w.write_plan(); // a plan it replaces
    BOOST_TEST(w.apply().outcomes.ok == 1U);
}

BOOST_AUTO_TEST_CASE(every_kind_of_operation_survives_the_file) {
    Planned w;
    w.a.add_object("both", "1", 1'000);
    w.a.add_object("kind", "file", 1'000);
    w.run();
    w.a.add_object("both", "source", 2'000);
    w.b.add_object("both", "target's", 3'000);
    w.a.erase("kind");
    w.a.add_container("kind/");
    w.a.add_object("kind/x", "x", 2'000);
    w.a.add_object(Bytes("not utf-8 \xff"), "raw", 2'000);
    w.chain = {"keep-both"};
    w.write_plan();
    BOOST_TEST(exit_code_of(w.apply()) == 0);
    BOOST_TEST((w.a.contents() == w.b.contents()));
    BOOST_TEST(w.b.content("both.conflict-1").has_value());
    BOOST_TEST(*w.b.content("kind/x") == "x");
    BOOST_TEST(*w.b.content(Bytes("not utf-8 \xff")) == "raw");
    BOOST_TEST(w.run().outcomes.planned == 0U);
}

BOOST_AUTO_TEST_CASE(a_conflict_in_a_plan_is_still_one_when_it_is_carried_out) {
    Planned w;
    w.a.add_object("k", "a", 1'000);
    w.b.add_object("k", "b", 2'000);
    BOOST_TEST(exit_code_of(w.write_plan()) == 6);
    BOOST_TEST(exit_code_of(w.apply()) == 6);
    w.b.add_object("k", "a", 3'000); // a person made both equal
    const SyncReport report = w.apply();
    BOOST_TEST(report.outcomes.conflicted == 0U);
}

BOOST_AUTO_TEST_CASE(many_operations_are_checked_in_portions) {
    Planned w;
    for (int i = 0; i < 3'000; ++i) {
        w.a.add_object("k" + std::to_string(i), "c", 1'000);
    }
    w.write_plan();
    w.a.add_object("k2999", "moved", 2'000);
    const SyncReport report = w.apply();
    BOOST_TEST(report.outcomes.ok == 2'999U);
    BOOST_TEST(report.outcomes.pending == 1U);
}

BOOST_AUTO_TEST_SUITE_END()
