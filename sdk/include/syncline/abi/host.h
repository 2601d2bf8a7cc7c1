/*
 * Syncline plugin ABI: what a host may offer to its plugins.
 *
 * A plugin asks for these with host->get_interface. Any of them may be absent, and the plugin must
 * then work without: no log lines, no hints, nothing remembered. None of them ever calls back into
 * the plugin. They may be used from create (kv and inner: configure) until destroy returns.
 */
#ifndef SYNCLINE_ABI_HOST_H
#define SYNCLINE_ABI_HOST_H

#include <syncline/abi/call.h>
#include <syncline/abi/entry.h>
#include <syncline/abi/item.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SYNCLINE_IFACE_HOST_LOG "syncline.host.log/1"
#define SYNCLINE_IFACE_HOST_NOTIFY "syncline.host.notify/1"
#define SYNCLINE_IFACE_HOST_KV "syncline.host.kv/1"
#define SYNCLINE_IFACE_HOST_THREADS "syncline.host.threads/1"
#define SYNCLINE_IFACE_HOST_INNER "syncline.host.inner/1"

/* Log levels; a value between two of them counts as the lower one. */
#define SYNCLINE_LOG_TRACE 100u
#define SYNCLINE_LOG_DEBUG 200u
#define SYNCLINE_LOG_INFO 300u
#define SYNCLINE_LOG_WARNING 400u
#define SYNCLINE_LOG_ERROR 500u

/* host.notify.attention; unknown values are ignored. */
#define SYNCLINE_ATTENTION_REPLAN 1u              /* schedulers: ask me again early */
#define SYNCLINE_ATTENTION_CREDENTIALS_EXPIRED 2u /* a person must act */
#define SYNCLINE_ATTENTION_CAPS_CHANGED 3u        /* make a new instance of me */

/* host.kv.put flags; unknown bits are ignored. */
#define SYNCLINE_KV_SECRET 1u /* keep it encrypted, never show it */

/* host.threads.roles: what this OS thread is to the host; 0 = not a thread of the host. */
#define SYNCLINE_THREAD_CONTROL 1u
#define SYNCLINE_THREAD_IN_CALL 2u
#define SYNCLINE_THREAD_HOST_OTHER 4u

/* Log lines. Owner: host, static. */
typedef struct syncline_host_log {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any] 1 if a line of this level would be kept, else 0. Cheap, never blocks, cannot fail. */
    uint32_t (*enabled)(const syncline_host* host, uint32_t level);

    /* [any] One line; `call_id` 0 = belongs to no call. The host copies. Never blocks, cannot fail.
     */
    void (*log)(const syncline_host* host, uint64_t call_id, uint32_t level, syncline_str text,
                syncline_kvs fields);
} syncline_host_log;

/* Hints to the host. Owner: host, static. */
typedef struct syncline_host_notify {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any] Something below `key_prefix` changed; the host copies and merges. Never blocks, cannot
     * fail. */
    void (*changed)(const syncline_host* host, syncline_bytes key_prefix);

    /* [any] SYNCLINE_ATTENTION_*. Never blocks, cannot fail. */
    void (*attention)(const syncline_host* host, uint32_t what);
} syncline_host_notify;

/* A small durable store per instance: refresh tokens, feed cursors. Keys up to 256 bytes, values up
 * to 64 KiB. Owner: host, static. */
typedef struct syncline_host_kv {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [in-call] Puts the value into `sink` (which belongs to the plugin). NOT_FOUND if there is
     * none. */
    syncline_status (*get)(const syncline_host* host, const syncline_call* call, syncline_str key,
                           const syncline_bytes_sink* sink);

    /* [in-call] Stores a value, durable when it returns. The host copies. Errors: TOO_LARGE, IO. */
    syncline_status (*put)(const syncline_host* host, const syncline_call* call, syncline_str key,
                           syncline_bytes value, uint32_t flags);

    /* [in-call] Forgets a value. NOT_FOUND if there is none. */
    syncline_status (*remove)(const syncline_host* host, const syncline_call* call,
                              syncline_str key);
} syncline_host_kv;

/* For assertions about threads. Owner: host, static. */
typedef struct syncline_host_threads {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any] SYNCLINE_THREAD_* of the calling OS thread. Never blocks, cannot fail. */
    uint32_t (*roles)(const syncline_host* host);
} syncline_host_threads;

/* For a connector that wraps another one (encryption, compression, fault injection); present only
 * if its configuration names an inner connector. A wrapper has the feature
 * SYNCLINE_FEATURE_WRAPPER; it also has SYNCLINE_FEATURE_TRANSPARENT if keys, versions and bodies
 * pass through it unchanged, so that endpoints with and without it are the same place.
 *
 * The wrapper keeps the rules of a host towards the inner: requests with full structs, at most
 * `max_concurrency` calls at a time (the host does not overlap calls on the wrapper more often than
 * the inner allows), no lifecycle functions, nothing after the wrapper's own destroy returned. An
 * error of the inner is passed on unchanged; its text and details are on the call already. Owner:
 * host, static. */
typedef struct syncline_host_inner {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any & configured] Stores the configured inner instance, which the host keeps alive as long
     * as the wrapper. Calls made on it pass on the wrapper's own syncline_call. Legal from inside
     * configure on. NOT_FOUND if there is none; then *inner is untouched. */
    syncline_status (*get)(const syncline_host* host, const syncline_plugin** inner);
} syncline_host_inner;

#ifdef __cplusplus
}
#endif

#endif
