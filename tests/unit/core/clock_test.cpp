#include "syncline/core/clock.hpp"

#include "fakes/fake_clock.hpp"

#include <boost/test/unit_test.hpp>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(clocks)

BOOST_AUTO_TEST_CASE(the_machine_s_clock_moves_forward) {
    const Clock& clock = system_clock();
    const std::int64_t before = clock.mono_ns();
    BOOST_TEST(clock.mono_ns() >= before);
    BOOST_TEST(clock.wall_ns() > 1'600'000'000'000'000'000);
}

BOOST_AUTO_TEST_CASE(the_fake_clock_moves_only_when_told) {
    fakes::FakeClock clock;
    const std::int64_t mono = clock.mono_ns();
    const std::int64_t wall = clock.wall_ns();
    BOOST_TEST(clock.mono_ns() == mono);
    clock.advance_ms(5);
    BOOST_TEST(clock.mono_ns() == mono + 5'000'000);
    BOOST_TEST(clock.wall_ns() == wall + 5'000'000);
    clock.set_wall(7);
    BOOST_TEST(clock.mono_ns() == mono + 5'000'000);
    BOOST_TEST(clock.wall_ns() == 7);
}

BOOST_AUTO_TEST_SUITE_END()
