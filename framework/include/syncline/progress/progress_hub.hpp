// Tells whoever listens how runs go. Each subscriber has a bounded channel of its own, so a slow
// one costs neither the run nor other subscribers anything.
//
//   ProgressSubscription progress = *hub.subscribe(run_id);
//   while (std::optional<ProgressMessage> message = progress.next(stop)) { show(*message); }
//
// What a channel delivers: at once a snapshot of where the run stands; then events, the oldest
// dropped and counted while too many wait; in between, no more often than the subscriber wishes,
// the latest snapshot if it changed; last, exactly once and never dropped, how the run ended. Then
// the channel is closed. A subscription to all runs gets that for each run and is closed with the
// hub.
//
// Threads: any for the hub and for feeds; a subscription belongs to one thread, except for close().
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/progress/run_progress.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>

namespace syncline {

using RunId = std::int64_t;

struct RunFinished {
    Status status;             // ok, or why the run failed or was given up
    ProgressSnapshot snapshot; // the last one
};

struct ProgressMessage {
    RunId run = 0;
    std::variant<ProgressSnapshot, std::shared_ptr<const RunEvent>, RunFinished> what;
};

struct SubscribeOptions {
    std::size_t events = 256;                     // that wait at most, at least one
    std::int64_t snapshot_every_ns = 100'000'000; // not more often; of the hub's clock
};

class ProgressChannel;

// Ends when it is destroyed or closed; what is in its channel is gone then.
class ProgressSubscription {
public:
    explicit ProgressSubscription(std::shared_ptr<ProgressChannel> channel);
    ~ProgressSubscription();
    ProgressSubscription(ProgressSubscription&& other) noexcept;
    ProgressSubscription& operator=(ProgressSubscription&& other) noexcept;
    ProgressSubscription(const ProgressSubscription&) = delete;
    ProgressSubscription& operator=(const ProgressSubscription&) = delete;

    // Waits for the next message. Empty: the channel is closed and everything was read, `stop` was
    // requested, or the deadline passed; is_closed() tells the first from the others.
    std::optional<ProgressMessage> next(const std::stop_token& stop,
                                        std::int64_t deadline_mono_ns = kNoDeadline);
    std::optional<ProgressMessage> poll(); // the same without waiting
    bool is_closed() const;                // and nothing is left to read
    std::uint64_t dropped() const;         // events, since the beginning
    void close();                          // any thread; wakes next()

private:
    std::shared_ptr<ProgressChannel> channel_;
};

// The run's end of the hub. It attaches itself to the counters; whoever destroys it without
// finish() gave the run up, and subscribers are told Code::aborted.
class RunFeed {
public:
    virtual ~RunFeed() = default;
    // The end. The first call counts; false for any other.
    virtual bool finish(const Status& status) = 0;
};

class ProgressHub {
public:
    virtual ~ProgressHub() = default; // closes every channel
    // `progress` must outlive the feed; the run's threads must have ended when the feed goes.
    // Code::already_exists while a run of that id is open.
    virtual Result<std::unique_ptr<RunFeed>> open(RunId run, RunProgress& progress) = 0;
    // Also for a run that ended, as long as it is remembered. Code::not_found for any other.
    virtual Result<ProgressSubscription> subscribe(RunId run, const SubscribeOptions& options) = 0;
    // Every open run and every one to come.
    virtual ProgressSubscription subscribe_all(const SubscribeOptions& options) = 0;
};

struct HubOptions {
    std::size_t remembered_runs = 64; // that ended, for late subscribers
};

std::unique_ptr<ProgressHub> make_progress_hub(const HubOptions& options, const Clock& clock);

} // namespace syncline
