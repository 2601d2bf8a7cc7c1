#include "syncline/reconcile/strategy_chain.hpp"

#include "fakes/world.hpp"
#include "syncline/core/text.hpp"

using namespace syncline;
using namespace syncline::fakes;

BOOST_AUTO_TEST_SUITE(strategy_chain)

BOOST_AUTO_TEST_CASE(a_conflict_number_stands_before_the_extension) {
    BOOST_TEST(with_conflict_number("d.x/name.txt", 2) == "d.x/name.conflict-2.txt");
    BOOST_TEST(with_conflict_number("name.conflict-2.txt", 11) == "name.conflict-11.txt");
    BOOST_TEST(with_conflict_number(".hidden", 1) == ".hidden.conflict-1");
}

// keep-both could not store the copy of a file with a long name.
BOOST_AUTO_TEST_CASE(a_long_name_makes_room_for_its_conflict_number) {
    const Bytes folder = Bytes(300, 'd') + "/"; // a key's other segments do not count
    for (const unsigned number : {1U, 10U, 12345U}) {
        const Bytes mark = ".conflict-" + std::to_string(number);
        const Bytes plain = with_conflict_number(folder + Bytes(251, 'n') + ".txt", number);
        BOOST_TEST(plain.size() == folder.size() + 255);
        BOOST_TEST(plain.ends_with("n" + mark + ".txt"));
        // The same number for the copy gives the same name, another one as long a name.
        BOOST_TEST(with_conflict_number(plain, number) == plain);
        BOOST_TEST(with_conflict_number(plain, number + 1) != plain);
        for (std::size_t ascii = 0; ascii < 4; ++ascii) {
            for (const char* letter : {"\u00e9", "\u6f22", "\U0001f600"}) {
                Bytes name(ascii, 'a');
                while (name.size() + std::string_view(letter).size() <= 255) {
                    name += letter;
                }
                const Bytes copy = with_conflict_number(folder + name, number);
                BOOST_TEST(copy.size() <= folder.size() + 255);
                BOOST_TEST(copy.size() > folder.size() + 255 - 4);
                BOOST_TEST(is_utf8(copy));
                BOOST_TEST(copy.ends_with(mark));
            }
        }
        const Bytes dotted = with_conflict_number("a." + Bytes(253, 'x'), number);
        BOOST_TEST(dotted.size() == 255U);
        BOOST_TEST(dotted.ends_with("x" + mark));
        const Bytes binary = with_conflict_number(Bytes(255, '\x80'), number);
        BOOST_TEST(binary.size() <= 255U);
        BOOST_TEST(binary.ends_with(mark));
    }
}

// "no strategy decided" told nobody why.
BOOST_AUTO_TEST_CASE(a_conflict_says_why_each_strategy_passed) {
    World w;
    w.registry.strategies["undecided"] = [](const Conflict&) -> Result<Decision> {
        Decision decision;
        decision.action = DecisionAction::decline;
        decision.reason = "both sides are equally old";
        return decision;
    };
    w.chain = {"undecided", "decline", "failing"};
    w.a.add_object("k", "one", 1'000);
    w.b.add_object("k", "two", 1'000);
    const SyncReport report = w.run();
    BOOST_REQUIRE_EQUAL(report.items.size(), 1U);
    BOOST_TEST(report.items[0].message ==
               "undecided declined: both sides are equally old; decline declined; failing failed: "
               "broke");
}

BOOST_AUTO_TEST_CASE(a_number_stands_where_the_strategy_says) {
    BOOST_TEST(with_number_at("d/name (copy 1).txt", 13, 1, 12) == "d/name (copy 12).txt");
    BOOST_TEST(with_number_at("7", 0, 1, 8) == "8");
    const Bytes folder = Bytes(300, 'd') + "/";
    for (const unsigned number : {1U, 10U, 12345U}) {
        const Bytes name = Bytes(251, 'n') + "~1.txt";
        const Bytes copy = with_number_at(folder + name, folder.size() + 252, 1, number);
        BOOST_TEST(copy.size() <= folder.size() + 255);
        BOOST_TEST(copy.ends_with("n~" + std::to_string(number) + ".txt"));
    }
}

BOOST_AUTO_TEST_CASE(all_guards_that_trip_are_told_at_once) {
    World w;
    for (int i = 0; i < 6; ++i) {
        w.a.add_object("k" + std::to_string(i), "x", 1'000);
    }
    w.run();
    for (int i = 0; i < 6; ++i) {
        w.a.erase("k" + std::to_string(i));
    }
    const SyncReport report = w.run();
    for (const char* flag : {"--force=emptied", "--force=deletions"}) {
        BOOST_TEST(report.guard.message().find(flag) != std::string::npos, flag);
    }
}

BOOST_AUTO_TEST_SUITE_END()
