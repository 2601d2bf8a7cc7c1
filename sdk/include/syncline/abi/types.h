/*
 * Syncline plugin ABI: leaf types, status codes and the rules that hold for every struct.
 *
 * These headers are the whole contract between a host and a plugin. They are C11, need nothing but
 * the C standard library and describe one layout for all 64-bit little-endian platforms.
 *
 * Struct handshake. Every struct except the four leaf types below begins with `struct_size`. The
 * writer stores the sizeof it was compiled with; a reader touches a field only if SYNCLINE_HAS()
 * says that the writer knew it, and uses the documented default (0 where none is named) otherwise.
 * Structs only ever grow at the end. A struct longer than the reader knows is normal; one shorter
 * than its 1.0 size is SYNCLINE_E_ABI_MISMATCH. For out-structs the host zero-fills and sets
 * `struct_size` to its own size; the plugin writes at most that many bytes and stores the smaller
 * of both sizes back. Fields named `reserved0` are written as 0 and ignored when read.
 *
 * Thread annotations. Each function member carries exactly one, in this grammar:
 *
 *     annotation := "[" role { " & " condition } "]"
 *     role       := "control" | "worker" | "any" | "in-call" | "watcher"
 *     condition  := "!" word | word
 *
 * control: lifecycle calls, serialised by the host per library or per instance, on any OS thread.
 * worker:  a host thread that may differ from call to call; calls on one instance overlap only if
 *          it advertises SYNCLINE_CAP_CONCURRENT, and then at most `max_concurrency` of them.
 * any:     may run at the same time as everything else, on any thread.
 * in-call: usable only with an object received in a call that has not returned yet, on that thread
 *          or on plugin threads that are joined before the call returns.
 * watcher: a thread the plugin owns, started by watch.start and gone when watch.stop returns.
 *
 * Memory. Nothing changes owner: inputs are borrowed until the function returns, results are pushed
 * into host sinks, which copy. No exception, longjmp or panic may leave a function of this ABI.
 */
#ifndef SYNCLINE_ABI_TYPES_H
#define SYNCLINE_ABI_TYPES_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

static_assert(sizeof(void*) == 8, "the Syncline ABI, major 1, exists for 64-bit platforms only");

/* The version these headers describe. A new major version is a new entry symbol. */
#define SYNCLINE_ABI_MAJOR 1
#define SYNCLINE_ABI_MINOR 0

/* Marks the one object a plugin exports. */
#if defined(_WIN32)
#define SYNCLINE_EXPORT __declspec(dllexport)
#else
#define SYNCLINE_EXPORT __attribute__((visibility("default")))
#endif

/* True if whoever filled *p knew `field`; p must not be NULL. Evaluates p more than once. */
#ifdef __cplusplus
#define SYNCLINE_HAS(p, field)                                                                     \
    (static_cast<uint64_t>(reinterpret_cast<const char*>(&(p)->field + 1) -                        \
                           reinterpret_cast<const char*>(p)) <=                                    \
     static_cast<uint64_t>((p)->struct_size))
#else
#define SYNCLINE_HAS(p, field)                                                                     \
    ((uint64_t)((const char*)(&(p)->field + 1) - (const char*)(p)) <= (uint64_t)(p)->struct_size)
#endif

/* Result of a fallible function: 0 success, > 0 a control signal, < 0 an error. */
typedef int32_t syncline_status;

/* Any octets. data may be NULL only if size is 0. Frozen, may be passed and nested by value. */
typedef struct syncline_bytes {
    const uint8_t* data;
    uint64_t size;
} syncline_bytes;

/* Valid UTF-8, no terminator promised. Frozen, may be passed and nested by value. */
typedef struct syncline_str {
    const char* data;
    uint64_t size;
} syncline_str;

/* A named value. Frozen. */
typedef struct syncline_kv {
    syncline_str name;
    syncline_bytes value;
} syncline_kv;

/* An array of named values. Its stride is sizeof(syncline_kv) for ever. Frozen. */
typedef struct syncline_kvs {
    const syncline_kv* data;
    uint64_t count;
} syncline_kvs;

/*
 * Status codes. A reader treats an unknown negative value as SYNCLINE_E_UNKNOWN. A value > 0 that
 * comes out of a plugin function is a protocol error and counts as SYNCLINE_E_INTERNAL.
 */
#define SYNCLINE_OK 0
#define SYNCLINE_STOP 1 /* from sinks only: end the page and return SYNCLINE_OK */

#define SYNCLINE_E_UNKNOWN (-1)           /* retried with backoff, three tries */
#define SYNCLINE_E_INVALID_ARGUMENT (-2)  /* the host called wrongly */
#define SYNCLINE_E_INVALID_STATE (-3)     /* the host called at the wrong time */
#define SYNCLINE_E_NOT_SUPPORTED (-4)     /* use the fallback, remember for this instance */
#define SYNCLINE_E_INVALID_CONFIG (-5)    /* a person must act; details path, expected */
#define SYNCLINE_E_UNAUTHENTICATED (-6)   /* pause until the credentials change */
#define SYNCLINE_E_PERMISSION_DENIED (-7) /* this item only */
#define SYNCLINE_E_NOT_FOUND (-8)         /* stat, get, remove: absent; else: the root is gone */
#define SYNCLINE_E_ALREADY_EXISTS (-9)    /* IF_ABSENT lost; detail current_version */
#define SYNCLINE_E_CONFLICT (-10)         /* the version moved; detail current_version */
#define SYNCLINE_E_CURSOR_EXPIRED (-11)   /* list again */
#define SYNCLINE_E_KEY_INVALID (-12)      /* the store cannot hold this name; detail rule */
#define SYNCLINE_E_TOO_LARGE (-13)        /* this item only */
#define SYNCLINE_E_QUOTA_EXCEEDED (-14)   /* a person must act; with set_retry: waits */
#define SYNCLINE_E_RATE_LIMITED (-15)     /* set_retry says for how long */
#define SYNCLINE_E_UNAVAILABLE (-16)      /* backoff; counted by the circuit breaker */
#define SYNCLINE_E_TIMEOUT (-17)          /* reads: backoff; writes: as OUTCOME_UNKNOWN */
#define SYNCLINE_E_CANCELLED (-18)        /* only after the host cancelled */
#define SYNCLINE_E_INTEGRITY (-19)        /* bytes do not match their hash; retried once */
#define SYNCLINE_E_IO (-20)               /* local I/O; backoff */
#define SYNCLINE_E_OUT_OF_MEMORY (-21)    /* backoff */
#define SYNCLINE_E_INTERNAL (-22)         /* caught exception or panic; never retried */
#define SYNCLINE_E_ABI_MISMATCH (-23)     /* the plugin is disabled */
#define SYNCLINE_E_ABORTED (-24)          /* a sink or reader failed; the plugin passes it on */
#define SYNCLINE_E_READ_ONLY (-25)        /* this side cannot be written */
#define SYNCLINE_E_OUTCOME_UNKNOWN (-26)  /* a write may or may not have happened */
#define SYNCLINE_E_LOCKED (-27)           /* the store says this key is busy; backoff */

/* -64..-79 are made by hosts and never returned by plugins. */
#define SYNCLINE_E_PLUGIN_DIED (-64)
#define SYNCLINE_E_PLUGIN_HUNG (-65)
#define SYNCLINE_E_BLOCKED_BY_POLICY (-66)

/* Codes at or below this one belong to vendors and need the detail vendor_code. */
#define SYNCLINE_E_VENDOR (-1000)

/* Names of error details with a common meaning. */
#define SYNCLINE_DETAIL_PATH "path"
#define SYNCLINE_DETAIL_EXPECTED "expected"
#define SYNCLINE_DETAIL_KEY "key"
#define SYNCLINE_DETAIL_RULE "rule"
#define SYNCLINE_DETAIL_CURRENT_VERSION "current_version"
#define SYNCLINE_DETAIL_HTTP_STATUS "http_status"
#define SYNCLINE_DETAIL_OS_ERROR "os_error"
#define SYNCLINE_DETAIL_VENDOR_CODE "vendor_code"
#define SYNCLINE_DETAIL_REQUEST_ID "request_id"
#define SYNCLINE_DETAIL_RETRY_HINT "retry_hint"

#ifdef __cplusplus
}
#endif

#endif
