/// Times as people read them, in UTC.
#ifndef SYNCLINE_STRATEGIES_BASIC_TIME_TEXT_HPP
#define SYNCLINE_STRATEGIES_BASIC_TIME_TEXT_HPP

#include <cstdint>
#include <string>

namespace syncline::strategies {

/// `2026-11-02 10:00:00`; with `fraction` also nine decimals.
std::string format_utc(std::int64_t ns_since_epoch, bool fraction);

/// `20261102-100000`, for names. Years outside of 0 to 9999 give an empty text.
std::string compact_utc(std::int64_t ns_since_epoch);

} // namespace syncline::strategies

#endif
