#include "progress_line.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cmath>
#include <cstdlib>

using namespace syncline;
using namespace syncline::host;

namespace {

constexpr std::int64_t kTenth = 100'000'000;

ProgressSnapshot executing(std::uint64_t ops, std::uint64_t bytes) {
    ProgressSnapshot s;
    s.phase = RunPhase::executing;
    s.ops_planned = 1'000;
    s.ops_done = ops;
    s.bytes_planned = 1'000'000'000;
    s.bytes_done = bytes;
    return s;
}

} // namespace

BOOST_AUTO_TEST_SUITE(progress_line_of_the_host)

// A line was cut wherever the terminal ended, so that numbers lost digits.
BOOST_AUTO_TEST_CASE(what_does_not_fit_goes_as_a_whole_the_least_important_first) {
    ProgressSnapshot s = executing(123, 456'000'000);
    s.queue_depth = 4;
    s.retries = 7;
    s.errors = 2;
    const Pace pace;
    const std::string all = progress_line(s, pace, 200);
    BOOST_TEST(all ==
               "syncing  123/1000 items  434.9 MiB of 953.7 MiB  4 queued  7 retries  2 errors");
    for (std::size_t width = 0; width <= all.size(); ++width) {
        const std::string line = progress_line(s, pace, width);
        BOOST_TEST(line.size() <= width);
        if (width >= 7) { // the phase is never cut, and no field is
            BOOST_TEST(all.starts_with(line.substr(0, 7)));
            for (std::size_t at = 0; at < line.size();) {
                const std::size_t end = std::min(line.find("  ", at), line.size());
                BOOST_TEST((all + "  ").find(line.substr(at, end - at) + "  ") !=
                           std::string::npos);
                at = end + 2;
            }
        }
    }
    BOOST_TEST(progress_line(s, pace, all.size() - 1).find("queued") == std::string::npos);
    BOOST_TEST(progress_line(s, pace, 40) == "syncing  123/1000 items  2 errors");
}

BOOST_AUTO_TEST_CASE(the_time_left_is_told_late_and_stays_calm) {
    Pace pace;
    std::uint64_t bytes = 0;
    std::optional<std::int64_t> before;
    int jumps = 0;
    // 10 items and, by turns, no bytes or 20 MB in a tenth of a second: 100 tenths in all.
    for (int i = 0; i <= 90; ++i) {
        pace.see(executing(static_cast<std::uint64_t>(10 * i), bytes), 1 + i * kTenth);
        bytes += i % 2 == 0 ? 0 : 20'000'000;
        const auto left = pace.seconds_left();
        if (i < 20) {
            BOOST_TEST(!left.has_value());
            continue;
        }
        BOOST_REQUIRE(left.has_value());
        BOOST_TEST(std::abs(static_cast<double>(*left) - (100.0 - i) / 10) <= 3.0);
        if (before && *left > *before) {
            ++jumps;
        }
        before = left;
    }
    BOOST_TEST(jumps <= 1);
}

BOOST_AUTO_TEST_CASE(nothing_is_told_that_is_not_known) {
    Pace pace;
    ProgressSnapshot listing;
    listing.phase = RunPhase::listing;
    listing.items_listed = 5;
    pace.see(listing, 1);
    BOOST_TEST(!pace.seconds_left().has_value());
    BOOST_TEST(progress_line(listing, pace, 80) == "listing  5 items listed");
    // A run that stands still has no time left to tell.
    for (int i = 0; i < 50; ++i) {
        pace.see(executing(0, 0), 2 + i * kTenth);
    }
    BOOST_TEST(!pace.seconds_left().has_value());
}

BOOST_AUTO_TEST_SUITE_END()
