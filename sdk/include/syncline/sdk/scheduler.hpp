/// What an author of a scheduler implements.
///
/// schedule() gives the whole plan each time and is a pure function of configuration, state and
/// request. The host owns time: no threads, no timers, no sleeping.
#ifndef SYNCLINE_SDK_SCHEDULER_HPP
#define SYNCLINE_SDK_SCHEDULER_HPP

#include <syncline/sdk/call.hpp>
#include <syncline/sdk/connector.hpp>
#include <syncline/sdk/handshake.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::sdk {

struct RunInfo {
    explicit RunInfo(const syncline_run_info& raw) noexcept
        : status(raw.status), sync_id(view(raw.sync_id)), run_id(raw.run_id),
          start_wall_ns(raw.start_wall_ns), duration_ns(raw.duration_ns),
          items_changed(raw.items_changed), bytes_moved(raw.bytes_moved), trigger(raw.trigger),
          flags(raw.flags) {
        if ((raw.flags & SYNCLINE_RUN_THIS_BOOT) != 0) {
            start_mono_ns = raw.start_mono_ns;
        }
    }
    bool is_running() const noexcept { return status == SYNCLINE_RUN_RUNNING; }

    syncline_status status;
    std::string_view sync_id;
    std::uint64_t run_id;
    std::int64_t start_wall_ns;
    std::optional<std::int64_t> start_mono_ns; ///< set if the run began in this boot
    std::int64_t duration_ns;
    std::uint64_t items_changed;
    std::uint64_t bytes_moved;
    std::uint32_t trigger;
    std::uint32_t flags;
};

struct SyncInfo {
    explicit SyncInfo(const syncline_sync_info& raw) noexcept
        : flags(raw.flags), id(view(raw.id)), schedule(view(raw.schedule)), labels(raw.labels),
          oldest_pending_wall_ns(raw.oldest_pending_wall_ns), last_status(raw.last_status),
          consecutive_failures(raw.consecutive_failures) {
        if (raw.pending_changes != SYNCLINE_COUNT_UNKNOWN) {
            pending_changes = raw.pending_changes;
        }
    }
    bool is_enabled() const noexcept { return (flags & SYNCLINE_SYNC_ENABLED) != 0; }
    bool is_running() const noexcept { return (flags & SYNCLINE_SYNC_RUNNING) != 0; }
    bool is_paused() const noexcept { return (flags & SYNCLINE_SYNC_PAUSED) != 0; }
    bool is_dirty() const noexcept { return (flags & SYNCLINE_SYNC_DIRTY) != 0; }

    std::uint32_t flags;
    std::string_view id;
    std::string_view schedule; ///< JSON text
    syncline_kvs labels;
    std::optional<std::uint64_t> pending_changes;
    std::int64_t oldest_pending_wall_ns; ///< 0 = none
    syncline_status last_status;
    std::uint32_t consecutive_failures;
};

struct Event {
    explicit Event(const syncline_event& raw)
        : type(raw.type), wall_ns(raw.wall_ns), mono_ns(raw.mono_ns), sync_id(view(raw.sync_id)),
          key_prefix(view(raw.key_prefix)), count(raw.count) {
        if (raw.run != nullptr) {
            run.emplace(load(raw.run));
        }
    }

    std::uint32_t type; ///< SYNCLINE_EVENT_*, or a value to ignore
    std::int64_t wall_ns;
    std::int64_t mono_ns;
    std::string_view sync_id;
    std::optional<RunInfo> run;
    std::string_view key_prefix;
    std::uint64_t count;
};

/// Iterating `syncs` and `runs` gives SyncInfo and RunInfo by value.
struct ScheduleRequest {
    explicit ScheduleRequest(const syncline_schedule_req& raw)
        : reason(raw.reason), now_wall_ns(raw.now_wall_ns), now_mono_ns(raw.now_mono_ns),
          utc_offset_s(raw.utc_offset_s), max_parallel(raw.max_parallel),
          syncs(raw.syncs, raw.sync_count, raw.sync_stride),
          runs(raw.runs, raw.run_count, raw.run_stride), timezone(view(raw.timezone)) {}

    std::uint32_t reason;
    std::int64_t now_wall_ns;
    std::int64_t now_mono_ns;
    std::int32_t utc_offset_s;
    std::uint32_t max_parallel;
    Strided<syncline_sync_info, SyncInfo> syncs;
    Strided<syncline_run_info, RunInfo> runs; ///< newest first
    std::string_view timezone;
};

struct ScheduleEntry {
    std::string_view sync_id;
    std::int64_t not_before_mono_ns = 0;
    std::int32_t priority = 0;
    std::uint32_t trigger = SYNCLINE_TRIGGER_SCHEDULE;
    std::string_view reason;
    std::uint32_t flags = 0;
};

class ScheduleSink {
public:
    explicit ScheduleSink(const syncline_schedule_sink* raw) : raw_(raw) { load(raw); }

    void run(const ScheduleEntry& entry) {
        syncline_schedule_entry raw{};
        raw.struct_size = sizeof(raw);
        raw.flags = entry.flags;
        raw.sync_id = str(entry.sync_id);
        raw.not_before_mono_ns = entry.not_before_mono_ns;
        raw.priority = entry.priority;
        raw.trigger = entry.trigger;
        raw.reason = str(entry.reason);
        pass(raw_->run(raw_, &raw));
    }
    /// At most once: when to be asked again if nothing happens before.
    void wake(std::int64_t mono_ns) { pass(raw_->wake(raw_, mono_ns)); }

private:
    static void pass(syncline_status status) {
        if (status < 0) {
            throw StreamError(status);
        }
    }
    const syncline_schedule_sink* raw_;
};

class Scheduler {
public:
    Scheduler() = default;
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    virtual ~Scheduler() = default;

    /// Bookkeeping only.
    virtual void on_event(Call&, const Event&) {}
    virtual void schedule(Call& call, const ScheduleRequest& request, ScheduleSink& sink) = 0;
};

} // namespace syncline::sdk

#endif
