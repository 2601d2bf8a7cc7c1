// Shows how runs go, on standard error: on a terminal one line, redrawn at most ten times a second
// and gone when the run ends; everywhere a line for each moment that explains a standstill (an
// endpoint that is left alone, a wait for quota).
#pragma once

#include "progress_line.hpp"
#include "syncline/lifecycle/component_base.hpp"
#include "syncline/progress/progress_hub.hpp"

#include <optional>
#include <thread>

namespace syncline::host {

class ProgressView : public ComponentBase {
public:
    // Whether standard error is a terminal on which a line can be redrawn.
    static bool can_draw();

    ProgressView(ProgressHub& hub, const Clock& clock, bool draws);
    ~ProgressView() override;

private:
    Status on_start(const std::stop_token& stop) override;
    Status on_stop(std::int64_t deadline_mono_ns) override; // clears the line

    void watch(const std::stop_token& stop);
    void draw(const ProgressSnapshot& now);
    void tell(const RunEvent& event);

    ProgressHub& hub_;
    const Clock& clock_;
    const bool draws_;

    // Of the watching thread.
    Pace pace_;
    std::int64_t told_quota_ns_ = 0;
    bool drawn_ = false;

    std::optional<ProgressSubscription> subscription_;
    std::jthread watcher_;
};

} // namespace syncline::host
