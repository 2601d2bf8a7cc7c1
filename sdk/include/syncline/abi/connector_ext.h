/*
 * Syncline plugin ABI: optional interfaces of a connector.
 *
 * A connector offers these through get_interface where its store can do more than the plain
 * interface needs. A host that finds one absent falls back: a loop for a batch, copy and remove for
 * a rename, listings for a change feed. Ownership is as everywhere: inputs are borrowed for the
 * call, results are pushed into host sinks, which copy.
 */
#ifndef SYNCLINE_ABI_CONNECTOR_EXT_H
#define SYNCLINE_ABI_CONNECTOR_EXT_H

#include <syncline/abi/call.h>
#include <syncline/abi/connector.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/item.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_IFACE_BATCH "syncline.connector.batch/1"
#define SYNCLINE_IFACE_RENAME "syncline.connector.rename/1"
#define SYNCLINE_IFACE_CHANGES "syncline.connector.changes/1"
#define SYNCLINE_IFACE_WATCH "syncline.connector.watch/1"
#define SYNCLINE_IFACE_CATALOG "syncline.connector.catalog/1"
#define SYNCLINE_IFACE_LOCAL "syncline.connector.local/1"
#define SYNCLINE_IFACE_META "syncline.connector.meta/1"
#define SYNCLINE_IFACE_INTERRUPT "syncline.interrupt/1"
#define SYNCLINE_IFACE_STATE "syncline.state/1"

/* syncline_change.kind; an unknown kind is handled as RESYNC of the item's key. */
#define SYNCLINE_CHANGE_UPSERT 1u
#define SYNCLINE_CHANGE_DELETE 2u
#define SYNCLINE_CHANGE_RENAME 3u
#define SYNCLINE_CHANGE_RESYNC 4u /* everything below this key must be listed again */

/* syncline_batch_result.retry_after_ms: the store did not say. */
#define SYNCLINE_RETRY_AFTER_UNSAID INT64_C(-1)

/* Result of one element of a batch. Owner: plugin, borrowed for the call to `done`. */
typedef struct syncline_batch_result {
    uint32_t struct_size;
    int32_t status;            /* a syncline_status for element `index` */
    uint64_t index;            /* position in the request array */
    const syncline_item* item; /* resulting item; NULL on error and for removals */
    syncline_str message;      /* error text, may be empty */
    int64_t retry_after_ms;    /* or SYNCLINE_RETRY_AFTER_UNSAID */
    uint32_t retry_class;      /* SYNCLINE_RETRY_* */
    uint32_t reserved0;
} syncline_batch_result;

/* Receives the results of a batch. Owner: host, borrowed for the call. */
typedef struct syncline_batch_sink syncline_batch_sink;
struct syncline_batch_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] get_many only: as syncline_get_sink.begin, for element `index`. */
    syncline_status (*begin)(const syncline_batch_sink* sink, uint64_t index,
                             const syncline_item* item);

    /* [in-call] get_many only: as syncline_get_sink.write, for element `index`. Bodies of different
     * elements may interleave. */
    syncline_status (*write)(const syncline_batch_sink* sink, uint64_t index, const void* data,
                             uint64_t size);

    /* [in-call] Ends one element; exactly once per index, in any order. The host copies. < 0: end
     * the call with that status. */
    syncline_status (*done)(const syncline_batch_sink* sink, const syncline_batch_result* result);
};

/* Several operations in one call. Owner: plugin, static. Request arrays lie `stride` bytes apart.
 */
typedef struct syncline_connector_batch {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Reads several objects. OK if every element got its `done`; failures of
     * single elements live in their results. */
    syncline_status (*get_many)(const syncline_plugin* plugin, const syncline_call* call,
                                const syncline_get_req* first, uint64_t count, uint64_t stride,
                                const syncline_batch_sink* sink);

    /* [worker & configured] Writes several objects. `bodies` has one reader per element, in the
     * same order, NULL for a container. Conditions as in put, per element. OK if every element got
     * its `done`. With CAP_BATCH_ATOMIC all elements happen or none. */
    syncline_status (*put_many)(const syncline_plugin* plugin, const syncline_call* call,
                                const syncline_put_req* first, uint64_t count, uint64_t stride,
                                const syncline_reader* const* bodies,
                                const syncline_batch_sink* sink);

    /* [worker & configured] Removes several objects. OK if every element got its `done`. */
    syncline_status (*remove_many)(const syncline_plugin* plugin, const syncline_call* call,
                                   const syncline_remove_req* first, uint64_t count,
                                   uint64_t stride, const syncline_batch_sink* sink);
} syncline_connector_batch;

/* One rename. Owner: host. */
typedef struct syncline_rename_req {
    uint32_t struct_size;
    uint32_t condition; /* SYNCLINE_COND_*, about the destination */
    syncline_bytes from_key;
    syncline_bytes from_version; /* empty = any */
    syncline_bytes to_key;
    syncline_bytes to_version; /* for IF_VERSION */
    syncline_bytes idempotency;
} syncline_rename_req;

/* Moving an item inside the store. Owner: plugin, static. */
typedef struct syncline_connector_rename {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Atomic, or NOT_SUPPORTED: never a copy and a removal behind the host's
     * back. Pushes the item under its new key. Errors as put; NOT_FOUND if from_key is absent. */
    syncline_status (*rename)(const syncline_plugin* plugin, const syncline_call* call,
                              const syncline_rename_req* req, const syncline_item_sink* sink);
} syncline_connector_rename;

/* One page of a change feed. Owner: host. */
typedef struct syncline_changes_req {
    uint32_t struct_size;
    uint32_t flags;        /* SYNCLINE_LIST_* */
    syncline_bytes cursor; /* never empty; the first comes from `latest` */
    syncline_bytes prefix; /* empty = everything */
    uint32_t max_changes;
    uint32_t wait_ms; /* how long to wait for the first change; 0 = return at once */
} syncline_changes_req;

/* One change. Owner: plugin, borrowed for the call to `changes`. */
typedef struct syncline_change {
    uint32_t struct_size;
    uint32_t kind;             /* SYNCLINE_CHANGE_* */
    const syncline_item* item; /* DELETE, RESYNC: only the key, and the version if known */
    syncline_bytes old_key;    /* RENAME */
    int64_t event_wall_ns;     /* 0 = unknown */
} syncline_change;

/* Receives changes. Owner: host, borrowed for the call. */
typedef struct syncline_change_sink syncline_change_sink;
struct syncline_change_sink {
    uint32_t struct_size;
    uint32_t reserved0;
    void* impl; /* host private */

    /* [in-call] Takes `count` changes that lie `stride` bytes apart and copies them. SYNCLINE_STOP:
     * end the page (with `next`) and return OK. < 0: end the call with that status. */
    syncline_status (*changes)(const syncline_change_sink* sink, const syncline_change* first,
                               uint64_t count, uint64_t stride);

    /* [in-call] Where the feed goes on; exactly once per successful call. < 0: end the call with
     * it. */
    syncline_status (*next)(const syncline_change_sink* sink, syncline_bytes cursor);
};

/* A durable feed of changes. Owner: plugin, static. */
typedef struct syncline_connector_changes {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Puts a cursor such that every later change will be reported. The host
     * asks before its first full listing, so that no gap opens between both. */
    syncline_status (*latest)(const syncline_plugin* plugin, const syncline_call* call,
                              const syncline_bytes_sink* sink);

    /* [worker & configured] Reports each change at least once, in order per key; changes without
     * effect may be reported too. Errors: CURSOR_EXPIRED, INVALID_ARGUMENT for a foreign cursor. */
    syncline_status (*changes)(const syncline_plugin* plugin, const syncline_call* call,
                               const syncline_changes_req* req, const syncline_change_sink* sink);
} syncline_connector_changes;

/* Hints that something changed. They may be lost or merged and never replace a listing or a feed.
 * Owner: plugin, static. */
typedef struct syncline_connector_watch {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [control & configured] Begins to report changes below `prefix` through host.notify.changed,
     * from threads of the plugin. Errors: NOT_SUPPORTED, UNAVAILABLE, INVALID_STATE if already
     * started. */
    syncline_status (*start)(const syncline_plugin* plugin, const syncline_call* call,
                             syncline_bytes prefix);

    /* [control & configured] Returns after the last hint, when the watcher threads are gone. A stop
     * without a start does nothing. Cannot fail. */
    void (*stop)(const syncline_plugin* plugin);
} syncline_connector_watch;

/* Waking a call that is blocked. Owner: plugin, static. */
typedef struct syncline_interrupt {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any & configured] Makes the call with this id return soon. Must not block; an unknown id
     * does nothing. Cannot fail. */
    void (*interrupt)(const syncline_plugin* plugin, uint64_t call_id);
} syncline_interrupt;

/* State the host keeps for an instance, at most 1 MiB. Owner: plugin, static. */
typedef struct syncline_state {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Puts the state: equal states give equal bytes. */
    syncline_status (*save)(const syncline_plugin* plugin, const syncline_call* call,
                            const syncline_bytes_sink* sink);

    /* [worker & configured] Takes a saved state; the bytes are borrowed. INVALID_ARGUMENT for bytes
     * that are foreign or too old, and then the state is unchanged. */
    syncline_status (*load)(const syncline_plugin* plugin, const syncline_call* call,
                            syncline_bytes saved);
} syncline_state;

/* Several resource types in one endpoint, such as the tables of a database. A connector without
 * this interface has exactly one resource type. Owner: plugin, static. */
typedef struct syncline_connector_catalog {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Runs on an instance configured without "resource". Pushes one item per
     * type: key = its name, metadata = JSON schema, key fields, capabilities of that type, and
     * `after` = types that must be written before it. The host then configures one instance per
     * type with "resource" set to that name. */
    syncline_status (*types)(const syncline_plugin* plugin, const syncline_call* call,
                             const syncline_item_sink* sink);
} syncline_connector_catalog;

/* Bodies that are files of this machine, so that two such connectors can copy inside the kernel.
 * Never offered across processes; the only place where a file descriptor passes the ABI. Owner:
 * plugin, static. */
typedef struct syncline_connector_local {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Opens a body for reading under the connector's own confinement, stores
     * the descriptor in *fd and pushes the item whose version it is. The host closes the
     * descriptor. On an error *fd is untouched. NOT_SUPPORTED for an item without a file (use get).
     * Errors as get. */
    syncline_status (*open_body)(const syncline_plugin* plugin, const syncline_call* call,
                                 const syncline_get_req* req, const syncline_item_sink* sink,
                                 int32_t* fd);

    /* [worker & configured] As put, with the body taken from `fd` from its first byte on; the
     * descriptor stays the host's. The connector must notice a body that changed while it was
     * copied: it looks at size, mtime and ctime of `fd` (fstat) before and after, and if they
     * differ returns CONFLICT with nothing visible. NOT_SUPPORTED if this body cannot be taken this
     * way (use put). */
    syncline_status (*put_fd)(const syncline_plugin* plugin, const syncline_call* call,
                              const syncline_put_req* req, int32_t fd,
                              const syncline_item_sink* sink);
} syncline_connector_local;

/* Changing mtime and metadata without content. Owner: plugin, static. */
typedef struct syncline_connector_meta {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [worker & configured] Stores mtime and metadata of req->item (as far as its `fields` name
     * them) and pushes the resulting item. Conditions and errors as put; NOT_FOUND if the item is
     * absent. */
    syncline_status (*set_meta)(const syncline_plugin* plugin, const syncline_call* call,
                                const syncline_put_req* req, const syncline_item_sink* sink);
} syncline_connector_meta;

#ifdef __cplusplus
}
#endif

#endif
