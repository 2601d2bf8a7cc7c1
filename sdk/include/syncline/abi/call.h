/*
 * Syncline plugin ABI: the context of one call.
 *
 * Every fallible function of a plugin receives a syncline_call. Through it the plugin learns about
 * cancellation and the deadline, and reports error text, details and progress. The host owns it; it
 * is valid until the function it was passed to returns, and so is everything it points to.
 */
#ifndef SYNCLINE_ABI_CALL_H
#define SYNCLINE_ABI_CALL_H

#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* syncline_call.flags; unknown bits are ignored. */
#define SYNCLINE_CALL_DRY_RUN 1u /* change nothing, not even leftovers of earlier runs */
#define SYNCLINE_CALL_RETRY 2u   /* the same operation was tried before */

/* syncline_call.deadline_mono_ns: no deadline. */
#define SYNCLINE_NO_DEADLINE INT64_MAX

/* Retry classes for set_retry and syncline_batch_result; an unknown value means DEFAULT. */
#define SYNCLINE_RETRY_DEFAULT 0u       /* what the status code says */
#define SYNCLINE_RETRY_NEVER 1u         /* do not try again */
#define SYNCLINE_RETRY_BACKOFF 2u       /* the host's backoff */
#define SYNCLINE_RETRY_ONCE 3u          /* at once, one time */
#define SYNCLINE_RETRY_AFTER 4u         /* after the given milliseconds */
#define SYNCLINE_RETRY_IF_IDEMPOTENT 5u /* only with the same idempotency bytes */

typedef struct syncline_call_api syncline_call_api;

/* One call in progress. Owner: host. Borrowed until the called function returns. */
typedef struct syncline_call {
    uint32_t struct_size;
    uint32_t flags;               /* SYNCLINE_CALL_* */
    const syncline_call_api* api; /* host functions, below */
    void* impl;                   /* host private */
    uint64_t call_id;             /* unique per process; for logs and `interrupt` */
    int64_t deadline_mono_ns;     /* on the host's monotonic clock, or SYNCLINE_NO_DEADLINE */
    syncline_str traceparent;     /* W3C trace context, may be empty */
} syncline_call;

/* Functions of a call. Owner: host, static. Frozen for major 1. All members are non-NULL. */
struct syncline_call_api {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [in-call] 1 once the host wants this call to end, else 0. Ask at least every 100 ms of work
     * and around every blocking step; then return SYNCLINE_E_CANCELLED. Cannot fail. */
    uint32_t (*is_cancelled)(const syncline_call* call);

    /* [in-call] Now on the clock of `deadline_mono_ns`. Cannot fail. */
    int64_t (*mono_now_ns)(const syncline_call* call);

    /* [in-call] Text for people that explains the negative status about to be returned. The host
     * copies it and cuts it at 16 KiB; the last call wins; ignored if the function then returns
     * >= 0. Locks internally. Cannot fail. */
    void (*set_error)(const syncline_call* call, syncline_str message);

    /* [in-call] A named fact about the error, at most 32 of at most 8 KiB each; more are dropped.
     * The host copies. Locks internally. Cannot fail. */
    void (*add_detail)(const syncline_call* call, syncline_str key, syncline_str value);

    /* [in-call] Overrides the default retry class of the returned code (SYNCLINE_RETRY_*);
     * `after_ms` counts for SYNCLINE_RETRY_AFTER only. Cannot fail. */
    void (*set_retry)(const syncline_call* call, uint32_t retry_class, int64_t after_ms);

    /* [in-call] Work done so far, in bytes or steps; `total` 0 = unknown. The host copies `note`
     * and limits the rate itself. Cannot fail. */
    void (*progress)(const syncline_call* call, uint64_t done, uint64_t total, syncline_str note);
};

#ifdef __cplusplus
}
#endif

#endif
