// One run as its subscribers see it: live counters while it runs, what they came to afterwards.
#pragma once

#include "syncline/progress/progress_hub.hpp"

#include <mutex>
#include <optional>

namespace syncline {

class RunSource {
public:
    RunSource(RunId id, const RunProgress& progress) : id_(id), progress_(&progress) {}

    RunId id() const { return id_; }
    ProgressSnapshot snapshot() const {
        const std::lock_guard lock(mutex_);
        return progress_ != nullptr ? progress_->snapshot() : end_.snapshot;
    }
    // Takes the last snapshot; the counters are not touched any more afterwards.
    RunFinished finish(const Status& status) {
        const std::lock_guard lock(mutex_);
        end_ = {status, progress_->snapshot()};
        end_.snapshot.phase = RunPhase::finished;
        progress_ = nullptr;
        return end_;
    }
    std::optional<RunFinished> end() const {
        const std::lock_guard lock(mutex_);
        return progress_ == nullptr ? std::optional(end_) : std::nullopt;
    }

private:
    const RunId id_;
    mutable std::mutex mutex_;
    const RunProgress* progress_; // null: finished
    RunFinished end_;
};

} // namespace syncline
