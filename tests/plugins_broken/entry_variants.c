/*
 * One library per way to be refused before any instance is made. The definition VARIANT_... picks
 * the way; without it this would be a plugin that works but offers nothing of use.
 */
#include <syncline/abi/abi.h>

#include <stdlib.h>
#include <string.h>

/* Code of a library whose entry is refused must not run, not even its constructors. */
#if defined(VARIANT_NO_ENTRY) || defined(VARIANT_LATER_ENTRY) || defined(VARIANT_WRONG_MAJOR) ||   \
    defined(VARIANT_OLD_MAJOR) || defined(VARIANT_TOO_NEW_MINOR) || defined(VARIANT_SHORT_ENTRY)
__attribute__((constructor)) static void leave_a_trace(void) { putenv("SYNCLINE_TEST_CODE_RAN=1"); }
#endif

#ifdef VARIANT_MISSING_SYMBOL
extern int syncline_test_no_such_function(void);
#endif
#ifdef VARIANT_MISSING_DEPENDENCY
extern int syncline_test_absent_function(void);
#endif

static const syncline_descriptor descriptors[2] = {
    {
#ifdef VARIANT_SHORT_DESCRIPTOR
        24,
#else
        sizeof(syncline_descriptor),
#endif
        SYNCLINE_PLUGIN_CONNECTOR,
#ifdef VARIANT_BAD_ID
        "Not An Id",
#else
        "test.connector.variant",
#endif
        "1.0.0",
#ifdef VARIANT_NULL_TEXT
        NULL,
#else
        "Variant",
#endif
        "", "", "", "{}", 0, NULL, NULL},
    {sizeof(syncline_descriptor), SYNCLINE_PLUGIN_CONNECTOR, "test.connector.variant", "1.0.0",
     "Variant again", "", "", "", "{}", 0, NULL, NULL}};

static uint32_t count(const syncline_factory* factory) {
    (void)factory;
#if defined(VARIANT_ABSURD_COUNT)
    return UINT32_MAX;
#elif defined(VARIANT_DUPLICATE_IDS)
    return 2;
#else
    return 1;
#endif
}

static const syncline_descriptor* describe(const syncline_factory* factory, uint32_t index) {
    (void)factory;
#ifdef VARIANT_NULL_DESCRIPTOR
    (void)index;
    (void)descriptors;
    return NULL;
#else
    return index < 2 ? &descriptors[index] : NULL;
#endif
}

static syncline_status create(const syncline_factory* factory, const syncline_host* host,
                              const syncline_call* call, const char* plugin_id,
                              const syncline_plugin** out) {
    (void)factory;
    (void)host;
    (void)call;
    (void)plugin_id;
    (void)out;
    return SYNCLINE_E_NOT_SUPPORTED;
}

static const syncline_factory factory = {
#ifdef VARIANT_SHORT_FACTORY
    16,
#else
    sizeof(syncline_factory),
#endif
    0,
#ifdef VARIANT_NULL_COUNT
    NULL,
#else
    count,
#endif
    describe, create};

static syncline_status init(const syncline_host* host, syncline_str bundle_dir) {
    (void)bundle_dir;
    (void)count;
#ifdef VARIANT_MISSING_SYMBOL
    if (syncline_test_no_such_function() != 0) {
        return SYNCLINE_E_INTERNAL;
    }
#endif
#ifdef VARIANT_MISSING_DEPENDENCY
    if (syncline_test_absent_function() != 0) {
        return SYNCLINE_E_INTERNAL;
    }
#endif
#ifdef VARIANT_INIT_FAILS
    {
        static const char text[] = "the moon is in the wrong phase";
        const syncline_host_log* log =
            (const syncline_host_log*)host->get_interface(host, SYNCLINE_IFACE_HOST_LOG);
        const syncline_str message = {text, sizeof text - 1};
        const syncline_kvs none = {NULL, 0};
        log->log(host, 0, SYNCLINE_LOG_ERROR, message, none);
        return SYNCLINE_E_UNAVAILABLE;
    }
#else
    (void)host;
    return SYNCLINE_OK;
#endif
}

static void deinit(void) {}

static const void* get_factory(const char* factory_id) {
#ifdef VARIANT_NO_FACTORY
    (void)factory_id;
    (void)factory;
    return NULL;
#else
    return strcmp(factory_id, SYNCLINE_IFACE_FACTORY) == 0 ? &factory : NULL;
#endif
}

#if defined(VARIANT_NO_ENTRY)
SYNCLINE_EXPORT extern const syncline_entry some_other_symbol;
#define ENTRY some_other_symbol
#elif defined(VARIANT_LATER_ENTRY)
SYNCLINE_EXPORT extern const syncline_entry syncline_entry_v3;
#define ENTRY syncline_entry_v3
#else
#define ENTRY syncline_entry_v1
#endif

SYNCLINE_EXPORT const syncline_entry ENTRY = {
#ifdef VARIANT_SHORT_ENTRY
    40,
#else
    sizeof(syncline_entry),
#endif
#if defined(VARIANT_WRONG_MAJOR)
    9,
#elif defined(VARIANT_OLD_MAJOR)
    0,
#else
    SYNCLINE_ABI_MAJOR,
#endif
#ifdef VARIANT_TOO_NEW_MINOR
    7,      7,
#else
    SYNCLINE_ABI_MINOR, 0,
#endif
    0,      0,          "test 1.0",
#ifdef VARIANT_NULL_INIT
    NULL,
#else
    init,
#endif
    deinit, get_factory};

#ifdef VARIANT_NULL_INIT
syncline_status (*syncline_test_unused)(const syncline_host*, syncline_str) = init;
#endif
