// How far a run has got. Those who work add to counters (a few relaxed atomic adds, nothing else on
// their path); whoever shows progress takes snapshots as often as it likes. Events go to the sink
// that is attached; without one, or while nobody listens to it, an event costs a load or two.
#pragma once

#include "syncline/progress/run_event.hpp"

#include <atomic>
#include <cstdint>
#include <string_view>

namespace syncline {

struct ProgressSnapshot {
    RunPhase phase = RunPhase::starting;
    std::uint64_t items_listed = 0;   // both sides
    std::uint64_t items_compared = 0; // contents read to tell whether they changed
    std::uint64_t ops_planned = 0;
    std::uint64_t ops_done = 0;
    std::uint64_t bytes_planned = 0;
    std::uint64_t bytes_done = 0;
    std::uint64_t errors = 0;
    std::uint64_t retries = 0;
    std::uint64_t quota_wait_ns = 0;    // spent by calls, so two that wait at once count twice
    std::int64_t waiting_for_quota = 0; // calls that wait now
    std::int64_t breakers_open = 0;     // endpoints that are left alone now
    std::uint64_t queue_depth = 0;      // batches of operations handed to the workers and not done
    std::uint64_t queue_depth_max = 0;

    bool operator==(const ProgressSnapshot&) const = default;
};

// Threads: any. Counts are monotone within a run; a snapshot is not one instant, each of its
// numbers is.
class RunProgress {
public:
    void enter(RunPhase phase);
    void listed(std::uint64_t n) { items_listed_.fetch_add(n, std::memory_order_relaxed); }
    void compared() { items_compared_.fetch_add(1, std::memory_order_relaxed); }
    void planned(std::uint64_t ops, std::uint64_t bytes) {
        ops_planned_.store(ops, std::memory_order_relaxed);
        bytes_planned_.store(bytes, std::memory_order_relaxed);
    }
    void op_done() { ops_done_.fetch_add(1, std::memory_order_relaxed); }
    void bytes_done(std::uint64_t n) { bytes_done_.fetch_add(n, std::memory_order_relaxed); }
    void error() { errors_.fetch_add(1, std::memory_order_relaxed); }
    void retried() { retries_.fetch_add(1, std::memory_order_relaxed); }
    void waited_for_quota(std::uint64_t ns) {
        quota_wait_ns_.fetch_add(ns, std::memory_order_relaxed);
    }
    void waits_for_quota(bool begins) {
        waiting_for_quota_.fetch_add(begins ? 1 : -1, std::memory_order_relaxed);
    }
    void breaker_open(bool opens) {
        breakers_open_.fetch_add(opens ? 1 : -1, std::memory_order_relaxed);
    }
    void queue_depth(std::uint64_t depth) {
        queue_depth_.store(depth, std::memory_order_relaxed);
        std::uint64_t most = queue_depth_max_.load(std::memory_order_relaxed);
        while (most < depth &&
               !queue_depth_max_.compare_exchange_weak(most, depth, std::memory_order_relaxed)) {
        }
    }
    void event(RunEventKind kind, Code code, std::string_view subject, std::string_view text) {
        RunEventSink* const sink = sink_.load(std::memory_order_acquire);
        if (sink != nullptr && sink->wanted()) {
            report(*sink, kind, code, subject, text);
        }
    }
    // Null: none. It must outlive every call of event() that may still see it.
    void attach(RunEventSink* sink) { sink_.store(sink, std::memory_order_release); }
    ProgressSnapshot snapshot() const;

private:
    void report(RunEventSink& sink, RunEventKind kind, Code code, std::string_view subject,
                std::string_view text) const;

    std::atomic<RunEventSink*> sink_{nullptr};
    std::atomic<RunPhase> phase_{RunPhase::starting};
    std::atomic<std::uint64_t> items_listed_{0};
    std::atomic<std::uint64_t> items_compared_{0};
    std::atomic<std::uint64_t> ops_planned_{0};
    std::atomic<std::uint64_t> ops_done_{0};
    std::atomic<std::uint64_t> bytes_planned_{0};
    std::atomic<std::uint64_t> bytes_done_{0};
    std::atomic<std::uint64_t> errors_{0};
    std::atomic<std::uint64_t> retries_{0};
    std::atomic<std::uint64_t> quota_wait_ns_{0};
    std::atomic<std::int64_t> waiting_for_quota_{0};
    std::atomic<std::int64_t> breakers_open_{0};
    std::atomic<std::uint64_t> queue_depth_{0};
    std::atomic<std::uint64_t> queue_depth_max_{0};
};

} // namespace syncline
