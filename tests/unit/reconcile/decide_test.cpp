#include "syncline/reconcile/decide.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;
using enum SideState;

namespace {

std::string said(const Verdict& v) {
    switch (v.kind) {
    case Verdict::Kind::nothing:
        return "-";
    case Verdict::Kind::conflict:
        return "conflict " + std::string(name_of(v.conflict));
    case Verdict::Kind::act:
        break;
    }
    const bool base_only = v.action == Action::record || v.action == Action::forget;
    return std::string(name_of(v.action)) + (base_only ? "" : " " + std::string(name_of(v.side)));
}

std::string judged(Mode mode, bool base, SideState source, SideState target, bool equal = false) {
    Rules rules;
    rules.mode = mode;
    return said(decide({base, source, target, equal}, rules));
}

} // namespace

BOOST_AUTO_TEST_SUITE(decision_matrix)

BOOST_AUTO_TEST_CASE(two_way_rows) {
    const auto row = [](bool base, SideState s, SideState t, bool equal = false) {
        return judged(Mode::two_way, base, s, t, equal);
    };
    BOOST_TEST(row(false, changed, absent) == "create target");
    BOOST_TEST(row(false, absent, changed) == "create source");
    BOOST_TEST(row(false, changed, changed, true) == "record");
    BOOST_TEST(row(false, changed, changed) == "conflict both created");
    BOOST_TEST(row(true, same, same) == "-");
    BOOST_TEST(row(true, changed, same) == "update target");
    BOOST_TEST(row(true, same, changed) == "update source");
    BOOST_TEST(row(true, changed, changed, true) == "record");
    BOOST_TEST(row(true, changed, changed) == "conflict both changed");
    BOOST_TEST(row(true, absent, same) == "remove target");
    BOOST_TEST(row(true, same, absent) == "remove source");
    BOOST_TEST(row(true, absent, absent) == "forget");
    BOOST_TEST(row(true, absent, changed) == "create source");
    BOOST_TEST(row(true, changed, absent) == "create target");
}

BOOST_AUTO_TEST_CASE(one_way_rows) {
    const auto row = [](bool base, SideState s, SideState t, bool equal = false) {
        return judged(Mode::one_way, base, s, t, equal);
    };
    BOOST_TEST(row(false, changed, absent) == "create target");
    BOOST_TEST(row(false, absent, changed) == "-"); // an extra stays
    BOOST_TEST(row(false, changed, changed, true) == "record");
    BOOST_TEST(row(false, changed, changed) == "conflict both created");
    BOOST_TEST(row(true, same, same) == "-");
    BOOST_TEST(row(true, changed, same) == "update target");
    BOOST_TEST(row(true, same, changed) == "conflict both changed");
    BOOST_TEST(row(true, changed, changed) == "conflict both changed");
    BOOST_TEST(row(true, absent, same) == "remove target");
    BOOST_TEST(row(true, same, absent) == "create target");
    BOOST_TEST(row(true, changed, absent) == "create target");
    BOOST_TEST(row(true, absent, changed) == "forget"); // kept as an extra
    BOOST_TEST(row(true, absent, absent) == "forget");
}

BOOST_AUTO_TEST_CASE(mirror_rows) {
    const auto row = [](bool base, SideState s, SideState t, bool equal = false) {
        return judged(Mode::mirror, base, s, t, equal);
    };
    BOOST_TEST(row(false, changed, absent) == "create target");
    BOOST_TEST(row(false, absent, changed) == "remove target");
    BOOST_TEST(row(false, changed, changed, true) == "record");
    BOOST_TEST(row(false, changed, changed) == "update target");
    BOOST_TEST(row(true, same, changed) == "update target");
    BOOST_TEST(row(true, absent, changed) == "remove target");
    BOOST_TEST(row(true, same, absent) == "create target");
}

BOOST_AUTO_TEST_CASE(what_is_unknown_is_never_acted_on) {
    for (const Mode mode : {Mode::two_way, Mode::one_way, Mode::mirror}) {
        for (const bool base : {false, true}) {
            for (const SideState other : {absent, same, changed, unknown}) {
                BOOST_TEST(judged(mode, base, unknown, other) == "-");
                BOOST_TEST(judged(mode, base, other, unknown) == "-");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(one_way_and_mirror_never_write_the_source) {
    for (const Mode mode : {Mode::one_way, Mode::mirror}) {
        for (const bool base : {false, true}) {
            for (const SideState s : {absent, same, changed}) {
                for (const SideState t : {absent, same, changed}) {
                    for (const bool equal : {false, true}) {
                        Rules rules;
                        rules.mode = mode;
                        const Verdict v = decide({base, s, t, equal}, rules);
                        const bool writes = v.kind == Verdict::Kind::act &&
                                            v.action != Action::record &&
                                            v.action != Action::forget;
                        BOOST_TEST(!(writes && v.side == Side::source));
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(two_way_is_symmetric) {
    for (const DeleteVsChange policy :
         {DeleteVsChange::keep_change, DeleteVsChange::conflict, DeleteVsChange::delete_wins}) {
        for (const bool base : {false, true}) {
            for (const SideState s : {absent, same, changed}) {
                for (const SideState t : {absent, same, changed}) {
                    for (const bool equal : {false, true}) {
                        Rules rules;
                        rules.delete_vs_change = policy;
                        const Verdict one = decide({base, s, t, equal}, rules);
                        const Verdict two = decide({base, t, s, equal}, rules);
                        BOOST_TEST((one.kind == two.kind));
                        if (one.kind == Verdict::Kind::act) {
                            BOOST_TEST((one.action == two.action));
                            if (one.action != Action::record && one.action != Action::forget) {
                                BOOST_TEST((one.side == other(two.side)));
                            }
                        }
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(delete_vs_change_policies) {
    Rules rules;
    const RowFacts facts{true, absent, changed, false};
    rules.delete_vs_change = DeleteVsChange::delete_wins;
    BOOST_TEST(said(decide(facts, rules)) == "remove target");
    rules.delete_vs_change = DeleteVsChange::conflict;
    BOOST_TEST(said(decide(facts, rules)) == "conflict source deleted, target changed");
}

BOOST_AUTO_TEST_CASE(containers_are_there_or_not) {
    Rules rules;
    BOOST_TEST(said(decide_container({false, changed, absent, false}, rules)) == "create target");
    BOOST_TEST(said(decide_container({false, changed, changed, false}, rules)) == "record");
    BOOST_TEST(said(decide_container({true, changed, changed, false}, rules)) == "-");
    BOOST_TEST(said(decide_container({true, absent, changed, false}, rules)) == "remove target");
    BOOST_TEST(said(decide_container({true, absent, absent, false}, rules)) == "forget");
}

BOOST_AUTO_TEST_SUITE_END()
