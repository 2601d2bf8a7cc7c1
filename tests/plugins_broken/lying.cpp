// A connector and a strategy that lie in the way their configuration names: {"mode":"list_null"}.
// What follows the rules in every mode keeps what it needs to show that it was called rightly.
#include <syncline/abi/abi.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

#ifndef LYING_VERSION
#define LYING_VERSION "1.0.0"
#endif

namespace {

struct Lying {
    syncline_plugin abi{};
    const syncline_host* host = nullptr;
    std::string mode;
};

std::atomic<int> initialised{0};

Lying& self_of(const syncline_plugin* plugin) { return *static_cast<Lying*>(plugin->impl); }
bool is(const syncline_plugin* plugin, const char* mode) { return self_of(plugin).mode == mode; }

syncline_str str(const std::string& text) { return {text.data(), text.size()}; }
syncline_bytes bytes(const char* text) {
    return {reinterpret_cast<const std::uint8_t*>(text), std::strlen(text)};
}

syncline_item item(const char* key, std::uint32_t kind = SYNCLINE_KIND_OBJECT) {
    syncline_item made{};
    made.struct_size = sizeof made;
    made.key = bytes(key);
    made.kind = kind;
    if (kind != SYNCLINE_KIND_CONTAINER) {
        made.fields = SYNCLINE_ITEM_SIZE | SYNCLINE_ITEM_MTIME | SYNCLINE_ITEM_VERSION;
        made.size = 5;
        made.mtime_ns = 1700000000123456789;
        made.version = bytes("v1");
    }
    return made;
}

syncline_status info(const syncline_plugin* plugin, const syncline_call*,
                     syncline_connector_info* out) {
    if (is(plugin, "info_short")) {
        out->struct_size = 16;
        return SYNCLINE_OK;
    }
    out->caps = SYNCLINE_CAP_LIST_ORDERED | SYNCLINE_CAP_CONCURRENT | SYNCLINE_CAP_MTIME_SET |
                (UINT64_C(1) << 63);
    out->key_rules = SYNCLINE_KEY_UTF8_ONLY | 0x80000000u;
    out->max_concurrency = 8;
    out->mtime_granularity_ns = -5;
    out->scope_id = bytes(LYING_VERSION);
    if (is(plugin, "info_null_scope")) {
        out->scope_id = {nullptr, 7};
    }
    return SYNCLINE_OK;
}

syncline_status check(const syncline_plugin* plugin, const syncline_call* call) {
    if (is(plugin, "check_throws")) {
        throw std::runtime_error("thrown across the boundary");
    }
    if (is(plugin, "check_throws_int")) {
        throw 7;
    }
    if (is(plugin, "check_logs")) {
        const auto* log = static_cast<const syncline_host_log*>(
            self_of(plugin).host->get_interface(self_of(plugin).host, SYNCLINE_IFACE_HOST_LOG));
        for (int line = 0; line < 10000; ++line) {
            log->log(self_of(plugin).host, call->call_id, SYNCLINE_LOG_DEBUG,
                     str("line\nof a flood"), {nullptr, 0});
        }
        const auto* threads = static_cast<const syncline_host_threads*>(
            self_of(plugin).host->get_interface(self_of(plugin).host, SYNCLINE_IFACE_HOST_THREADS));
        const bool in_call = threads->roles(self_of(plugin).host) == SYNCLINE_THREAD_IN_CALL;
        const bool absent = self_of(plugin).host->get_interface(self_of(plugin).host,
                                                                SYNCLINE_IFACE_HOST_KV) == nullptr;
        return in_call && absent ? SYNCLINE_OK : SYNCLINE_E_INTERNAL;
    }
    if (is(plugin, "check_dry_run")) {
        return (call->flags & SYNCLINE_CALL_DRY_RUN) != 0 &&
                       (call->flags & SYNCLINE_CALL_RETRY) != 0 && call->deadline_mono_ns == 12345
                   ? SYNCLINE_OK
                   : SYNCLINE_E_INTERNAL;
    }
    return SYNCLINE_OK;
}

syncline_status push(const syncline_item_sink* sink, const syncline_item& one) {
    return sink->items(sink, &one, 1, sizeof one);
}

syncline_status list_status(const syncline_plugin* plugin, const syncline_call* call,
                            bool& handled) {
    handled = true;
    const std::string& mode = self_of(plugin).mode;
    if (mode == "list_returns_stop") {
        return SYNCLINE_STOP;
    }
    if (mode == "list_returns_7") {
        return 7;
    }
    if (mode == "list_returns_unknown") {
        return -500;
    }
    if (mode == "list_returns_died") {
        return SYNCLINE_E_PLUGIN_DIED;
    }
    if (mode == "list_returns_vendor") {
        return -1234;
    }
    if (mode == "list_cancel_lie") {
        return SYNCLINE_E_CANCELLED;
    }
    if (mode == "list_wait_cancel") {
        while (call->api->is_cancelled(call) == 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return SYNCLINE_E_CANCELLED;
    }
    if (mode == "list_error_text") {
        call->api->set_error(call, str("first"));
        call->api->set_error(call, str("bucket\n'x' is \x1b[31mred\xff"));
        call->api->add_detail(call, str("http_status"), str("503"));
        call->api->add_detail(call, str("current_version"), str(std::string("\0\xff", 2)));
        call->api->set_retry(call, SYNCLINE_RETRY_AFTER, 1500);
        return SYNCLINE_E_RATE_LIMITED;
    }
    if (mode == "list_floods") {
        call->api->set_error(call, str(std::string(1u << 20, 'x')));
        for (int detail = 0; detail < 100; ++detail) {
            call->api->add_detail(call, str("name"), str("value"));
        }
        call->api->add_detail(call, str("huge"), str(std::string(9000, 'x')));
        call->api->set_error(call, {nullptr, 9});
        call->api->set_retry(call, 99, -7);
        return SYNCLINE_E_UNAVAILABLE;
    }
    handled = false;
    return SYNCLINE_OK;
}

syncline_status list_items(const syncline_plugin* plugin, const syncline_list_req* req,
                           const syncline_item_sink* sink) {
    const std::string& mode = self_of(plugin).mode;
    syncline_item one = item("a");
    static const std::string long_text(70000, 'k');
    static const syncline_kv odd[] = {{{"z", 1}, {reinterpret_cast<const std::uint8_t*>("1"), 1}},
                                      {{"b", 1}, {nullptr, 0}},
                                      {{"z", 1}, {nullptr, 0}},
                                      {{"", 0}, {nullptr, 0}},
                                      {{nullptr, 4}, {nullptr, 0}}};
    if (mode == "list_null") {
        return sink->items(sink, nullptr, 3, sizeof one);
    }
    if (mode == "list_absurd") {
        return sink->items(sink, &one, UINT64_C(1) << 40, sizeof one);
    }
    if (mode == "list_short_stride") {
        const syncline_item two[] = {one, item("b")};
        return sink->items(sink, two, 2, 8);
    }
    if (mode == "list_odd_stride") {
        const syncline_item two[] = {one, item("b")};
        return sink->items(sink, two, 2, sizeof one + 1);
    }
    if (mode == "list_short_struct") {
        one.struct_size = 16;
    } else if (mode == "list_no_key") {
        one.key.size = 0;
    } else if (mode == "list_null_key") {
        one.key.data = nullptr;
    } else if (mode == "list_long_key") {
        one.key = {reinterpret_cast<const std::uint8_t*>(long_text.data()), long_text.size()};
    } else if (mode == "list_container_key") {
        one.kind = SYNCLINE_KIND_CONTAINER;
    } else if (mode == "list_object_slash") {
        one.key = bytes("a/");
    } else if (mode == "list_kind0") {
        one.kind = 0;
    } else if (mode == "list_kind9") {
        one.kind = 9;
    } else if (mode == "list_algo99") {
        one.fields |= SYNCLINE_ITEM_HASH;
        one.hash_algo = 99;
        one.hash = bytes("whatever");
    } else if (mode == "list_bad_digest") {
        one.fields |= SYNCLINE_ITEM_HASH;
        one.hash_algo = SYNCLINE_HASH_SHA256;
        one.hash = bytes("short");
    } else if (mode == "list_long_version") {
        one.version = {reinterpret_cast<const std::uint8_t*>(long_text.data()), 1025};
    } else if (mode == "list_null_version") {
        one.version = {nullptr, 3};
    } else if (mode == "list_null_id") {
        one.fields |= SYNCLINE_ITEM_ID;
        one.id = {nullptr, 3};
    } else if (mode.rfind("list_meta", 0) == 0) {
        one.fields |= SYNCLINE_ITEM_META;
        one.meta = {odd, mode == "list_meta_two"      ? 2u
                         : mode == "list_meta_twice"  ? 3u
                         : mode == "list_meta_noname" ? 4u
                                                      : 5u};
        if (mode == "list_meta_noname") {
            one.meta.data = odd + 3;
            one.meta.count = 1;
        } else if (mode == "list_meta_nullname") {
            one.meta.data = odd + 4;
            one.meta.count = 1;
        } else if (mode == "list_meta_null") {
            one.meta = {nullptr, 2};
        } else if (mode == "list_meta_many") {
            one.meta.count = UINT64_MAX;
        }
    } else if (mode == "list_unknown_bits") {
        // Longer than this host knows, with flags and fields it does not know.
        struct Later {
            syncline_item item;
            std::uint64_t more;
        };
        const Later two[] = {{item("a"), 1}, {item("b"), 2}};
        std::vector<Later> later(two, two + 2);
        for (Later& each : later) {
            each.item.struct_size = sizeof(Later);
            each.item.fields |= 0xffff0000u;
            each.item.flags = UINT64_C(1) << 60 | SYNCLINE_ITEM_UNSETTLED;
        }
        return sink->items(sink, &later[0].item, 2, sizeof(Later));
    } else if (mode == "list_two_cursors") {
        sink->next(sink, bytes("one"));
        return sink->next(sink, bytes("two"));
    } else if (mode == "list_empty_cursor") {
        return sink->next(sink, {nullptr, 0});
    } else if (mode == "list_long_cursor") {
        return sink->next(sink, {reinterpret_cast<const std::uint8_t*>(long_text.data()), 16385});
    } else if (mode == "list_after_cursor") {
        sink->next(sink, bytes("one"));
    } else if (mode == "list_after_stop") {
        push(sink, one);
        return push(sink, item("b"));
    } else if (mode == "list_too_many") {
        const std::vector<syncline_item> many(req->max_items + 1u, one);
        return sink->items(sink, many.data(), many.size(), sizeof one);
    } else if (mode == "list_ignores_abort") {
        push(sink, one);
        push(sink, one);
        return SYNCLINE_OK;
    } else if (mode == "list_hides_abort") {
        push(sink, one);
        return SYNCLINE_E_IO;
    } else {
        static const syncline_kv executable = {{"posix.executable", 16},
                                               {reinterpret_cast<const std::uint8_t*>("1"), 1}};
        syncline_item page[] = {item("a"), item("b/", SYNCLINE_KIND_CONTAINER), item("b/c"),
                                item("l", SYNCLINE_KIND_LINK)};
        page[2].fields |= SYNCLINE_ITEM_META;
        page[2].meta = {&executable, 1};
        const syncline_status status = sink->items(sink, page, 4, sizeof page[0]);
        return status == SYNCLINE_STOP ? sink->next(sink, bytes("more")) : status;
    }
    return push(sink, one);
}

syncline_status list(const syncline_plugin* plugin, const syncline_call* call,
                     const syncline_list_req* req, const syncline_item_sink* sink) {
    bool handled = false;
    const syncline_status status = list_status(plugin, call, handled);
    return handled ? status : list_items(plugin, req, sink);
}

syncline_status stat(const syncline_plugin* plugin, const syncline_call*, syncline_bytes,
                     const syncline_item_sink* sink) {
    if (is(plugin, "stat_none")) {
        return SYNCLINE_OK;
    }
    if (is(plugin, "stat_not_found")) {
        return SYNCLINE_E_NOT_FOUND;
    }
    if (is(plugin, "stat_cursor")) {
        return sink->next(sink, bytes("more"));
    }
    push(sink, item("a"));
    return is(plugin, "stat_two") ? push(sink, item("b")) : SYNCLINE_OK;
}

syncline_status get(const syncline_plugin* plugin, const syncline_call*, const syncline_get_req*,
                    const syncline_get_sink* sink) {
    syncline_item one = item("a");
    if (is(plugin, "get_no_begin")) {
        return SYNCLINE_OK;
    }
    if (is(plugin, "get_write_first")) {
        return sink->write(sink, "hello", 5);
    }
    if (is(plugin, "get_begin_null")) {
        return sink->begin(sink, nullptr);
    }
    if (is(plugin, "get_unknown_size")) {
        one.fields &= ~SYNCLINE_ITEM_SIZE;
    }
    syncline_status status = sink->begin(sink, &one);
    if (is(plugin, "get_two_begins")) {
        return sink->begin(sink, &one);
    }
    if (is(plugin, "get_null")) {
        return sink->write(sink, nullptr, 5);
    }
    status = status < 0 ? status : sink->write(sink, "hel", 3);
    if (is(plugin, "get_short")) {
        return SYNCLINE_OK;
    }
    status = status < 0 ? status : sink->write(sink, "lo", 2);
    if (is(plugin, "get_long") || is(plugin, "get_unknown_size")) {
        return sink->write(sink, "!", 1);
    }
    return status;
}

// Its version is what the request said, so that tests see it.
syncline_status put(const syncline_plugin* plugin, const syncline_call*,
                    const syncline_put_req* req, const syncline_reader* reader,
                    const syncline_item_sink* sink) {
    std::string body;
    char buffer[4];
    if (is(plugin, "put_null_read")) {
        return static_cast<syncline_status>(reader->read(reader, nullptr, 4));
    }
    std::int64_t got = 0;
    while ((got = reader->read(reader, buffer, sizeof buffer)) > 0) {
        body.append(buffer, static_cast<std::size_t>(got));
    }
    if (got < 0 && !is(plugin, "put_ignores_reader")) {
        return static_cast<syncline_status>(got);
    }
    if (is(plugin, "put_no_item")) {
        return SYNCLINE_OK;
    }
    std::string seen(reinterpret_cast<const char*>(req->idempotency.data), req->idempotency.size);
    seen += "|" + body + "|" + std::to_string(req->condition) + "|" +
            std::to_string(req->item->fields) + "|" + std::to_string(req->item->meta.count);
    syncline_item made = item("a");
    made.key = req->key;
    made.version = {reinterpret_cast<const std::uint8_t*>(seen.data()), seen.size()};
    made.size = body.size();
    return push(sink, made);
}

syncline_status remove(const syncline_plugin*, const syncline_call* call,
                       const syncline_remove_req* req) {
    call->api->add_detail(call, str("current_version"), str("v9"));
    return req->idempotency.size == 16 ? SYNCLINE_E_CONFLICT : SYNCLINE_E_INTERNAL;
}

syncline_status flush(const syncline_plugin*, const syncline_call*) { return SYNCLINE_OK; }

constexpr syncline_connector kConnector = {
    sizeof(syncline_connector), 0, info, check, list, stat, get, put, remove, flush};
constexpr syncline_connector kHole = {
    sizeof(syncline_connector), 0, info, check, list, nullptr, get, put, remove, flush};
constexpr syncline_connector kShort = {16, 0, info, check, list, stat, get, put, remove, flush};

syncline_status rename(const syncline_plugin*, const syncline_call*, const syncline_rename_req* req,
                       const syncline_item_sink* sink) {
    syncline_item made = item("a");
    made.key = req->to_key;
    return push(sink, made);
}
constexpr syncline_connector_rename kRename = {sizeof(syncline_connector_rename), 0, rename};
constexpr syncline_connector_rename kRenameHole = {sizeof(syncline_connector_rename), 0, nullptr};

syncline_status set_meta(const syncline_plugin*, const syncline_call*, const syncline_put_req* req,
                         const syncline_item_sink* sink) {
    syncline_item made = item("a");
    made.mtime_ns = req->item->mtime_ns;
    return push(sink, made);
}
constexpr syncline_connector_meta kMeta = {sizeof(syncline_connector_meta), 0, set_meta};

syncline_status open_body(const syncline_plugin* plugin, const syncline_call*,
                          const syncline_get_req*, const syncline_item_sink* sink,
                          std::int32_t* fd) {
    if (!is(plugin, "open_no_fd")) {
        *fd = ::dup(0);
    }
    return is(plugin, "open_no_item") ? SYNCLINE_OK : push(sink, item("a"));
}
syncline_status put_fd(const syncline_plugin*, const syncline_call*, const syncline_put_req*,
                       std::int32_t fd, const syncline_item_sink* sink) {
    return fd < 0 ? SYNCLINE_E_INVALID_ARGUMENT : push(sink, item("a"));
}
constexpr syncline_connector_local kLocal = {sizeof(syncline_connector_local), 0, open_body,
                                             put_fd};

syncline_status decide(const syncline_plugin* plugin, const syncline_call* call,
                       const syncline_conflict* conflict, const syncline_decision_sink* sink) {
    syncline_decision decision{};
    decision.struct_size = sizeof decision;
    decision.action = SYNCLINE_DECISION_KEEP_SOURCE;
    const std::string reason = "because of " + self_of(plugin).mode;
    decision.reason = str(reason);
    if (is(plugin, "decide_none")) {
        return SYNCLINE_OK;
    }
    if (is(plugin, "decide_null")) {
        return sink->decide(sink, nullptr);
    }
    if (is(plugin, "decide_99")) {
        decision.action = 99;
    }
    if (is(plugin, "decide_null_reason")) {
        decision.reason = {nullptr, 5};
    }
    if (is(plugin, "decide_both")) {
        decision.action = SYNCLINE_DECISION_KEEP_BOTH;
        decision.target_key = bytes("a.conflict");
    }
    if (is(plugin, "merge_ok")) {
        decision.action = SYNCLINE_DECISION_MERGE;
        char buffer[8];
        const std::int64_t got = conflict->source_content->read_at(conflict->source_content, call,
                                                                   1, buffer, sizeof buffer);
        if (got < 0) {
            return static_cast<syncline_status>(got);
        }
        sink->merged(sink, buffer, static_cast<std::uint64_t>(got));
        sink->merged(sink, conflict->key.data, conflict->key.size);
    }
    if (is(plugin, "merge_hides")) {
        char buffer[8];
        conflict->source_content->read_at(conflict->source_content, call, 0, buffer, 8);
    }
    if (is(plugin, "merge_huge")) {
        return sink->merged(sink, "x", UINT64_MAX);
    }
    sink->decide(sink, &decision);
    if (is(plugin, "decide_twice")) {
        return sink->decide(sink, &decision);
    }
    if (is(plugin, "merge_late")) {
        return sink->merged(sink, "x", 1);
    }
    return SYNCLINE_OK;
}
constexpr syncline_conflict_strategy kStrategy = {sizeof(syncline_conflict_strategy), 0, decide};

const char* const kSchemes[] = {"lying", "lying+deep", nullptr};
const syncline_descriptor kDescriptors[] = {
    {sizeof(syncline_descriptor), SYNCLINE_PLUGIN_CONNECTOR, "test.connector.lying", LYING_VERSION,
     "Lying", "Test", "", "", "{}", 0, nullptr, kSchemes},
    {sizeof(syncline_descriptor), SYNCLINE_PLUGIN_STRATEGY, "test.strategy.lying", LYING_VERSION,
     "Lying", "Test", "", "", "{}", 0, nullptr, nullptr},
    {sizeof(syncline_descriptor), SYNCLINE_PLUGIN_STRATEGY, "other.strategy.lying", LYING_VERSION,
     "Lying", "Test", "", "", "{}", 0, nullptr, nullptr},
    {sizeof(syncline_descriptor), 77, "test.unheard-of.kind", LYING_VERSION, "Of a later kind",
     "Test", "", "", "{}", 0, nullptr, nullptr}};

syncline_status configure(const syncline_plugin* plugin, const syncline_call* call,
                          syncline_str json) {
    std::string text(json.data, json.size);
    const std::size_t begin = text.find(":\"");
    if (begin != std::string::npos) {
        self_of(plugin).mode = text.substr(begin + 2, text.find('"', begin + 2) - begin - 2);
    }
    if (is(plugin, "configure_fails")) {
        call->api->set_error(call, str("mode is not a mode"));
        call->api->add_detail(call, str("path"), str("/mode"));
        return SYNCLINE_E_INVALID_CONFIG;
    }
    return SYNCLINE_OK;
}

const void* get_interface(const syncline_plugin* plugin, const char* id) {
    const bool strategy = plugin->desc->kind == SYNCLINE_PLUGIN_STRATEGY;
    const std::string_view asked = id;
    if (is(plugin, "iface_none")) {
        return nullptr;
    }
    if (asked == SYNCLINE_IFACE_CONNECTOR && !strategy) {
        return is(plugin, "iface_hole")    ? &kHole
               : is(plugin, "iface_short") ? &kShort
                                           : &kConnector;
    }
    if (asked == SYNCLINE_IFACE_CONFLICT && strategy) {
        return &kStrategy;
    }
    if (asked == SYNCLINE_IFACE_RENAME) {
        return is(plugin, "rename_hole") ? &kRenameHole : &kRename;
    }
    if (asked == SYNCLINE_IFACE_META) {
        return &kMeta;
    }
    return asked == SYNCLINE_IFACE_LOCAL ? &kLocal : nullptr;
}

void destroy(const syncline_plugin* plugin) { delete &self_of(plugin); }

std::uint32_t count(const syncline_factory*) { return 4; }
const syncline_descriptor* describe(const syncline_factory*, std::uint32_t index) {
    return index < 4 ? &kDescriptors[index] : nullptr;
}

syncline_status create(const syncline_factory*, const syncline_host* host, const syncline_call*,
                       const char* id, const syncline_plugin** out) {
    for (const syncline_descriptor& descriptor : kDescriptors) {
        if (std::strcmp(descriptor.id, id) == 0) {
            auto* lying = new Lying;
            lying->host = host;
            lying->abi = {sizeof(syncline_plugin), 0,      &descriptor, lying, configure,
                          get_interface,           destroy};
            *out = &lying->abi;
            return SYNCLINE_OK;
        }
    }
    return SYNCLINE_E_NOT_FOUND;
}

constexpr syncline_factory kFactory = {sizeof(syncline_factory), 0, count, describe, create};

syncline_status init(const syncline_host*, syncline_str) {
    ++initialised;
    return SYNCLINE_OK;
}
void deinit() { --initialised; }
const void* get_factory(const char* id) {
    return initialised > 0 && std::strcmp(id, SYNCLINE_IFACE_FACTORY) == 0 ? &kFactory : nullptr;
}

} // namespace

extern "C" SYNCLINE_EXPORT const syncline_entry syncline_entry_v1 = {sizeof(syncline_entry),
                                                                     SYNCLINE_ABI_MAJOR,
                                                                     SYNCLINE_ABI_MINOR,
                                                                     0,
                                                                     0,
                                                                     0,
                                                                     "test 1.0",
                                                                     init,
                                                                     deinit,
                                                                     get_factory};
