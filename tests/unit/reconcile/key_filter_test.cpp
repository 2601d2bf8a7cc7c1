#include "syncline/reconcile/rules.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

namespace {

bool excluded(const std::vector<FilterRule>& globs, BytesView key) {
    Result<KeyFilter> filter = KeyFilter::make(globs);
    BOOST_REQUIRE(filter.ok());
    return filter->excluded(key);
}
bool out(const std::string& glob, BytesView key) { return excluded({{false, glob}}, key); }

} // namespace

BOOST_AUTO_TEST_SUITE(key_filter)

BOOST_AUTO_TEST_CASE(a_star_stays_within_a_segment) {
    BOOST_TEST(out("*.tmp", "x.tmp"));
    BOOST_TEST(out("*.tmp", "a/b/x.tmp")); // not anchored: at every depth
    BOOST_TEST(!out("/*.tmp", "a/x.tmp"));
    BOOST_TEST(!out("/a*c", "a/c"));
    BOOST_TEST(out("a?c", "abc"));
    BOOST_TEST(!out("/a?c", "a/c"));
}

BOOST_AUTO_TEST_CASE(two_stars_cross_segments) {
    BOOST_TEST(out("/a/**/z", "a/z"));
    BOOST_TEST(out("/a/**/z", "a/b/c/z"));
    BOOST_TEST(!out("/a/**/z", "a/b/cz"));
    BOOST_TEST(out("/a/**", "a/b/c"));
    BOOST_TEST(out("**/cache/", "x/y/cache/"));
    BOOST_TEST(out("**/cache/", "x/y/cache/deep/file"));
}

BOOST_AUTO_TEST_CASE(a_container_covers_what_is_below) {
    BOOST_TEST(out("/build/", "build/"));
    BOOST_TEST(out("/build/", "build/a/b"));
    BOOST_TEST(!out("/build/", "build")); // an object of that name is none
    BOOST_TEST(!out("/build/", "src/build/x"));
    BOOST_TEST(out("build", "src/build/x"));
}

BOOST_AUTO_TEST_CASE(the_last_match_decides) {
    BOOST_TEST(!excluded({{false, "*.o"}, {true, "keep.o"}}, "keep.o"));
    BOOST_TEST(excluded({{true, "keep.o"}, {false, "*.o"}}, "keep.o"));
}

BOOST_AUTO_TEST_CASE(classes_and_escapes) {
    BOOST_TEST(out("[a-c]x", "bx"));
    BOOST_TEST(!out("[!a-c]x", "bx"));
    BOOST_TEST(out("\\*", "*"));
    BOOST_TEST(!out("/\\*", "a"));
    BOOST_TEST(out("[", "["));
}

BOOST_AUTO_TEST_CASE(empty_globs_are_refused) {
    BOOST_TEST(!KeyFilter::make({{false, ""}}).ok());
    BOOST_TEST(!KeyFilter::make({{false, "/"}}).ok());
}

BOOST_AUTO_TEST_SUITE_END()
