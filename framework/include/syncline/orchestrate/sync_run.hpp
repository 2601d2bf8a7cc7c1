// One run of one sync, from two locations to a report: lock, endpoints, guards, plan, execution,
// history.
//
// Threads: run_sync() runs in its caller's thread and uses others inside; different syncs may run
// at the same time.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/losses.hpp"
#include "syncline/orchestrate/strategy_spec.hpp"
#include "syncline/plugin/plugin_registry.hpp"
#include "syncline/pool/worker_pool.hpp"
#include "syncline/progress/run_progress.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/resilience/call_guard.hpp"
#include "syncline/state/state.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace syncline {

// Whether runs keep the contents that they overwrite or delete in the archive.
enum class Archiving : std::uint8_t {
    off = 1,
    local = 2, // of sides whose contents can be had without fetching them
    all = 3,
};

// One of several sorts of items that a sync joins: a table, say, and the directory that mirrors it.
struct ResourceSpec {
    std::string name;        // unique in its sync; part of what its base is known by
    std::string source_type; // what the source's connector calls it; empty: its only one
    std::string target_type;
    std::string key_pattern; // of the target's keys (KeyMap); empty: the same as the source's
    Rules rules;
    std::vector<std::string> strategies;       // as in SyncSpec
    std::vector<ChainSpec> pattern_strategies; // as in SyncSpec
};

struct SyncSpec {
    std::string source; // directory or endpoint URL, as a person writes it
    std::string target;
    Rules rules;
    // The chain, first to last: ids or their last labels, with options as in a URL.
    std::vector<std::string> strategies;
    std::vector<ChainSpec> pattern_strategies; // instead of it for some keys; the last that fits
    // Several resource types, each with a base, rules and chains of its own: all are planned
    // before any is executed, and executed in this order. Empty: one, with the rules and chains
    // above.
    std::vector<ResourceSpec> resources;
    std::filesystem::path state_directory;
    std::uint64_t bytes_per_s = 0; // of bodies, both directions together; 0: no limit
    std::size_t workers = 2;       // operations at the same time, as far as the pool has workers
    GuardOptions guard;            // of each side
    Archiving archiving = Archiving::local;
};

// One operation that did not simply succeed, or was decided in a way worth telling.
struct ReportedItem {
    Outcome outcome = Outcome::failed;
    Bytes key;
    Action action = Action::skip;
    Side side = Side::target;
    ConflictKind conflict = ConflictKind::none;
    Code code = Code::ok;
    std::string message;
};

// What an endpoint's guard did during the run.
struct ReportedGuard {
    Side side = Side::source;
    GuardStats stats;
};

// A content that was overwritten or deleted although the archive could not take it.
struct NotArchived {
    Bytes key;
    Side side = Side::target;
    std::string why;
};

struct SyncReport {
    Status error; // the run ended before it could carry out its plan; nothing below is whole then
    std::int64_t run_id = 0; // 0: nothing was executed, so no run was recorded
    std::string sync_name;
    std::string source;
    std::string target;
    Mode mode = Mode::two_way;
    bool dry_run = false;
    std::array<std::uint64_t, 2> listed{};
    PlanCounts counts;
    Outcomes outcomes;
    std::array<std::uint64_t, kActionNumbers> done{}; // by Action
    std::uint64_t unreadable = 0; // of the skipped: those that could not be read
    std::uint64_t bytes = 0;
    Losses losses; // what copies do not keep
    std::int64_t duration_ms = 0;
    std::vector<ReportedItem> items; // at most kReportedItems; the state keeps them all
    std::uint64_t items_left_out = 0;
    std::vector<NotArchived> not_archived; // at most kReportedItems; the journal says it of all
    std::uint64_t not_archived_count = 0;
    std::string command = "sync"; // or "resolve", "retry", "drop"; or "undo", "restore" of `of_run`
    std::vector<Bytes> dropped;   // failures that were taken off the list
    std::int64_t of_run = 0;
    Status guard;                      // a guard that stopped the run before anything changed
    Status stopped;                    // why a side was given up
    std::vector<ReportedGuard> guards; // of the sides that were called
    std::uint64_t queue_depth_max =
        0;                 // batches of operations handed to the workers at the same time
    Unresolved unresolved; // who was asked about the conflicts that stay
    bool interrupted = false;
    bool first_run = false;
    std::string resource; // which of the sync's resource types; empty: the only one
    // Of a sync with several: the report of each, in their order. The fields of the whole are their
    // sums, and the first error, guard and reason to stop among them.
    std::vector<SyncReport> resources;
    std::string plan_id; // of the plan file that was written or carried out; empty: none was
    std::uint64_t retries = 0;
    std::int64_t quota_wait_ms = 0; // spent by calls, so two that wait at once count twice
};
inline constexpr std::size_t kReportedItems = 10'000;

// What becomes of conflicts in a run over some keys.
enum class Take : std::uint8_t {
    chain = 1, // what the sync's strategies say
    source = 2,
    target = 3,
    both = 4, // as the chain, which is keep-both then
    content = 5,
};

// A run over some keys only: what a person resolved, or what failed before.
struct Selection {
    std::vector<Bytes> keys; // ascending, each once; no containers
    Take take = Take::chain;
    Bytes content;              // Take::content: what both sides get
    std::vector<RunNote> seen;  // conflicts a person decided on: the sides must be as noted there
    std::vector<Bytes> dropped; // failures that do not stay open; with no keys. Ascending
};
struct Explanation;

struct RunControl {
    std::stop_token drain;                // finish what is under way, then stop
    std::stop_token stop;                 // stop that, too
    bool dry_run = false;                 // plan only
    const Selection* selection = nullptr; // null: everything; outlives the run
    // Sees every planned operation in key order, bookkeeping left out, before anything is executed.
    // May be empty.
    std::function<void(const PlannedOp&)> show;
    // A plan that its guards let pass also goes to this file. Empty: to none.
    std::filesystem::path write_plan;
    // The plan in this file is carried out instead of making one; the spec must be that of its
    // header. Empty: one is made.
    std::filesystem::path apply_plan;
    // Say what would happen to its key instead of doing anything. Null: do it.
    Explanation* explain = nullptr;
};

// What runs share with others and with those who watch them. Outlives the run.
struct RunServices {
    PluginRegistry& plugins;
    WorkerPool& pool; // running; a run has a lane of its own in it
    RunProgress& progress;
    const Clock& clock;
};

SyncReport run_sync(const RunServices& services, const SyncSpec& spec, const RunControl& control);

// The report as the JSON document that -o json prints and the history keeps. `exit_code`: of the
// process, which knows by which signal a run was interrupted.
std::string report_json(const SyncReport& report, int exit_code);

} // namespace syncline
