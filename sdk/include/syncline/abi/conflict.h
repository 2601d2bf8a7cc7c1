/*
 * Syncline plugin ABI: conflict strategies, "syncline.conflict/1".
 *
 * The host asks a strategy when both sides changed since they last agreed. Strategies form a chain:
 * DECLINE passes the question on. A decision is a pure function of its input, so that a plan can be
 * shown, repeated and explained: no network, no clock but now_wall_ns, no memory between calls.
 */
#ifndef SYNCLINE_ABI_CONFLICT_H
#define SYNCLINE_ABI_CONFLICT_H

#include <syncline/abi/call.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/item.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_IFACE_CONFLICT "syncline.conflict/1"
#define SYNCLINE_IFACE_CONFLICT_BASE "syncline.conflict-base/1"

/* syncline_conflict.kind; a strategy answers an unknown kind with DECLINE. */
#define SYNCLINE_CONFLICT_BOTH_CHANGED 1u
#define SYNCLINE_CONFLICT_TARGET_DELETED 2u /* source changed, target deleted */
#define SYNCLINE_CONFLICT_SOURCE_DELETED 3u /* source deleted, target changed */
#define SYNCLINE_CONFLICT_BOTH_CREATED 4u
#define SYNCLINE_CONFLICT_KIND_DIFFERS 5u
#define SYNCLINE_CONFLICT_KEY_COLLISION 6u /* equal only after the store folds names */
#define SYNCLINE_CONFLICT_BOTH_RENAMED 7u

/* syncline_decision.action; 0 is invalid, an unknown value is handled as DEFER. */
#define SYNCLINE_DECISION_KEEP_SOURCE 1u /* a deleted side wins by deleting the other */
#define SYNCLINE_DECISION_KEEP_TARGET 2u
#define SYNCLINE_DECISION_KEEP_BOTH 3u
#define SYNCLINE_DECISION_MERGE 4u   /* the bytes given to `merged` */
#define SYNCLINE_DECISION_SKIP 5u    /* leave both as they are, this time */
#define SYNCLINE_DECISION_DEFER 6u   /* to a person */
#define SYNCLINE_DECISION_DECLINE 7u /* to the next strategy in the chain */

/* One question. Owner: host, borrowed for the call. */
typedef struct syncline_conflict {
    uint32_t struct_size;
    uint32_t kind; /* SYNCLINE_CONFLICT_* */
    syncline_bytes key;
    const syncline_item* base;              /* NULL = no common ancestor is known */
    const syncline_item* source;            /* NULL = deleted */
    const syncline_item* target;            /* NULL = deleted */
    const syncline_content* base_content;   /* NULL = not available */
    const syncline_content* source_content; /* NULL = not available */
    const syncline_content* target_content; /* NULL = not available */
    syncline_str sync_id;
    syncline_str source_label; /* the side's name for people */
    syncline_str target_label;
    int64_t now_wall_ns; /* the only clock a strategy may use */
} syncline_conflict;

/* One answer. Owner: plugin, borrowed for the call to `decide`. */
typedef struct syncline_decision {
    uint32_t struct_size;
    uint32_t action;                  /* SYNCLINE_DECISION_* */
    syncline_bytes source_key;        /* KEEP_BOTH: where the source item goes; empty = stays */
    syncline_bytes target_key;        /* KEEP_BOTH: where the target item goes; empty = stays */
    syncline_str reason;              /* shown to people and kept in the run log */
    const syncline_item* merged_item; /* MERGE: metadata of the result; may be NULL */
    uint64_t flags;                   /* 0; unknown bits are ignored */
    uint64_t number_at; /* KEEP_BOTH: where in the new key its number begins; the host counts it */
    uint64_t number_size; /* up until the name is free. 0 = the host's own way: .conflict-<n> */
} syncline_decision;

/* Receives the answer. Owner: host, borrowed for the call. */
typedef struct syncline_decision_sink syncline_decision_sink;
struct syncline_decision_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] The next bytes of a merge result, any number of times before decide(MERGE). The
     * host copies, and forgets them unless the call returns OK. < 0: end the call with that status.
     */
    syncline_status (*merged)(const syncline_decision_sink* sink, const void* data, uint64_t size);

    /* [in-call] The answer, exactly once. The host copies. < 0: end the call with that status. */
    syncline_status (*decide)(const syncline_decision_sink* sink,
                              const syncline_decision* decision);
};

/* The interface. Owner: plugin, static. */
typedef struct syncline_conflict_strategy {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Gives exactly one decision. Reading contents may fail; that status is
     * returned. */
    syncline_status (*decide)(const syncline_plugin* plugin, const syncline_call* call,
                              const syncline_conflict* conflict,
                              const syncline_decision_sink* sink);
} syncline_conflict_strategy;

/* What a strategy that merges three ways offers beside it. The host then keeps the content that
 * both sides agreed on and gives it as base_content. Owner: plugin, static. */
typedef struct syncline_conflict_base {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any & configured] The largest body, in bytes, whose base this instance can use; 0 = none.
     * The same answer every time. Cannot fail. */
    uint64_t (*content_limit)(const syncline_plugin* plugin);
} syncline_conflict_base;

#ifdef __cplusplus
}
#endif

#endif
