#include "syncline/reconcile/rules_file.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

namespace {

void wrong(std::string_view text, const std::string& part) {
    const Result<std::vector<FilterRule>> rules = parse_rules(text, "my.rules");
    BOOST_REQUIRE(!rules.ok());
    BOOST_TEST((rules.code() == Code::invalid_config));
    BOOST_TEST(rules.status().message().find(part) != std::string::npos, rules.status().message());
}

} // namespace

BOOST_AUTO_TEST_SUITE(rules_file)

BOOST_AUTO_TEST_CASE(rules_keep_the_order_of_the_file_and_say_where_they_came_from) {
    const Result<std::vector<FilterRule>> rules =
        parse_rules("\xEF\xBB\xBF# all of it\r\n\n- *.tmp \t\n+\t/keep/*.tmp\r\n-  a b\\ \n", "r");
    BOOST_REQUIRE_MESSAGE(rules.ok(), rules.status().message());
    BOOST_REQUIRE(rules->size() == 3U);
    const FilterRule& tmp = (*rules)[0];
    BOOST_TEST(!tmp.include);
    BOOST_TEST(tmp.glob == "*.tmp");
    BOOST_TEST(tmp.origin == "r:3");
    BOOST_TEST((*rules)[1].include);
    BOOST_TEST((*rules)[1].glob == "/keep/*.tmp");
    BOOST_TEST((*rules)[1].origin == "r:4");
    BOOST_TEST((*rules)[2].glob == "a b\\ "); // an escaped blank belongs to the name
    const Result<KeyFilter> filter = KeyFilter::make(*rules);
    BOOST_TEST(filter->excluded("a b "));
    BOOST_TEST(filter->excluded("x.tmp"));
    BOOST_TEST(!filter->excluded("keep/x.tmp"));
}

BOOST_AUTO_TEST_CASE(mistakes_name_file_and_line) {
    wrong("- x\n\n*.tmp\n", "my.rules:3: '*.tmp' is no rule");
    wrong("-x", "my.rules:1:");
    wrong("-", "my.rules:1:");
    wrong("+ ok\n- /", "my.rules:2: the glob '/' matches nothing");
    wrong(std::string_view("- a\0b", 5), "my.rules:1: a NUL byte");
    const Result<std::vector<FilterRule>> missing = read_rules_file("/nowhere/rules");
    BOOST_TEST(missing.status().message().find("'/nowhere/rules'") != std::string::npos);
    BOOST_TEST(!read_rules_file("/").ok());
}

BOOST_AUTO_TEST_CASE(the_rule_that_decides_is_known) {
    const KeyFilter filter = *KeyFilter::make(
        {{false, "*.log", "r:1"}, {true, "/keep/", "r:2"}, {true, "last.log", "r:3"}});
    BOOST_TEST(filter.match("x/a.log")->rule->origin == "r:1");
    BOOST_TEST(filter.match("x/last.log")->rule->origin == "r:3");
    BOOST_TEST(filter.match("keep/")->rule->origin == "r:2");
    BOOST_TEST(!filter.match("x/").has_value());
    BOOST_TEST(!filter.match("x/readme").has_value());
    const KeyFilter deep = *KeyFilter::make({{false, "/a/", "r:1"}});
    BOOST_TEST(deep.match("a/b/c")->key == "a/");
}

BOOST_AUTO_TEST_SUITE_END()
