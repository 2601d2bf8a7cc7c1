// How far a run has got. Those who work add to counters (a few relaxed atomic adds, nothing else on
// their path); whoever shows progress takes snapshots as often as it likes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

namespace syncline {

enum class RunPhase : std::uint8_t { starting, listing, planning, executing, committing, finished };
std::string_view name_of(RunPhase phase);

struct ProgressSnapshot {
    RunPhase phase = RunPhase::starting;
    std::uint64_t items_listed = 0;   // both sides
    std::uint64_t items_compared = 0; // contents read to tell whether they changed
    std::uint64_t ops_planned = 0;
    std::uint64_t ops_done = 0;
    std::uint64_t bytes_planned = 0;
    std::uint64_t bytes_done = 0;
    std::uint64_t errors = 0;
};

// Threads: any. Values are monotone within a run; a snapshot is not one instant, each of its
// numbers is.
class RunProgress {
public:
    void enter(RunPhase phase) { phase_.store(phase, std::memory_order_relaxed); }
    void listed(std::uint64_t n) { items_listed_.fetch_add(n, std::memory_order_relaxed); }
    void compared() { items_compared_.fetch_add(1, std::memory_order_relaxed); }
    void planned(std::uint64_t ops, std::uint64_t bytes) {
        ops_planned_.store(ops, std::memory_order_relaxed);
        bytes_planned_.store(bytes, std::memory_order_relaxed);
    }
    void op_done() { ops_done_.fetch_add(1, std::memory_order_relaxed); }
    void bytes_done(std::uint64_t n) { bytes_done_.fetch_add(n, std::memory_order_relaxed); }
    void error() { errors_.fetch_add(1, std::memory_order_relaxed); }
    ProgressSnapshot snapshot() const;

private:
    std::atomic<RunPhase> phase_{RunPhase::starting};
    std::atomic<std::uint64_t> items_listed_{0};
    std::atomic<std::uint64_t> items_compared_{0};
    std::atomic<std::uint64_t> ops_planned_{0};
    std::atomic<std::uint64_t> ops_done_{0};
    std::atomic<std::uint64_t> bytes_planned_{0};
    std::atomic<std::uint64_t> bytes_done_{0};
    std::atomic<std::uint64_t> errors_{0};
};

} // namespace syncline
