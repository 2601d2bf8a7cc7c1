// Shows how runs go, on standard error: on a terminal one line, redrawn at most ten times a second
// and gone when the run ends; everywhere a line for each moment that explains a standstill (an
// endpoint that is left alone, a wait for quota).
#pragma once

#include "syncline/lifecycle/component_base.hpp"
#include "syncline/progress/progress_hub.hpp"

#include <optional>
#include <string>
#include <thread>

namespace syncline::host {

// The line for one snapshot, without control characters. Rates below 0: not known yet.
std::string progress_line(const ProgressSnapshot& snapshot, double bytes_per_s, double ops_per_s);

class ProgressView : public ComponentBase {
public:
    ProgressView(ProgressHub& hub, const Clock& clock, bool on_terminal);
    ~ProgressView() override;

private:
    Status on_start(const std::stop_token& stop) override;
    Status on_stop(std::int64_t deadline_mono_ns) override; // clears the line

    void watch(const std::stop_token& stop);
    void draw(const ProgressSnapshot& now);
    void tell(const RunEvent& event);

    ProgressHub& hub_;
    const Clock& clock_;
    const bool on_terminal_;

    // Of the watching thread.
    ProgressSnapshot before_;
    std::int64_t before_ns_ = 0;
    std::int64_t told_quota_ns_ = 0;
    double bytes_per_s_ = -1;
    double ops_per_s_ = -1;
    bool drawn_ = false;

    std::optional<ProgressSubscription> subscription_;
    std::jthread watcher_;
};

} // namespace syncline::host
