/*
 * Syncline plugin ABI: the connector interface, "syncline.connector/1".
 *
 * A connector gives access to one kind of system; a configured instance of it is an endpoint. It
 * lists, reads and conditionally writes items. Everything a particular store can do better than
 * that is a capability bit in syncline_connector_info, or an optional interface in connector_ext.h.
 * A capability is a claim that a validator tries to break, so advertise what holds, not what is
 * usual.
 *
 * All functions block the calling host thread. Requests, sinks and readers belong to the host and
 * are borrowed for the call.
 */
#ifndef SYNCLINE_ABI_CONNECTOR_H
#define SYNCLINE_ABI_CONNECTOR_H

#include <syncline/abi/call.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/item.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_IFACE_CONNECTOR "syncline.connector/1"

/* syncline_connector_info.caps; unknown bits are ignored. */
#define SYNCLINE_CAP_LIST_ORDERED (UINT64_C(1) << 0)      /* keys strictly ascending by bytes */
#define SYNCLINE_CAP_LIST_PREFIX (UINT64_C(1) << 1)       /* the store itself filters by prefix */
#define SYNCLINE_CAP_COND_PUT_VERSION (UINT64_C(1) << 2)  /* of racing IF_VERSION puts one wins */
#define SYNCLINE_CAP_COND_PUT_ABSENT (UINT64_C(1) << 3)   /* of racing IF_ABSENT puts one wins */
#define SYNCLINE_CAP_COND_REMOVE (UINT64_C(1) << 4)       /* the same for removing */
#define SYNCLINE_CAP_COND_EMULATED (UINT64_C(1) << 5)     /* the three above are check-then-act */
#define SYNCLINE_CAP_GET_RANGE (UINT64_C(1) << 6)         /* offset and length are honoured */
#define SYNCLINE_CAP_GET_IF_VERSION (UINT64_C(1) << 7)    /* a stale version gives CONFLICT */
#define SYNCLINE_CAP_VERSION_STRONG (UINT64_C(1) << 8)    /* different bytes change the token */
#define SYNCLINE_CAP_HASH_IN_LIST (UINT64_C(1) << 9)      /* the listed hash is that of the body */
#define SYNCLINE_CAP_MTIME_SET (UINT64_C(1) << 10)        /* a put mtime comes back */
#define SYNCLINE_CAP_META_SET (UINT64_C(1) << 11)         /* put metadata comes back equal */
#define SYNCLINE_CAP_ATOMIC_PUT (UINT64_C(1) << 12)       /* readers see old or new, never part */
#define SYNCLINE_CAP_CONCURRENT (UINT64_C(1) << 13)       /* max_concurrency calls may overlap */
#define SYNCLINE_CAP_PUT_UNKNOWN_SIZE (UINT64_C(1) << 14) /* bodies of unknown size are taken */
#define SYNCLINE_CAP_IDEMPOTENT_PUT (UINT64_C(1) << 15)   /* same idempotency bytes, one effect */
#define SYNCLINE_CAP_READ_ONLY (UINT64_C(1) << 16)        /* every write returns READ_ONLY */
#define SYNCLINE_CAP_EMPTY_CONTAINERS (UINT64_C(1) << 18) /* container items round-trip */
#define SYNCLINE_CAP_CHEAP_STAT (UINT64_C(1) << 19)       /* stat costs O(1) requests */
#define SYNCLINE_CAP_BATCH_ATOMIC (UINT64_C(1) << 20)     /* a batch happens whole or not at all */

/* syncline_connector_info.key_rules; unknown bits are ignored. */
#define SYNCLINE_KEY_UTF8_ONLY 1u
#define SYNCLINE_KEY_NFC_FOLDED 2u
#define SYNCLINE_KEY_CASE_FOLDED 4u
#define SYNCLINE_KEY_NO_DOT_SEGMENTS 8u
#define SYNCLINE_KEY_NO_TRAILING_SPACE_DOT 16u
#define SYNCLINE_KEY_NO_CONTROL 32u

/* syncline_connector_info.consistency; unknown means EVENTUAL. */
#define SYNCLINE_CONSISTENCY_LINEARIZABLE 1u /* per key */
#define SYNCLINE_CONSISTENCY_READ_YOUR_WRITES 2u
#define SYNCLINE_CONSISTENCY_EVENTUAL 3u

/* syncline_list_req.flags and syncline_changes_req.flags; unknown bits are ignored. */
#define SYNCLINE_LIST_WANT_HASH 1u
#define SYNCLINE_LIST_WANT_META 2u
#define SYNCLINE_LIST_EXPENSIVE_OK 8u /* wanted fields may cost extra requests */

/* Write conditions; 0 is invalid, an unknown value is NOT_SUPPORTED with the object untouched. */
#define SYNCLINE_COND_ALWAYS 1u
#define SYNCLINE_COND_IF_ABSENT 2u
#define SYNCLINE_COND_IF_VERSION 3u

/* syncline_get_req.length: to the end of the body. */
#define SYNCLINE_LENGTH_ALL UINT64_MAX

/* What this configured instance can do. Out-struct: the host allocates, zero-fills and sets
 * struct_size; the plugin fills. Pointers stay valid until the instance is destroyed. */
typedef struct syncline_connector_info {
    uint32_t struct_size;
    uint32_t key_rules;           /* SYNCLINE_KEY_* */
    uint64_t caps;                /* SYNCLINE_CAP_* */
    uint64_t hash_algos;          /* bit n: list and stat may return SYNCLINE_HASH_ algorithm n */
    uint64_t max_object_size;     /* UINT64_MAX = unknown */
    uint32_t max_key_bytes;       /* 0 = unknown */
    uint32_t max_meta_bytes;      /* 0 = no metadata */
    uint32_t max_concurrency;     /* calls the host may overlap; 1 without CAP_CONCURRENT */
    uint32_t preferred_page;      /* items per page; 0 = no preference */
    uint32_t max_batch;           /* 0 = no batch interface */
    uint32_t consistency;         /* SYNCLINE_CONSISTENCY_* */
    int64_t mtime_granularity_ns; /* 0 = mtime is not kept */
    int64_t settle_ns;            /* eventual stores: until a listing shows a write */
    syncline_bytes scope_id;      /* stable id of the account, bucket or root: equal = same place */
    syncline_bytes scope_path;    /* where in that scope this endpoint begins, '/'-separated */
    uint64_t max_batch_bytes;     /* 0 = no limit known */
} syncline_connector_info;

/* One page of a listing. Owner: host. */
typedef struct syncline_list_req {
    uint32_t struct_size;
    uint32_t flags;             /* SYNCLINE_LIST_* */
    syncline_bytes prefix;      /* empty = everything */
    syncline_bytes start_after; /* first key is greater than this; counts if cursor is empty */
    syncline_bytes cursor;      /* from `next`; opaque, survives a restart of the process */
    uint32_t max_items;         /* upper bound of the page, >= 1; UINT32_MAX = no bound */
    uint32_t reserved0;
} syncline_list_req;

/* One read. Owner: host. */
typedef struct syncline_get_req {
    uint32_t struct_size;
    uint32_t reserved0;
    syncline_bytes key;
    syncline_bytes if_version; /* empty = any; else CONFLICT if the object has another one */
    uint64_t offset;           /* 0 without CAP_GET_RANGE */
    uint64_t length;           /* SYNCLINE_LENGTH_ALL without CAP_GET_RANGE */
} syncline_get_req;

/* One write. Owner: host. */
typedef struct syncline_put_req {
    uint32_t struct_size;
    uint32_t condition; /* SYNCLINE_COND_* */
    syncline_bytes key;
    syncline_bytes expected_version; /* for IF_VERSION */
    syncline_bytes idempotency;      /* 16 random bytes; the same bytes = the same intent again */
    const syncline_item* item;       /* kind, size, mtime, hash and metadata to store; non-NULL */
} syncline_put_req;

/* One removal. Owner: host. */
typedef struct syncline_remove_req {
    uint32_t struct_size;
    uint32_t condition; /* SYNCLINE_COND_ALWAYS or SYNCLINE_COND_IF_VERSION */
    syncline_bytes key;
    syncline_bytes expected_version;
    syncline_bytes idempotency;
} syncline_remove_req;

/* The interface. Owner: plugin, static. All members are non-NULL. */
typedef struct syncline_connector {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Fills *out. One cheap round trip is fine; the host keeps the answer
     * until host.notify.attention(CAPS_CHANGED). NOT_FOUND: the root itself is gone. */
    syncline_status (*info)(const syncline_plugin* plugin, const syncline_call* call,
                            syncline_connector_info* out);

    /* [worker & configured] Proves reachability and credentials. Writes only if the configuration
     * asks for it, and with SYNCLINE_CALL_DRY_RUN changes nothing at all, its own leftovers
     * included. Errors: UNAUTHENTICATED, PERMISSION_DENIED, UNAVAILABLE, NOT_FOUND (no root). */
    syncline_status (*check)(const syncline_plugin* plugin, const syncline_call* call);

    /* [worker & configured] Pushes one page. With CAP_LIST_ORDERED keys ascend strictly by unsigned
     * bytes through the whole listing; else any order, and a key may repeat. SYNCLINE_STOP from the
     * sink ends the page, with a valid cursor if more follows. A host may pass max_items =
     * UINT32_MAX and use a sink that blocks as back-pressure: do not collect a page in memory
     * first, push arrays as they come, hold no lock that other calls need while pushing. With
     * SYNCLINE_CALL_DRY_RUN nothing may change, not even leftovers may be tidied up. Errors:
     * CURSOR_EXPIRED (ordered: the host goes on with start_after; else it starts again),
     * INVALID_ARGUMENT for a foreign cursor, NOT_FOUND if the root is gone (never an empty page),
     * UNAVAILABLE, TIMEOUT, CANCELLED. */
    syncline_status (*list)(const syncline_plugin* plugin, const syncline_call* call,
                            const syncline_list_req* req, const syncline_item_sink* sink);

    /* [worker & configured] Pushes exactly one item. NOT_FOUND if it is absent. */
    syncline_status (*stat)(const syncline_plugin* plugin, const syncline_call* call,
                            syncline_bytes key, const syncline_item_sink* sink);

    /* [worker & configured] `begin` once, then bytes of that version only: if the object changes
     * half way, CONFLICT, never mixed bytes. Errors: NOT_FOUND, CONFLICT, PERMISSION_DENIED,
     * INTEGRITY. */
    syncline_status (*get)(const syncline_plugin* plugin, const syncline_call* call,
                           const syncline_get_req* req, const syncline_get_sink* sink);

    /* [worker & configured] Reads the body and pushes the resulting item with its new version. A
     * container has no body, `reader` may then be NULL. CONFLICT and ALREADY_EXISTS leave the
     * object untouched and carry detail `current_version`; a connector without CAP_COND_PUT_VERSION
     * answers IF_VERSION with NOT_SUPPORTED. A failing reader, or a body whose length differs from
     * the announced one: nothing becomes visible. OUTCOME_UNKNOWN if the store may have applied the
     * write. Others: KEY_INVALID, TOO_LARGE, QUOTA_EXCEEDED, READ_ONLY, LOCKED. */
    syncline_status (*put)(const syncline_plugin* plugin, const syncline_call* call,
                           const syncline_put_req* req, const syncline_reader* reader,
                           const syncline_item_sink* sink);

    /* [worker & configured] Removes one item. NOT_FOUND if it is absent (the host decides whether
     * that is success); CONFLICT with detail `current_version`; READ_ONLY; LOCKED. */
    syncline_status (*remove)(const syncline_plugin* plugin, const syncline_call* call,
                              const syncline_remove_req* req);

    /* [worker & configured] Durability barrier: OK only when every put, remove and rename that was
     * acknowledged before this call survives a power loss. Stores that are durable per write return
     * OK at once. Errors: IO, UNAVAILABLE. */
    syncline_status (*flush)(const syncline_plugin* plugin, const syncline_call* call);
} syncline_connector;

#ifdef __cplusplus
}
#endif

#endif
