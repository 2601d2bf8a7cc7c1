#include "syncline/progress/run_progress.hpp"

namespace syncline {

std::string_view name_of(RunPhase phase) {
    switch (phase) {
    case RunPhase::starting:
        return "starting";
    case RunPhase::listing:
        return "listing";
    case RunPhase::planning:
        return "planning";
    case RunPhase::executing:
        return "syncing";
    case RunPhase::committing:
        return "committing";
    case RunPhase::finished:
        return "finished";
    }
    return "?";
}

ProgressSnapshot RunProgress::snapshot() const {
    constexpr auto relaxed = std::memory_order_relaxed;
    ProgressSnapshot s;
    s.phase = phase_.load(relaxed);
    s.items_listed = items_listed_.load(relaxed);
    s.items_compared = items_compared_.load(relaxed);
    s.ops_planned = ops_planned_.load(relaxed);
    s.ops_done = ops_done_.load(relaxed);
    s.bytes_planned = bytes_planned_.load(relaxed);
    s.bytes_done = bytes_done_.load(relaxed);
    s.errors = errors_.load(relaxed);
    return s;
}

} // namespace syncline
