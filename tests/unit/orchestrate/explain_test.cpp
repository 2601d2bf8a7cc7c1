// Questions about one key: what would happen, why, and how much is looked at for it.
#include "fakes/world.hpp"
#include "syncline/orchestrate/explanation.hpp"

using namespace syncline;
using namespace syncline::fakes;

namespace {

struct Asked : World {
    Explanation explain(const Bytes& key) {
        Explanation answer;
        answer.key = key;
        control.dry_run = true;
        control.explain = &answer;
        run();
        control = {};
        return answer;
    }
};

std::string only_action(const Explanation& answer) {
    BOOST_REQUIRE(answer.operations.size() == 1U);
    return std::string(name_of(answer.operations[0].action));
}

} // namespace

BOOST_AUTO_TEST_SUITE(explain)

BOOST_AUTO_TEST_CASE(a_changed_item_is_explained_without_listing_either_side) {
    Asked w;
    w.a.add_container("d/");
    w.a.add_object("d/k", "one", 1'000);
    w.run();
    w.a.add_object("d/k", "two", 2'000);
    w.a.fail({.op = FakeOp::list, .key = {}, .nth = 0, .status = Status(Code::internal, "listed")});
    const Explanation answer = w.explain("d/k");
    BOOST_TEST(!answer.whole_plan);
    BOOST_TEST(only_action(answer) == "update");
    BOOST_TEST(answer.operations[0].reason == "changed on source");
    BOOST_TEST(answer.row == "agreed on before; source changed, target as agreed");
    BOOST_TEST(answer.base.has_value());
    BOOST_TEST(*w.b.content("d/k") == "one");
}

BOOST_AUTO_TEST_CASE(each_strategy_says_why_it_declined) {
    Asked w;
    w.a.add_object("k", "a", 1'000);
    w.b.add_object("k", "b", 1'000);
    w.a.add_object("other", "a", 1'000);
    w.b.add_object("other", "b", 1'000);
    w.chain = {"decline", "source-wins"};
    const Explanation decided = w.explain("k");
    BOOST_TEST(only_action(decided) == "update");
    BOOST_REQUIRE(decided.strategies.size() == 2U);
    BOOST_TEST(decided.strategies[0].strategy == "decline");
    BOOST_TEST(!decided.strategies[0].decided);
    BOOST_TEST(decided.strategies[1].decided);
    w.chain = {"decline", "failing", "source-wins"};
    const Explanation failed = w.explain("k");
    BOOST_TEST(only_action(failed) == "conflict");
    BOOST_REQUIRE(failed.strategies.size() == 2U);
    BOOST_TEST(failed.strategies[1].answer == "failed: broke");
}

BOOST_AUTO_TEST_CASE(the_rule_that_leaves_an_item_out_is_named_with_its_origin) {
    Asked w;
    w.rules.filter =
        *KeyFilter::make({{false, "/build/", "rules.txt:3"}, {true, "*.h", "--include"}});
    w.a.add_container("build/");
    w.a.add_object("build/x.h", "x", 1'000);
    w.a.add_object("y.h", "y", 1'000);
    const Explanation out = w.explain("build/x.h");
    BOOST_TEST(out.excluded);
    BOOST_REQUIRE(out.filter_rule.has_value());
    BOOST_TEST(out.filter_rule->origin == "rules.txt:3");
    BOOST_TEST(out.filter_key == "build/");
    BOOST_TEST(out.operations.empty());
    const Explanation in = w.explain("y.h");
    BOOST_TEST(!in.excluded);
    BOOST_TEST(in.filter_rule->origin == "--include");
}

BOOST_AUTO_TEST_CASE(below_a_deleted_container_the_whole_plan_decides) {
    Asked w;
    w.a.add_container("d/");
    w.a.add_object("d/k", "one", 1'000);
    w.a.add_object("d/l", "one", 1'000);
    w.run();
    for (const char* key : {"d/k", "d/l", "d/"}) {
        w.a.erase(key);
    }
    w.b.add_object("d/k", "changed", 2'000);
    const Explanation answer = w.explain("d/l");
    BOOST_TEST(answer.whole_plan);
    BOOST_TEST(only_action(answer) == "create");         // restore-all brings it back
    BOOST_TEST(only_action(w.explain("d")) == "create"); // a directory without its '/'
    BOOST_TEST(w.explain("d").key == "d/");
}

BOOST_AUTO_TEST_CASE(a_key_that_is_nowhere_gets_an_answer) {
    Asked w;
    const Explanation answer = w.explain("nowhere/at/all");
    BOOST_TEST(answer.operations.empty());
    BOOST_TEST(!answer.base.has_value());
    BOOST_TEST(!answer.sides[0].item.has_value());
}

BOOST_AUTO_TEST_CASE(past_failures_are_told_newest_first) {
    Asked w;
    w.a.add_object("k", "a", 1'000);
    w.b.add_object("k", "b", 1'000);
    w.run();
    w.run();
    const Explanation answer = w.explain("k");
    BOOST_REQUIRE(answer.history.size() == 2U);
    BOOST_TEST(answer.history[0].run > answer.history[1].run);
    BOOST_TEST(name_of(answer.history[0].note.outcome) == "conflicted");
    BOOST_TEST(explanation_json(answer).find("both created") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_runs_wrote_is_in_the_history) {
    Asked w;
    w.a.add_object("k", "a", 1'000);
    w.run();
    w.a.move("k", "m");
    w.run();
    const Explanation answer = w.explain("k");
    BOOST_REQUIRE(answer.history.size() == 2U);
    BOOST_TEST(answer.history[0].note.action == "remove");
    BOOST_TEST(answer.history[0].note.message == "on target, renamed to 'm'");
    BOOST_TEST(answer.history[1].note.action == "create");
    BOOST_TEST(answer.history[1].note.message == "on target");
    BOOST_TEST((answer.history[1].note.outcome == Outcome::ok));
}

BOOST_AUTO_TEST_CASE(the_answer_is_what_the_plan_says_for_every_key) {
    Asked w;
    for (const char* key : {"same", "edited a", "edited b", "deleted a", "both", "touched"}) {
        w.a.add_object(key, key, 1'000);
    }
    w.run();
    w.a.add_object("edited a", "2", 2'000);
    w.b.add_object("edited b", "2", 2'000);
    w.a.erase("deleted a");
    w.a.add_object("both", "a", 2'000);
    w.b.add_object("both", "b", 2'000);
    w.a.add_object("touched", "touched", 9'000'000'000);
    w.b.add_object("new b", "n", 2'000);
    std::map<Bytes, Action> planned;
    w.control.dry_run = true;
    w.control.show = [&](const PlannedOp& op) { planned[op.key] = op.action; };
    w.run();
    w.control = {};
    for (const char* key :
         {"same", "edited a", "edited b", "deleted a", "both", "touched", "new b"}) {
        const Explanation answer = w.explain(key);
        const auto found = planned.find(key);
        if (found == planned.end()) {
            BOOST_TEST(answer.operations.empty(), key);
        } else {
            BOOST_REQUIRE(answer.operations.size() == 1U);
            BOOST_TEST((answer.operations[0].action == found->second), key);
        }
    }
}

BOOST_AUTO_TEST_SUITE_END()
