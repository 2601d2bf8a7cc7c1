/// A host in miniature: calls, sinks, readers and services that record what a plugin does to them.
#ifndef SYNCLINE_TESTS_ABI_FAKE_HOST_HPP
#define SYNCLINE_TESTS_ABI_FAKE_HOST_HPP

#include <syncline/abi/abi.h>
#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/item.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace fake {

using syncline::sdk::bytes;
using syncline::sdk::str;
using syncline::sdk::view;

/// Memory for one T of `size` bytes, ending exactly at a page that faults when it is touched.
template <class T>
class BeforeGuard {
public:
    explicit BeforeGuard(const T& value, std::size_t size = sizeof(T)) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        length_ = 2 * page;
        base_ = static_cast<char*>(
            ::mmap(nullptr, length_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (base_ == MAP_FAILED || ::mprotect(base_ + page, page, PROT_NONE) != 0) {
            throw std::runtime_error("no guard page");
        }
        at_ = reinterpret_cast<T*>(base_ + page - size);
        std::memcpy(static_cast<void*>(at_), &value, std::min(size, sizeof(T)));
        at_->struct_size = static_cast<std::uint32_t>(size);
    }
    BeforeGuard(const BeforeGuard&) = delete;
    BeforeGuard& operator=(const BeforeGuard&) = delete;
    ~BeforeGuard() { ::munmap(base_, length_); }
    T* get() { return at_; }

private:
    std::size_t length_ = 0;
    char* base_ = nullptr;
    T* at_ = nullptr;
};

/// A T as a newer host would pass it: 64 bytes longer, the tail filled with 0xA5.
template <class T>
struct Longer {
    explicit Longer(const T& from) : value(from) {
        std::memset(tail, 0xA5, sizeof(tail));
        value.struct_size = sizeof(Longer);
    }
    bool tail_untouched() const {
        return std::all_of(tail, tail + sizeof(tail), [](unsigned char c) { return c == 0xA5; });
    }
    T value;
    unsigned char tail[64];
};

struct Call {
    Call() {
        api.struct_size = sizeof(api);
        api.is_cancelled = [](const syncline_call* c) noexcept -> std::uint32_t {
            return of(c).cancelled ? 1 : 0;
        };
        api.mono_now_ns = [](const syncline_call* c) noexcept { return of(c).now_ns; };
        api.set_error = [](const syncline_call* c, syncline_str m) { of(c).error = view(m); };
        api.add_detail = [](const syncline_call* c, syncline_str k, syncline_str v) {
            of(c).details.emplace(view(k), view(v));
        };
        api.set_retry = [](const syncline_call* c, std::uint32_t k, std::int64_t ms) {
            of(c).retry_class = k;
            of(c).retry_after_ms = ms;
        };
        api.progress = [](const syncline_call* c, std::uint64_t done, std::uint64_t, syncline_str) {
            of(c).done = done;
        };
        raw.struct_size = sizeof(raw);
        raw.api = &api;
        raw.impl = this;
        raw.call_id = 7;
        raw.deadline_mono_ns = SYNCLINE_NO_DEADLINE;
    }
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;
    operator const syncline_call*() const { return &raw; }
    static Call& of(const syncline_call* c) { return *static_cast<Call*>(c->impl); }

    syncline_call raw{};
    syncline_call_api api{};
    bool cancelled = false;
    std::int64_t now_ns = 0;
    std::string error;
    std::map<std::string, std::string> details;
    std::uint32_t retry_class = SYNCLINE_RETRY_DEFAULT;
    std::int64_t retry_after_ms = 0;
    std::uint64_t done = 0;
};

/// Fails or stops at the given item count, if asked to.
struct ItemSink {
    ItemSink() {
        raw.struct_size = sizeof(raw);
        raw.impl = this;
        raw.items = [](const syncline_item_sink* s, const syncline_item* first, std::uint64_t count,
                       std::uint64_t stride) -> syncline_status {
            auto& self = *static_cast<ItemSink*>(s->impl);
            ++self.pushes;
            if (self.fail_with != 0) {
                return self.fail_with;
            }
            for (std::uint64_t i = 0; i < count; ++i) {
                const auto* item = reinterpret_cast<const syncline_item*>(
                    reinterpret_cast<const char*>(first) + i * stride);
                self.items.push_back(syncline::sdk::ItemView(syncline::sdk::load(item)).copy());
            }
            return self.items.size() >= self.stop_at ? SYNCLINE_STOP : SYNCLINE_OK;
        };
        raw.next = [](const syncline_item_sink* s, syncline_bytes cursor) -> syncline_status {
            auto& self = *static_cast<ItemSink*>(s->impl);
            ++self.nexts;
            self.cursor = view(cursor);
            return SYNCLINE_OK;
        };
    }
    ItemSink(const ItemSink&) = delete;
    ItemSink& operator=(const ItemSink&) = delete;
    operator const syncline_item_sink*() const { return &raw; }

    syncline_item_sink raw{};
    std::vector<syncline::sdk::Item> items;
    std::string cursor;
    int pushes = 0;
    int nexts = 0;
    std::size_t stop_at = SIZE_MAX;
    syncline_status fail_with = 0;
};

struct GetSink {
    GetSink() {
        raw.struct_size = sizeof(raw);
        raw.impl = this;
        raw.begin = [](const syncline_get_sink* s, const syncline_item* item) -> syncline_status {
            auto& self = *static_cast<GetSink*>(s->impl);
            self.item = syncline::sdk::ItemView(syncline::sdk::load(item)).copy();
            ++self.begins;
            return SYNCLINE_OK;
        };
        raw.write = [](const syncline_get_sink* s, const void* data,
                       std::uint64_t size) -> syncline_status {
            auto& self = *static_cast<GetSink*>(s->impl);
            if (self.fail_with != 0) {
                return self.fail_with;
            }
            self.body.append(static_cast<const char*>(data), static_cast<std::size_t>(size));
            return SYNCLINE_OK;
        };
    }
    GetSink(const GetSink&) = delete;
    GetSink& operator=(const GetSink&) = delete;
    operator const syncline_get_sink*() const { return &raw; }

    syncline_get_sink raw{};
    std::optional<syncline::sdk::Item> item;
    std::string body;
    int begins = 0;
    syncline_status fail_with = 0;
};

/// Gives the body in pieces of `piece` bytes and fails at offset `fail_at`, if asked to.
struct Reader {
    explicit Reader(std::string text) : body(std::move(text)) {
        raw.struct_size = sizeof(raw);
        raw.flags = SYNCLINE_READER_REWINDABLE;
        raw.impl = this;
        raw.size = body.size();
        raw.read = [](const syncline_reader* r, void* buf, std::uint64_t cap) -> std::int64_t {
            auto& self = *static_cast<Reader*>(r->impl);
            if (self.at >= self.fail_at) {
                return self.fail_with;
            }
            const std::size_t n = std::min<std::size_t>(
                {self.piece, static_cast<std::size_t>(cap), self.body.size() - self.at});
            std::memcpy(buf, self.body.data() + self.at, n);
            self.at += n;
            return static_cast<std::int64_t>(n);
        };
        raw.rewind = [](const syncline_reader* r) -> syncline_status {
            static_cast<Reader*>(r->impl)->at = 0;
            return SYNCLINE_OK;
        };
        raw.read_at = [](const syncline_reader*, std::uint64_t, void*,
                         std::uint64_t) -> std::int64_t { return SYNCLINE_E_NOT_SUPPORTED; };
    }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;
    operator const syncline_reader*() const { return &raw; }

    syncline_reader raw{};
    std::string body;
    std::size_t at = 0;
    std::size_t piece = 23;
    std::size_t fail_at = SIZE_MAX;
    syncline_status fail_with = SYNCLINE_E_IO;
};

struct DecisionSink {
    DecisionSink() {
        raw.struct_size = sizeof(raw);
        raw.impl = this;
        raw.merged = [](const syncline_decision_sink* s, const void* data,
                        std::uint64_t size) -> syncline_status {
            static_cast<DecisionSink*>(s->impl)->merged.append(static_cast<const char*>(data),
                                                               static_cast<std::size_t>(size));
            return SYNCLINE_OK;
        };
        raw.decide = [](const syncline_decision_sink* s,
                        const syncline_decision* d) -> syncline_status {
            auto& self = *static_cast<DecisionSink*>(s->impl);
            ++self.decisions;
            self.action = d->action;
            self.source_key = view(d->source_key);
            self.target_key = view(d->target_key);
            self.reason = view(d->reason);
            return SYNCLINE_OK;
        };
    }
    DecisionSink(const DecisionSink&) = delete;
    DecisionSink& operator=(const DecisionSink&) = delete;
    operator const syncline_decision_sink*() const { return &raw; }

    syncline_decision_sink raw{};
    int decisions = 0;
    std::uint32_t action = 0;
    std::string merged;
    std::string source_key;
    std::string target_key;
    std::string reason;
};

/// Services can be switched off one by one; `with_services = false` is the barest host there may
/// be.
struct Host {
    explicit Host(bool with_services = true) : services(with_services) {
        raw.struct_size = sizeof(raw);
        raw.abi_major = SYNCLINE_ABI_MAJOR;
        raw.abi_minor = SYNCLINE_ABI_MINOR;
        raw.impl = this;
        raw.name = "fake";
        raw.version = "0";
        raw.get_interface = [](const syncline_host* h, const char* id) -> const void* {
            auto& self = of(h);
            ++self.asked;
            if (!self.services) {
                return nullptr;
            }
            if (std::strcmp(id, SYNCLINE_IFACE_HOST_LOG) == 0) {
                return &self.log;
            }
            if (std::strcmp(id, SYNCLINE_IFACE_HOST_NOTIFY) == 0) {
                return &self.notify;
            }
            if (std::strcmp(id, SYNCLINE_IFACE_HOST_KV) == 0) {
                return &self.kv;
            }
            return nullptr;
        };
        log.struct_size = sizeof(log);
        log.enabled = [](const syncline_host*, std::uint32_t level) -> std::uint32_t {
            return level >= SYNCLINE_LOG_INFO ? 1 : 0;
        };
        log.log = [](const syncline_host* h, std::uint64_t, std::uint32_t, syncline_str text,
                     syncline_kvs fields) {
            std::string line(view(text));
            for (std::uint64_t i = 0; i < fields.count; ++i) {
                line += ' ';
                line += view(fields.data[i].name);
                line += '=';
                line += view(fields.data[i].value);
            }
            of(h).lines.push_back(line);
        };
        notify.struct_size = sizeof(notify);
        notify.changed = [](const syncline_host* h, syncline_bytes prefix) {
            of(h).hints.emplace_back(view(prefix));
        };
        notify.attention = [](const syncline_host* h, std::uint32_t what) {
            of(h).attentions.push_back(what);
        };
        kv.struct_size = sizeof(kv);
        kv.get = [](const syncline_host* h, const syncline_call*, syncline_str key,
                    const syncline_bytes_sink* sink) -> syncline_status {
            const auto found = of(h).store.find(std::string(view(key)));
            return found == of(h).store.end() ? SYNCLINE_E_NOT_FOUND
                                              : sink->put(sink, bytes(found->second));
        };
        kv.put = [](const syncline_host* h, const syncline_call*, syncline_str key,
                    syncline_bytes value, std::uint32_t) -> syncline_status {
            of(h).store[std::string(view(key))] = view(value);
            return SYNCLINE_OK;
        };
        kv.remove = [](const syncline_host* h, const syncline_call*,
                       syncline_str key) -> syncline_status {
            return of(h).store.erase(std::string(view(key))) != 0 ? SYNCLINE_OK
                                                                  : SYNCLINE_E_NOT_FOUND;
        };
    }
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    operator const syncline_host*() const { return &raw; }
    static Host& of(const syncline_host* h) { return *static_cast<Host*>(h->impl); }

    syncline_host raw{};
    syncline_host_log log{};
    syncline_host_notify notify{};
    syncline_host_kv kv{};
    bool services;
    int asked = 0;
    std::vector<std::string> lines;
    std::vector<std::string> hints;
    std::vector<std::uint32_t> attentions;
    std::map<std::string, std::string> store;
};

/// An initialised library and one instance of it.
class Instance {
public:
    Instance(const syncline_entry& entry, Host& host, const char* id,
             std::optional<std::string> config = "{}")
        : entry_(entry) {
        if (entry_.init(host, str("")) != SYNCLINE_OK) {
            throw std::runtime_error("init failed");
        }
        const auto* factory =
            static_cast<const syncline_factory*>(entry_.get_factory(SYNCLINE_IFACE_FACTORY));
        Call call;
        if (factory->create(factory, host, call, id, &plugin_) != SYNCLINE_OK) {
            throw std::runtime_error("create failed");
        }
        if (config) {
            configured = plugin_->configure(plugin_, configure_call, str(*config));
        }
    }
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;
    ~Instance() {
        if (plugin_ != nullptr) {
            plugin_->destroy(plugin_);
        }
        entry_.deinit();
    }
    operator const syncline_plugin*() const { return plugin_; }
    const syncline_plugin* operator->() const { return plugin_; }
    template <class T>
    const T* as(const char* id) const {
        return static_cast<const T*>(plugin_->get_interface(plugin_, id));
    }

    Call configure_call;
    syncline_status configured = 1;

private:
    const syncline_entry& entry_;
    const syncline_plugin* plugin_ = nullptr;
};

} // namespace fake

#endif
