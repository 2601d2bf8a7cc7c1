// Shows how far a run is on a terminal: one line, redrawn at most ten times a second, gone when the
// run ends. Elsewhere it shows nothing.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/progress/run_progress.hpp"

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

namespace syncline::host {

// The line for one snapshot, without control characters. `bytes_per_s` < 0: not known yet.
std::string progress_line(const ProgressSnapshot& snapshot, double bytes_per_s, double ops_per_s);

class ProgressView {
public:
    ProgressView(const RunProgress& progress, const Clock& clock, bool enabled);
    ~ProgressView();
    ProgressView(const ProgressView&) = delete;
    ProgressView& operator=(const ProgressView&) = delete;

    void close(); // clears the line; idempotent

private:
    void draw_until_closed();
    const RunProgress& progress_;
    const Clock& clock_;
    std::mutex mutex_;
    std::condition_variable closing_;
    bool closed_ = false;
    std::thread drawer_;
};

} // namespace syncline::host
