/*
 * Syncline plugin ABI: schedulers, "syncline.scheduler/1".
 *
 * A scheduler says when a sync is due; the host alone orders due runs, enforces limits and owns
 * time. There is one instance per scheduler id. It sees the syncs that name it, each with its own
 * JSON. It starts no threads, sets no timers and never sleeps: the plan it gives is a pure function
 * of its configuration, its state and the request, and replaces the plan before.
 */
#ifndef SYNCLINE_ABI_SCHEDULER_H
#define SYNCLINE_ABI_SCHEDULER_H

#include <syncline/abi/call.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_IFACE_SCHEDULER "syncline.scheduler/1"

/* syncline_event.type and syncline_schedule_req.reason; unknown values are ignored. */
#define SYNCLINE_EVENT_CHANGED 1u
#define SYNCLINE_EVENT_RUN_STARTED 2u
#define SYNCLINE_EVENT_RUN_FINISHED 3u
#define SYNCLINE_EVENT_SYNC_ADDED 4u
#define SYNCLINE_EVENT_SYNC_REMOVED 5u
#define SYNCLINE_EVENT_SYNC_EDITED 6u
#define SYNCLINE_EVENT_CLOCK_JUMPED 7u
#define SYNCLINE_EVENT_RESUMED 8u
#define SYNCLINE_EVENT_WAKE 9u

/* syncline_sync_info.flags; unknown bits are ignored. */
#define SYNCLINE_SYNC_ENABLED 1u
#define SYNCLINE_SYNC_RUNNING 2u
#define SYNCLINE_SYNC_PAUSED 4u
#define SYNCLINE_SYNC_DIRTY 8u /* a change was seen since the last run began */

/* syncline_run_info.status: not finished. */
#define SYNCLINE_RUN_RUNNING 1

/* syncline_run_info.flags; unknown bits are ignored. */
#define SYNCLINE_RUN_THIS_BOOT 1u /* start_mono_ns is valid */
#define SYNCLINE_RUN_PARTIAL 2u   /* some items failed or were left */

/* syncline_run_info.trigger and syncline_schedule_entry.trigger; unknown means SCHEDULE. */
#define SYNCLINE_TRIGGER_SCHEDULE 1u
#define SYNCLINE_TRIGGER_CHANGE 2u
#define SYNCLINE_TRIGGER_PERSON 3u
#define SYNCLINE_TRIGGER_RETRY 4u
#define SYNCLINE_TRIGGER_STARTUP 5u

/* syncline_schedule_entry.flags; unknown bits are ignored. */
#define SYNCLINE_SCHEDULE_REPLACE_QUEUED 1u

/* syncline_sync_info.pending_changes: not known. */
#define SYNCLINE_COUNT_UNKNOWN UINT64_MAX

/* One past or current run. Owner: host. */
typedef struct syncline_run_info {
    uint32_t struct_size;
    int32_t status; /* 0 ok, < 0 a status code, SYNCLINE_RUN_RUNNING */
    syncline_str sync_id;
    uint64_t run_id;
    int64_t start_wall_ns;
    int64_t start_mono_ns; /* valid only with SYNCLINE_RUN_THIS_BOOT */
    int64_t duration_ns;
    uint64_t items_changed;
    uint64_t bytes_moved;
    uint32_t trigger; /* SYNCLINE_TRIGGER_* */
    uint32_t flags;   /* SYNCLINE_RUN_* */
} syncline_run_info;

/* One configured sync. Owner: host. */
typedef struct syncline_sync_info {
    uint32_t struct_size;
    uint32_t flags; /* SYNCLINE_SYNC_* */
    syncline_str id;
    syncline_str schedule; /* JSON text of this sync's schedule */
    syncline_kvs labels;
    uint64_t pending_changes;       /* or SYNCLINE_COUNT_UNKNOWN */
    int64_t oldest_pending_wall_ns; /* 0 = none */
    int32_t last_status;            /* syncline_status of the last run */
    uint32_t consecutive_failures;
} syncline_sync_info;

/* Something happened. Owner: host, borrowed for the call. */
typedef struct syncline_event {
    uint32_t struct_size;
    uint32_t type; /* SYNCLINE_EVENT_* */
    int64_t wall_ns;
    int64_t mono_ns;
    syncline_str sync_id;
    const syncline_run_info* run; /* RUN_STARTED, RUN_FINISHED; else NULL */
    syncline_bytes key_prefix;    /* CHANGED: a hint */
    uint64_t count;               /* how many such events were merged into this one */
} syncline_event;

/* Everything to plan from. Owner: host, borrowed for the call. */
typedef struct syncline_schedule_req {
    uint32_t struct_size;
    uint32_t reason; /* SYNCLINE_EVENT_* that caused this question */
    int64_t now_wall_ns;
    int64_t now_mono_ns;
    int32_t utc_offset_s; /* of the local time zone, now */
    uint32_t max_parallel;
    const syncline_sync_info* syncs; /* sync_stride bytes apart */
    uint64_t sync_count;
    uint64_t sync_stride;
    const syncline_run_info* runs; /* newest first, bounded by the host; run_stride bytes apart */
    uint64_t run_count;
    uint64_t run_stride;
    syncline_str timezone; /* IANA name, may be empty */
} syncline_schedule_req;

/* One due run. Owner: plugin, borrowed for the call to `run`. */
typedef struct syncline_schedule_entry {
    uint32_t struct_size;
    uint32_t flags;             /* SYNCLINE_SCHEDULE_* */
    syncline_str sync_id;       /* unknown ids are ignored */
    int64_t not_before_mono_ns; /* <= now: due now */
    int32_t priority;           /* higher first */
    uint32_t trigger;           /* SYNCLINE_TRIGGER_* */
    syncline_str reason;        /* for people */
} syncline_schedule_entry;

/* Receives the plan. Owner: host, borrowed for the call. */
typedef struct syncline_schedule_sink syncline_schedule_sink;
struct syncline_schedule_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] One entry of the new plan, any number of times. The host copies. < 0: end the call
     * with that status; the old plan then stays. */
    syncline_status (*run)(const syncline_schedule_sink* sink,
                           const syncline_schedule_entry* entry);

    /* [in-call] When to ask again if nothing happens before; at most once. < 0: end the call with
     * it. */
    syncline_status (*wake)(const syncline_schedule_sink* sink, int64_t mono_ns);
};

/* The interface. Owner: plugin, static. */
typedef struct syncline_scheduler {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Bookkeeping only; unknown event types are ignored with OK. */
    syncline_status (*on_event)(const syncline_plugin* plugin, const syncline_call* call,
                                const syncline_event* event);

    /* [worker & configured] Gives the whole plan. INVALID_CONFIG with details `path` and `key` (the
     * sync) if a sync's schedule text cannot be understood. */
    syncline_status (*schedule)(const syncline_plugin* plugin, const syncline_call* call,
                                const syncline_schedule_req* req,
                                const syncline_schedule_sink* sink);
} syncline_scheduler;

#ifdef __cplusplus
}
#endif

#endif
