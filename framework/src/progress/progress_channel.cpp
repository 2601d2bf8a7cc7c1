#include "progress/progress_channel.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace syncline {

ProgressChannel::ProgressChannel(const SubscribeOptions& options, bool closes_with_run,
                                 const Clock& clock)
    : options_(options), closes_with_run_(closes_with_run), clock_(clock),
      ring_(std::max<std::size_t>(options.events, 1)) {}

void ProgressChannel::wake(std::unique_lock<std::mutex>& lock) {
    const bool waits = waiting_;
    lock.unlock();
    if (waits) {
        changed_.notify_one();
    }
}

void ProgressChannel::add_run(std::shared_ptr<RunSource> source) {
    std::unique_lock lock(mutex_);
    if (!closed_) {
        Watched watched;
        watched.source = std::move(source);
        runs_.push_back(std::move(watched));
    }
    wake(lock);
}

void ProgressChannel::event(RunId run, std::shared_ptr<const RunEvent> event) {
    std::shared_ptr<const RunEvent> oldest; // freed outside the lock
    std::unique_lock lock(mutex_);
    if (closed_) {
        return;
    }
    const std::size_t at = (first_ + count_) % ring_.size();
    if (count_ == ring_.size()) {
        first_ = (first_ + 1) % ring_.size();
        ++dropped_;
    } else {
        ++count_;
    }
    oldest = std::move(ring_[at].event);
    ring_[at] = {run, std::move(event)};
    wake(lock);
}

void ProgressChannel::finished(RunId run, RunFinished end) {
    std::unique_lock lock(mutex_);
    for (Watched& watched : runs_) {
        if (watched.source->id() == run && !watched.end) {
            watched.end = std::move(end);
            break;
        }
    }
    closed_ = closed_ || closes_with_run_;
    wake(lock);
}

void ProgressChannel::close(bool discard) {
    std::unique_lock lock(mutex_);
    closed_ = true;
    if (discard) {
        abandoned_.store(true, std::memory_order_relaxed);
        runs_.clear();
        count_ = 0;
    }
    wake(lock);
}

bool ProgressChannel::closed_and_empty() const {
    return closed_ && count_ == 0 &&
           std::none_of(runs_.begin(), runs_.end(),
                        [](const Watched& watched) { return watched.end.has_value(); });
}

bool ProgressChannel::is_closed() const {
    const std::lock_guard lock(mutex_);
    return closed_and_empty();
}

std::uint64_t ProgressChannel::dropped() const {
    const std::lock_guard lock(mutex_);
    return dropped_;
}

std::optional<ProgressMessage> ProgressChannel::take_snapshot(std::int64_t now_ns) {
    for (Watched& watched : runs_) {
        if (watched.greeted && (watched.end || closed_ || now_ns < watched.due_ns)) {
            continue; // the end carries the last snapshot
        }
        const ProgressSnapshot now = watched.source->snapshot();
        watched.due_ns = now_ns + options_.snapshot_every_ns;
        if (watched.greeted && now == watched.last) {
            continue;
        }
        watched.greeted = true;
        watched.last = now;
        return ProgressMessage{watched.source->id(), now};
    }
    return std::nullopt;
}

// The first snapshot of a run comes before its events, its end after them; a flood of events and
// changing counters take turns.
std::optional<ProgressMessage> ProgressChannel::take(std::int64_t now_ns) {
    const bool some_new = std::any_of(runs_.begin(), runs_.end(),
                                      [](const Watched& watched) { return !watched.greeted; });
    if (some_new || !snapshot_last_ || count_ == 0) {
        if (std::optional<ProgressMessage> message = take_snapshot(now_ns)) {
            snapshot_last_ = true;
            return message;
        }
    }
    if (count_ > 0) {
        Queued& oldest = ring_[first_];
        ProgressMessage message{oldest.run, std::move(oldest.event)};
        first_ = (first_ + 1) % ring_.size();
        --count_;
        snapshot_last_ = false;
        return message;
    }
    const auto ended = std::find_if(runs_.begin(), runs_.end(),
                                    [](const Watched& watched) { return watched.end.has_value(); });
    if (ended == runs_.end()) {
        return std::nullopt;
    }
    ProgressMessage message{ended->source->id(), *std::move(ended->end)};
    runs_.erase(ended);
    return message;
}

std::optional<ProgressMessage> ProgressChannel::poll() {
    const std::int64_t now_ns = clock_.mono_ns();
    const std::lock_guard lock(mutex_);
    return take(now_ns);
}

std::int64_t ProgressChannel::next_due() const {
    std::int64_t due = kNoDeadline;
    for (const Watched& watched : runs_) {
        if (!closed_ && !watched.end) {
            due = std::min(due, watched.due_ns);
        }
    }
    return due;
}

std::optional<ProgressMessage> ProgressChannel::next(const std::stop_token& stop,
                                                     std::int64_t deadline_mono_ns) {
    std::int64_t now_ns = clock_.mono_ns();
    std::unique_lock lock(mutex_);
    while (true) {
        if (std::optional<ProgressMessage> message = take(now_ns)) {
            return message;
        }
        if (closed_and_empty() || stop.stop_requested() || now_ns >= deadline_mono_ns) {
            return std::nullopt;
        }
        // Something to take, or the end, besides the passing of time.
        const auto ready = [this] {
            return count_ > 0 || closed_ ||
                   std::any_of(runs_.begin(), runs_.end(), [](const Watched& watched) {
                       return watched.end.has_value() || !watched.greeted;
                   });
        };
        const std::int64_t until = std::min(deadline_mono_ns, next_due());
        waiting_ = true;
        if (until == kNoDeadline) {
            changed_.wait(lock, stop, ready);
        } else {
            changed_.wait_for(lock, stop, std::chrono::nanoseconds(until - now_ns), ready);
        }
        waiting_ = false;
        lock.unlock();
        now_ns = clock_.mono_ns();
        lock.lock();
    }
}

} // namespace syncline
