#include "syncline/state/plan_store.hpp"

#include <boost/test/unit_test.hpp>
#include <set>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(names)

BOOST_AUTO_TEST_CASE(every_value_has_a_name_of_its_own) {
    std::set<std::string_view> actions;
    for (int value = 1; value <= 10; ++value) {
        actions.insert(name_of(static_cast<Action>(value)));
    }
    BOOST_TEST(actions.size() == 10U);
    std::set<std::string_view> kinds;
    for (int value = 0; value <= 7; ++value) {
        kinds.insert(name_of(static_cast<ConflictKind>(value)));
    }
    BOOST_TEST(kinds.size() == 8U);
    std::set<std::string_view> outcomes;
    for (int value = 0; value <= 4; ++value) {
        outcomes.insert(name_of(static_cast<Outcome>(value)));
    }
    BOOST_TEST(outcomes.size() == 5U);
    for (const auto& found : {actions, kinds, outcomes}) {
        BOOST_TEST(!found.contains("unknown"));
    }
}

BOOST_AUTO_TEST_CASE(names_that_scripts_read_stay) {
    BOOST_TEST(name_of(Action::set_meta) == "set-metadata");
    BOOST_TEST(name_of(Action::keep_both) == "keep-both");
    BOOST_TEST(name_of(Action::rename) == "rename");
    BOOST_TEST(name_of(Action::follow) == "rename"); // part of one
    BOOST_TEST(name_of(ConflictKind::source_changed_target_deleted) ==
               "source changed, target deleted");
    BOOST_TEST(name_of(Outcome::conflicted) == "conflicted");
}

BOOST_AUTO_TEST_SUITE_END()
