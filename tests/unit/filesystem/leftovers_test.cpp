#include "support.hpp"

#include <boost/test/unit_test.hpp>
#include <sys/file.h>

using namespace fstest;

namespace {

const std::string kLeftover = ".syncline-tmp-0123456789abcdef";
const std::string kOther = ".syncline-tmp-ffffffffffffffff";

} // namespace

BOOST_AUTO_TEST_SUITE(leftovers)

BOOST_AUTO_TEST_CASE(those_of_the_dead_are_removed_and_never_listed) {
    Playground ground;
    ground.directory("d");
    ground.write("d/" + kLeftover, "half a file");
    ground.link("d/" + kOther, "x");
    ground.write("d/f", "x");
    Client client(ground);
    const std::vector<std::string> expected = {"d/", "d/f"};
    BOOST_TEST(client.keys({}, SYNCLINE_CALL_DRY_RUN) == expected,
               boost::test_tools::per_element());
    BOOST_TEST(ground.exists("d/" + kLeftover));
    BOOST_TEST(ground.exists("d/" + kOther));
    BOOST_TEST(client.keys() == expected, boost::test_tools::per_element());
    BOOST_TEST(!ground.exists("d/" + kLeftover));
    BOOST_TEST(!ground.exists("d/" + kOther));
}

BOOST_AUTO_TEST_CASE(those_of_the_living_are_kept) {
    Playground ground;
    ground.write(kLeftover, "being written");
    Client client(ground);
    syncline::fs::Fd owner(::open(ground.path(kLeftover).c_str(), O_WRONLY | O_CLOEXEC));
    BOOST_REQUIRE_EQUAL(flock(owner.get(), LOCK_EX), 0);
    BOOST_TEST(client.keys().empty());
    BOOST_TEST(ground.exists(kLeftover));
    owner.reset();
    BOOST_TEST(client.keys().empty());
    BOOST_TEST(!ground.exists(kLeftover));
}

// While names are exchanged a temporary name belongs to the displaced file, which nobody has
// locked.
BOOST_AUTO_TEST_CASE(a_listing_during_an_exchange_keeps_the_displaced_file) {
    for (const bool no_tmpfile : {false, true}) {
        Playground ground;
        ground.write("f", "old");
        Client lister(ground);
        Tweaks tweaks;
        tweaks.no_tmpfile = no_tmpfile;
        tweaks.before_swap = [&] {
            const std::size_t before = ground.count_names();
            BOOST_TEST(before == 2U);
            BOOST_TEST(lister.keys() == std::vector<std::string>{"f"},
                       boost::test_tools::per_element());
            BOOST_TEST(ground.count_names() == before);
        };
        Client writer(ground, tweaks);
        BOOST_TEST(writer.put("f", "new", {SYNCLINE_COND_ALWAYS}).code == SYNCLINE_OK);
        BOOST_TEST(ground.count_names() == 1U);
        BOOST_TEST(ground.read("f") == "new");
    }
}

BOOST_AUTO_TEST_CASE(a_listing_while_a_body_arrives_keeps_its_temporary_file) {
    Playground ground;
    Tweaks tweaks;
    tweaks.no_tmpfile = true;
    Client writer(ground, tweaks);
    Client lister(ground);
    Source source("body");
    bool seen = false;
    source.before_read = [&] {
        seen = seen || ground.count_names() == 1;
        BOOST_TEST(lister.keys().empty());
    };
    BOOST_TEST(writer.put_from("f", source, {}).code == SYNCLINE_OK);
    BOOST_TEST(seen);
    BOOST_TEST(ground.read("f") == "body");
    BOOST_TEST(ground.count_names() == 1U);
}

BOOST_AUTO_TEST_CASE(they_do_not_keep_a_directory_from_being_removed) {
    Playground ground;
    ground.directory("d");
    ground.write("d/" + kLeftover, "half");
    Client client(ground);
    BOOST_TEST(client.remove("d/").code == SYNCLINE_OK);
    BOOST_TEST(!ground.exists("d"));
    ground.directory("d");
    ground.write("d/.syncline-tmp-short", "mine");
    BOOST_TEST(client.remove("d/").code == SYNCLINE_E_CONFLICT);
    BOOST_TEST(ground.exists("d/.syncline-tmp-short"));
}

BOOST_AUTO_TEST_CASE(a_directory_of_such_a_name_is_unknown_and_kept) {
    Playground ground;
    ground.directory(kLeftover);
    ground.write(kLeftover + "/f", "x");
    Client client(ground);
    const std::vector<Seen> items = client.list();
    BOOST_REQUIRE_EQUAL(items.size(), 1U);
    BOOST_TEST(items[0].key == kLeftover + "/");
    BOOST_TEST(items[0].unreadable());
    BOOST_TEST(ground.exists(kLeftover + "/f"));
}

BOOST_AUTO_TEST_SUITE_END()
