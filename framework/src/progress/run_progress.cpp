#include "syncline/progress/run_progress.hpp"

#include "syncline/core/log.hpp"

#include <utility>

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

std::string_view name_of(RunEventKind kind) {
    switch (kind) {
    case RunEventKind::phase_changed:
        return "phase changed";
    case RunEventKind::item_failed:
        return "item failed";
    case RunEventKind::quota_wait:
        return "waiting for quota";
    case RunEventKind::breaker_changed:
        return "breaker changed";
    }
    return "?";
}

void RunProgress::enter(RunPhase phase) {
    phase_.store(phase, std::memory_order_relaxed);
    log(LogLevel::debug, "run", "phase " + std::string(name_of(phase)));
    event(RunEventKind::phase_changed, Code::ok, {}, name_of(phase));
}

void RunProgress::report(RunEventSink& sink, RunEventKind kind, Code code, std::string_view subject,
                         std::string_view text) const {
    RunEvent event;
    event.kind = kind;
    event.phase = phase_.load(std::memory_order_relaxed);
    event.code = code;
    event.subject = subject;
    event.text = text;
    sink.report(std::move(event));
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
    s.retries = retries_.load(relaxed);
    s.quota_wait_ns = quota_wait_ns_.load(relaxed);
    s.waiting_for_quota = waiting_for_quota_.load(relaxed);
    s.breakers_open = breakers_open_.load(relaxed);
    s.queue_depth = queue_depth_.load(relaxed);
    s.queue_depth_max = queue_depth_max_.load(relaxed);
    return s;
}

} // namespace syncline
