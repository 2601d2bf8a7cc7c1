// The words of the progress line, apart from the terminal they are drawn on.
#pragma once

#include "syncline/progress/run_progress.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace syncline::host {

// How fast a run goes and when it will be done. A look costs nothing but arithmetic; one thread.
//
// Small items cost time though they have few bytes, so an item counts as some bytes more: then one
// rate fits a run of both sorts and the estimate does not swing between them. The shown time counts
// down by itself and is set anew only when the estimate leaves it clearly.
class Pace {
public:
    void see(const ProgressSnapshot& now, std::int64_t mono_ns);

    std::optional<std::uint64_t> bytes_per_s() const;
    std::optional<std::int64_t> seconds_left() const; // none before it can be told

private:
    double left_s_ = -1; // as shown; below 0: not known
    double work_per_s_ = -1;
    double bytes_per_s_ = -1;
    std::int64_t began_ns_ = 0; // when executing was first seen; 0: not yet
    std::int64_t seen_ns_ = 0;
    ProgressSnapshot before_;
};

// One line of at most `width` characters, all of them printable ASCII. What does not fit is left
// out, field by field, the least important first; the phase stays.
std::string progress_line(const ProgressSnapshot& snapshot, const Pace& pace, std::size_t width);

} // namespace syncline::host
