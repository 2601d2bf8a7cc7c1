/*
 * Syncline plugin ABI: from a loaded library to a configured instance.
 *
 * A plugin library exports one object, syncline_entry_v1. The host checks its numbers, calls init
 * once, asks for the factory, reads descriptors and then, per instance: create, configure (exactly
 * once), use through interfaces, destroy. An instance is an immutable configuration: to change it,
 * the host makes a new one. A library is never unloaded.
 *
 * The structs here are frozen for major 1: anything new is reached through get_interface under a
 * new interface id.
 */
#ifndef SYNCLINE_ABI_ENTRY_H
#define SYNCLINE_ABI_ENTRY_H

#include <syncline/abi/call.h>
#include <syncline/abi/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Name of the exported object. */
#define SYNCLINE_ENTRY_SYMBOL "syncline_entry_v1"

#define SYNCLINE_IFACE_FACTORY "syncline.factory/1"

/* syncline_entry.flags; unknown bits are ignored. */
#define SYNCLINE_ENTRY_WANTS_PROCESS 1u /* prefers a process of its own */
#define SYNCLINE_ENTRY_HAS_RUNTIME 2u   /* brings a runtime with its own threads and signals */

/* syncline_descriptor.features with a meaning to hosts; all others are for people. A wrapper is a
 * connector around another one, see host.h; a transparent one shows the very items of its inner. */
#define SYNCLINE_FEATURE_WRAPPER "wrapper"
#define SYNCLINE_FEATURE_TRANSPARENT "transparent"

/* syncline_descriptor.kind; an unknown kind is skipped by the host. */
#define SYNCLINE_PLUGIN_CONNECTOR 1u
#define SYNCLINE_PLUGIN_STRATEGY 2u
#define SYNCLINE_PLUGIN_SCHEDULER 3u

typedef struct syncline_host syncline_host;
typedef struct syncline_factory syncline_factory;
typedef struct syncline_plugin syncline_plugin;

/* The exported object. Owner: plugin, static, for ever. All function members are non-NULL. */
typedef struct syncline_entry {
    uint32_t struct_size;
    uint16_t abi_major;      /* SYNCLINE_ABI_MAJOR; a cross-check, the symbol name decides */
    uint16_t abi_minor;      /* header minor the plugin was compiled to target */
    uint16_t min_host_minor; /* oldest host minor it accepts; older hosts refuse it before init */
    uint16_t reserved0;
    uint32_t flags;  /* SYNCLINE_ENTRY_* */
    const char* sdk; /* NUL-terminated ASCII such as "syncline-cpp 1.0", for bug reports */

    /* [control] First call into the library. `host` is a process-scope host that outlives deinit;
     * `bundle_dir` is the directory the library came from, borrowed for the call. Under 50 ms, no
     * network, no threads, no stdio. Calls nest: only the first does work, each needs its deinit.
     * Errors: ABI_MISMATCH, UNAVAILABLE, INTERNAL. */
    syncline_status (*init)(const syncline_host* host, syncline_str bundle_dir);

    /* [control] Undoes one init; the last one joins every thread of the plugin. No instance is left
     * when it is called. The library stays mapped. Cannot fail. */
    void (*deinit)(void);

    /* [any & initialised] Static pointer to the asked table, NULL for every other id. */
    const void* (*get_factory)(const char* factory_id);
} syncline_entry;

/* The object a plugin defines and exports. Hosts look it up by name and never link to it. */
extern SYNCLINE_EXPORT const syncline_entry syncline_entry_v1;

/* What the host may show before it creates anything. Owner: plugin, static until deinit. Strings
 * are NUL-terminated UTF-8 and non-NULL unless a comment says otherwise. */
typedef struct syncline_descriptor {
    uint32_t struct_size;
    uint32_t kind;               /* SYNCLINE_PLUGIN_*; 0 is invalid */
    const char* id;              /* <vendor>.<kind>.<name>, [a-z0-9.-], at most 128 characters */
    const char* version;         /* semantic version of the plugin */
    const char* name;            /* for people */
    const char* vendor;          /* may be "" */
    const char* description;     /* may be "" */
    const char* url;             /* may be "" */
    const char* config_schema;   /* JSON Schema text for `configure` */
    uint64_t caps_max;           /* connectors: superset of what any instance advertises */
    const char* const* features; /* NULL-terminated list of keywords, or NULL */
    const char* const* schemes;  /* connectors: NULL-terminated list of URL schemes, or NULL */
} syncline_descriptor;

/* Makes instances. Owner: plugin, static until deinit. All function members are non-NULL. */
struct syncline_factory {
    uint32_t struct_size;
    uint32_t reserved0;

    /* [any & initialised] How many plugins this library offers. Cannot fail. */
    uint32_t (*count)(const syncline_factory* factory);

    /* [any & initialised] The same static pointer for the same index; NULL if out of range. */
    const syncline_descriptor* (*describe)(const syncline_factory* factory, uint32_t index);

    /* [control & initialised] Allocates an instance of `plugin_id`, which must match exactly. No
     * I/O and no host function except those of `call`. `host` belongs to this instance and outlives
     * it. The host gives the instance back through destroy. Errors: NOT_FOUND for an unknown id,
     * OUT_OF_MEMORY; on any error *out is untouched. */
    syncline_status (*create)(const syncline_factory* factory, const syncline_host* host,
                              const syncline_call* call, const char* plugin_id,
                              const syncline_plugin** out);
};

/* One instance of any kind. Owner: plugin, from create to destroy. Function members non-NULL. */
struct syncline_plugin {
    uint32_t struct_size;
    uint32_t reserved0;
    const syncline_descriptor* desc; /* the pointer `describe` gave */
    void* impl;                      /* plugin private */

    /* [control & once] `json` is an object valid under `config_schema`, with secrets filled in; it
     * is borrowed for the call. Parse and validate, no network. Errors: INVALID_CONFIG with detail
     * `path` (a JSON pointer); INVALID_STATE on a second call. After an error only destroy is
     * legal. */
    syncline_status (*configure)(const syncline_plugin* plugin, const syncline_call* call,
                                 syncline_str json);

    /* [any] Static pointer to the interface, NULL if it is not offered or the instance is not
     * configured yet. The same answer every time for a configured instance. */
    const void* (*get_interface)(const syncline_plugin* plugin, const char* interface_id);

    /* [control & !busy] Frees the instance. When it returns no thread of the instance runs and no
     * host function is called any more. Cannot fail. */
    void (*destroy)(const syncline_plugin* plugin);
};

/* What a plugin sees of the program that loaded it. Owner: host, outlives the instance it was given
 * to. There is one per instance and one process-scope one for init. */
struct syncline_host {
    uint32_t struct_size;
    uint16_t abi_major;
    uint16_t abi_minor;  /* what this host implements */
    void* impl;          /* host private */
    const char* name;    /* for logs; never branch on it */
    const char* version; /* for logs */

    /* [any] Static pointer to a host interface (SYNCLINE_IFACE_HOST_*), NULL if this host lacks it;
     * the plugin then does without. */
    const void* (*get_interface)(const syncline_host* host, const char* interface_id);
};

#ifdef __cplusplus
}
#endif

#endif
