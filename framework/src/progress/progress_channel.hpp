// A subscriber's channel: events in a ring that drops the oldest, ends of runs in a list that drops
// nothing, snapshots not at all: they are taken from the counters by the reader when they are due.
//
// Senders take the lock for the moment of a push and never wait; they wake the reader only if it
// waits.
#pragma once

#include "progress/run_source.hpp"
#include "syncline/progress/progress_hub.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>
#include <vector>

namespace syncline {

class ProgressChannel {
public:
    ProgressChannel(const SubscribeOptions& options, bool closes_with_run, const Clock& clock);

    // ---- senders ----
    void add_run(std::shared_ptr<RunSource> source); // its snapshot is due at once
    void event(RunId run, std::shared_ptr<const RunEvent> event);
    void finished(RunId run, RunFinished end);
    void close(bool discard);
    bool is_abandoned() const { return abandoned_.load(std::memory_order_relaxed); }

    // ---- the subscriber ----
    std::optional<ProgressMessage> next(const std::stop_token& stop, std::int64_t deadline_mono_ns);
    std::optional<ProgressMessage> poll();
    bool is_closed() const;
    std::uint64_t dropped() const;

private:
    struct Watched {
        std::shared_ptr<RunSource> source;
        bool greeted = false; // its first snapshot was delivered
        ProgressSnapshot last;
        std::int64_t due_ns = 0; // the next snapshot, not before
        std::optional<RunFinished> end;
    };
    struct Queued {
        RunId run = 0;
        std::shared_ptr<const RunEvent> event;
    };

    std::optional<ProgressMessage> take(std::int64_t now_ns);
    std::optional<ProgressMessage> take_snapshot(std::int64_t now_ns);
    std::int64_t next_due() const;
    bool closed_and_empty() const;
    void wake(std::unique_lock<std::mutex>& lock);

    const SubscribeOptions options_;
    const bool closes_with_run_;
    const Clock& clock_;
    std::atomic<bool> abandoned_{false}; // the subscriber went away

    mutable std::mutex mutex_;
    std::condition_variable_any changed_;
    bool waiting_ = false;
    bool closed_ = false;
    bool snapshot_last_ = false; // what was delivered last
    std::vector<Watched> runs_;  // not ended, or their end not delivered
    std::vector<Queued> ring_;
    std::size_t first_ = 0; // the oldest in ring_
    std::size_t count_ = 0;
    std::uint64_t dropped_ = 0;
};

} // namespace syncline
