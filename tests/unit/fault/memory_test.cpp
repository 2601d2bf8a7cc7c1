// What a rule remembers of the keys it met.
#include "fault/rules.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(rules)

BOOST_AUTO_TEST_CASE(a_rule_does_not_remember_every_key_it_ever_met) {
    const auto remembered = [](fault::Rule rule, std::size_t keys) {
        fault::Rules rules(fault::Settings{1, {std::move(rule)}});
        for (std::size_t i = 0; i < keys; ++i) {
            (void)rules.strike(fault::Op::kStat, "key" + std::to_string(i));
        }
        return rules.remembered();
    };
    fault::Rule always;
    BOOST_TEST(remembered(always, 1000) == 0U);
    fault::Rule chance;
    chance.probability = 0.1;
    BOOST_TEST(remembered(chance, 1000) == 1000U);
    BOOST_TEST(remembered(chance, fault::kRemembered + 1000) == fault::kRemembered);
    fault::Rule per_key;
    per_key.per_key = true;
    BOOST_TEST(remembered(per_key, fault::kRemembered + 1000) == fault::kRemembered + 1000);
}

BOOST_AUTO_TEST_SUITE_END()
