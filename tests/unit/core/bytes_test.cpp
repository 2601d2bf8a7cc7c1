#include "syncline/core/bytes.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(bytes)

BOOST_AUTO_TEST_CASE(the_end_of_a_prefix_is_the_first_key_behind_it) {
    BOOST_TEST(end_of_prefix("a/") == "a0");
    BOOST_TEST(end_of_prefix("a\xff\xff") == "b");
    BOOST_TEST(end_of_prefix("\xff").empty());
    BOOST_TEST(end_of_prefix("").empty());
    BOOST_TEST(end_of_prefix("\x7f") == "\x80");
    BOOST_TEST(end_of_prefix(BytesView("a\0", 2)) == "a\x01");
}

BOOST_AUTO_TEST_CASE(containers_end_in_a_slash) {
    BOOST_TEST(is_container_key("a/"));
    BOOST_TEST(!is_container_key("a"));
    BOOST_TEST(!is_container_key(""));
}

BOOST_AUTO_TEST_SUITE_END()
