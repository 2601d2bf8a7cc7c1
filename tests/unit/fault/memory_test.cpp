// Rules and the keys that they meet.
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

BOOST_AUTO_TEST_CASE(patterns_cover_keys_in_reasonable_time) {
    const auto covers = [](const std::string& pattern, const std::string& key) {
        fault::Rule rule;
        rule.keys = {pattern};
        rule.statuses = {SYNCLINE_E_IO};
        fault::Rules rules(fault::Settings{1, {std::move(rule)}});
        return rules.strike(fault::Op::kStat, key).has_value();
    };
    for (const auto& [pattern, key] :
         std::vector<std::pair<std::string, std::string>>{{"a", "a"},
                                                          {"*", "a"},
                                                          {"a*c", "ac"},
                                                          {"a*c", "abc"},
                                                          {"?b?", "abc"},
                                                          {"**c", "a/b/c"},
                                                          {"a/**", "a/b/c"},
                                                          {"*/b", "a/b"},
                                                          {"**/*.c", "x/y/z.c"},
                                                          {"a**", "a"}}) {
        BOOST_TEST(covers(pattern, key), pattern << " " << key);
    }
    for (const auto& [pattern, key] :
         std::vector<std::pair<std::string, std::string>>{{"a", "b"},
                                                          {"a", ""},
                                                          {"a", "ab"},
                                                          {"x/*", "x/a/b"},
                                                          {"a*c", "a/c"},
                                                          {"??", "a"},
                                                          {"*/b", "a/x/b"},
                                                          {"**c", "a/b"}}) {
        BOOST_TEST(!covers(pattern, key), pattern << " " << key);
    }
    BOOST_TEST(!covers("*a*a*a*a*a*a*a*a*a*a*a*a*b", std::string(250, 'a')));
}

BOOST_AUTO_TEST_SUITE_END()
