#include "time_text.hpp"

#include <array>
#include <cinttypes>
#include <cstdio>

namespace syncline::strategies {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;
constexpr std::int64_t kSecondsPerDay = 86'400;

} // namespace

std::string format_utc(std::int64_t ns_since_epoch, bool fraction) {
    std::int64_t seconds = ns_since_epoch / kNsPerSecond;
    std::int64_t ns = ns_since_epoch % kNsPerSecond;
    if (ns < 0) {
        ns += kNsPerSecond;
        --seconds;
    }
    std::int64_t days = seconds / kSecondsPerDay;
    std::int64_t second = seconds % kSecondsPerDay;
    if (second < 0) {
        second += kSecondsPerDay;
        --days;
    }
    // Years are counted from March, so that the leap day is the last day of a year. An era has 400
    // years.
    days += 719'468;
    const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
    const std::int64_t day_of_era = days - era * 146'097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t march_month = (5 * day_of_year + 2) / 153;
    const std::int64_t day = day_of_year - (153 * march_month + 2) / 5 + 1;
    const std::int64_t month = march_month < 10 ? march_month + 3 : march_month - 9;
    const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);

    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(),
                  "%04" PRId64 "-%02" PRId64 "-%02" PRId64 " %02" PRId64 ":%02" PRId64
                  ":%02" PRId64,
                  year, month, day, second / 3600, second / 60 % 60, second % 60);
    std::string out(text.data());
    if (fraction) {
        std::snprintf(text.data(), text.size(), ".%09" PRId64, ns);
        out += text.data();
    }
    return out;
}

std::string compact_utc(std::int64_t ns_since_epoch) {
    const std::string text = format_utc(ns_since_epoch, false);
    if (text.size() != sizeof("2026-11-02 10:00:00") - 1 || text[4] != '-') {
        return {};
    }
    return text.substr(0, 4) + text.substr(5, 2) + text.substr(8, 2) + "-" + text.substr(11, 2) +
           text.substr(14, 2) + text.substr(17, 2);
}

} // namespace syncline::strategies
