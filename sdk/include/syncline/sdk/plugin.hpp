/// From C++ classes to the one exported object.
///
///     SYNCLINE_PLUGIN(
///         syncline::sdk::connector<Memory>(
///             syncline::sdk::Descriptor("example.connector.memory", "1.0.0", "Memory")
///                 .schemes({"memory"})));
///
/// Everything the ABI asks of the frame is done here and cannot be forgotten: nested init, exact
/// ids, configure once, refusing calls on an unconfigured instance, reading and writing structs of
/// any size, and an exception barrier around every function a host can call.
#ifndef SYNCLINE_SDK_PLUGIN_HPP
#define SYNCLINE_SDK_PLUGIN_HPP

#include <syncline/abi/abi.h>
#include <syncline/sdk/connector.hpp>
#include <syncline/sdk/scheduler.hpp>
#include <syncline/sdk/strategy.hpp>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace syncline::sdk {

/// What the host may show before it creates an instance. Requires string literals, or text that
/// lives as long as the library.
class Descriptor {
public:
    Descriptor(const char* id, const char* version, const char* name) {
        raw_.struct_size = sizeof(raw_);
        raw_.id = id;
        raw_.version = version;
        raw_.name = name;
        raw_.vendor = "";
        raw_.description = "";
        raw_.url = "";
        raw_.config_schema = R"({"type":"object"})";
    }
    Descriptor&& vendor(const char* text) && {
        raw_.vendor = text;
        return std::move(*this);
    }
    Descriptor&& description(const char* text) && {
        raw_.description = text;
        return std::move(*this);
    }
    Descriptor&& url(const char* text) && {
        raw_.url = text;
        return std::move(*this);
    }
    /// JSON Schema text of the configuration.
    Descriptor&& schema(const char* json) && {
        raw_.config_schema = json;
        return std::move(*this);
    }
    /// A superset of what any instance advertises in info().
    Descriptor&& caps(std::uint64_t caps_max) && {
        raw_.caps_max = caps_max;
        return std::move(*this);
    }
    Descriptor&& features(std::initializer_list<const char*> words) && {
        features_ = words;
        return std::move(*this);
    }
    Descriptor&& schemes(std::initializer_list<const char*> names) && {
        schemes_ = names;
        return std::move(*this);
    }

private:
    friend class Registry;
    friend class Registration;
    syncline_descriptor raw_{};
    std::vector<const char*> features_;
    std::vector<const char*> schemes_;
};

namespace detail {

/// The configured object of an instance, seen through every interface it may have.
struct Object {
    std::shared_ptr<void> owner;
    Connector* connector = nullptr;
    ConflictStrategy* strategy = nullptr;
    BaseContentUser* base_user = nullptr;
    Scheduler* scheduler = nullptr;
    Renamer* renamer = nullptr;
    LocalBodies* local = nullptr;
    MetaWriter* meta = nullptr;
    Changes* changes = nullptr;
    Batch* batch = nullptr;
    Watch* watch = nullptr;
    Interruptible* interruptible = nullptr;
    Stateful* stateful = nullptr;
    Catalog* catalog = nullptr;
};

using Construct = Object (*)(const Setup&);

template <class Base, class T>
void expose(Base*& slot, T* object, const char* id) {
    if constexpr (std::is_base_of_v<Base, T>) {
        if constexpr (std::is_base_of_v<Connector, T>) {
            if (!object->offers(id)) {
                return;
            }
        }
        slot = object;
    } else {
        static_cast<void>(object);
        static_cast<void>(id);
    }
}

template <class T>
Object construct(const Setup& setup) {
    auto owner = [&] {
        if constexpr (std::is_constructible_v<T, const Setup&>) {
            return std::make_shared<T>(setup);
        } else {
            static_assert(std::is_default_constructible_v<T>,
                          "a plugin class needs a constructor T(const Setup&) or T()");
            return std::make_shared<T>();
        }
    }();
    T* object = owner.get();
    Object out;
    if constexpr (std::is_base_of_v<Connector, T>) {
        out.connector = object;
    }
    expose(out.strategy, object, SYNCLINE_IFACE_CONFLICT);
    expose(out.base_user, object, SYNCLINE_IFACE_CONFLICT_BASE);
    expose(out.scheduler, object, SYNCLINE_IFACE_SCHEDULER);
    expose(out.renamer, object, SYNCLINE_IFACE_RENAME);
    expose(out.local, object, SYNCLINE_IFACE_LOCAL);
    expose(out.meta, object, SYNCLINE_IFACE_META);
    expose(out.changes, object, SYNCLINE_IFACE_CHANGES);
    expose(out.batch, object, SYNCLINE_IFACE_BATCH);
    expose(out.watch, object, SYNCLINE_IFACE_WATCH);
    expose(out.interruptible, object, SYNCLINE_IFACE_INTERRUPT);
    expose(out.stateful, object, SYNCLINE_IFACE_STATE);
    expose(out.catalog, object, SYNCLINE_IFACE_CATALOG);
    out.owner = std::move(owner);
    return out;
}

} // namespace detail

/// One plugin of a library: its descriptor and how to make it.
class Registration {
public:
    Registration(Descriptor descriptor, std::uint32_t kind, detail::Construct construct)
        : descriptor_(std::move(descriptor)), construct_(construct) {
        descriptor_.raw_.kind = kind;
    }

private:
    friend class Registry;
    Descriptor descriptor_;
    detail::Construct construct_;
};

template <class T>
Registration connector(Descriptor descriptor) {
    static_assert(std::is_base_of_v<Connector, T>);
    return Registration(std::move(descriptor), SYNCLINE_PLUGIN_CONNECTOR, &detail::construct<T>);
}

template <class T>
Registration strategy(Descriptor descriptor) {
    static_assert(std::is_base_of_v<ConflictStrategy, T>);
    return Registration(std::move(descriptor), SYNCLINE_PLUGIN_STRATEGY, &detail::construct<T>);
}

template <class T>
Registration scheduler(Descriptor descriptor) {
    static_assert(std::is_base_of_v<Scheduler, T>);
    return Registration(std::move(descriptor), SYNCLINE_PLUGIN_SCHEDULER, &detail::construct<T>);
}

/// All plugins of a library. Addresses of descriptors never change.
class Registry {
public:
    Registry(std::initializer_list<Registration> plugins) : plugins_(plugins) {
        for (Registration& plugin : plugins_) {
            Descriptor& descriptor = plugin.descriptor_;
            descriptor.raw_.features = terminate(descriptor.features_);
            descriptor.raw_.schemes = terminate(descriptor.schemes_);
        }
    }
    Registry(const Registry&) = delete;
    Registry& operator=(const Registry&) = delete;

    std::size_t size() const noexcept { return plugins_.size(); }
    const syncline_descriptor& descriptor(std::size_t index) const noexcept {
        return plugins_[index].descriptor_.raw_;
    }
    detail::Construct construct(std::size_t index) const noexcept {
        return plugins_[index].construct_;
    }

private:
    static const char* const* terminate(std::vector<const char*>& list) {
        if (list.empty()) {
            return nullptr;
        }
        list.push_back(nullptr);
        return list.data();
    }

    std::vector<Registration> plugins_;
};

namespace detail {

/// Runs a body and turns whatever it throws into a status, with text and details on the call.
template <class Body>
syncline_status guard(const Call* call, Body&& body) noexcept {
    const auto fail = [&](syncline_status status, const char* text) noexcept {
        if (call != nullptr && text != nullptr) {
            call->raw()->api->set_error(call->raw(), syncline_str{text, std::strlen(text)});
        }
        return status;
    };
    try {
        body();
        return SYNCLINE_OK;
    } catch (const Error& error) {
        if (call != nullptr) {
            call->report(error);
        }
        return error.status() < 0 ? error.status() : SYNCLINE_E_INTERNAL;
    } catch (const std::bad_alloc&) {
        return fail(SYNCLINE_E_OUT_OF_MEMORY, "out of memory");
    } catch (const std::exception& error) {
        return fail(SYNCLINE_E_INTERNAL, is_utf8(error.what()) ? error.what() : "internal error");
    } catch (...) {
        return fail(SYNCLINE_E_INTERNAL, "an unknown exception was thrown");
    }
}

/// As guard(), and makes the Call; a call that cannot be read is a status without text.
template <class Body>
syncline_status with_call(const syncline_call* raw, Body&& body) noexcept {
    syncline_status status = SYNCLINE_OK;
    const syncline_status outer = guard(nullptr, [&] {
        Call call(raw);
        status = guard(&call, [&] { body(call); });
    });
    return outer != SYNCLINE_OK ? outer : status;
}

/// What syncline_plugin.impl points to.
class Instance {
public:
    Instance(const syncline_host* host, const syncline_descriptor* descriptor, Construct construct)
        : host_(host), construct_(construct) {
        plugin_.struct_size = sizeof(plugin_);
        plugin_.desc = descriptor;
        plugin_.impl = this;
        plugin_.configure = &Instance::configure;
        plugin_.get_interface = &Instance::get_interface;
        plugin_.destroy = &Instance::destroy;
    }
    Instance(const Instance&) = delete;
    Instance& operator=(const Instance&) = delete;

    const syncline_plugin* plugin() const noexcept { return &plugin_; }

    static Instance& of(const syncline_plugin* plugin) {
        if (plugin == nullptr) {
            throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed no instance");
        }
        return *static_cast<Instance*>(plugin->impl);
    }

    bool configured() const noexcept { return state_.load(std::memory_order_acquire) == kReady; }
    const Object& object() const noexcept { return object_; }

    /// Texts handed out by info() stay valid until the instance is destroyed.
    syncline_bytes keep(const std::string& text) {
        const std::lock_guard<std::mutex> lock(kept_mutex_);
        for (const std::string& kept : kept_) {
            if (kept == text) {
                return bytes(kept);
            }
        }
        kept_.push_back(text);
        return bytes(kept_.back());
    }

private:
    enum State : int { kCreated, kConfiguring, kReady, kFailed };

    static syncline_status configure(const syncline_plugin* plugin, const syncline_call* raw,
                                     syncline_str text) noexcept;
    static const void* get_interface(const syncline_plugin* plugin, const char* id) noexcept;
    static void destroy(const syncline_plugin* plugin) noexcept {
        if (plugin != nullptr) {
            delete static_cast<Instance*>(plugin->impl);
        }
    }

    syncline_plugin plugin_{};
    const syncline_host* host_;
    Construct construct_;
    std::atomic<int> state_{kCreated};
    std::mutex kept_mutex_;
    std::list<std::string> kept_; ///< stable addresses
    Object object_;
};

/// Enters one interface of a configured instance.
template <class Part, class Body>
syncline_status enter(const syncline_plugin* plugin, const syncline_call* raw, Part* Object::*part,
                      Body&& body) noexcept {
    return with_call(raw, [&](Call& call) {
        Instance& instance = Instance::of(plugin);
        if (!instance.configured() || instance.object().*part == nullptr) {
            throw Error(SYNCLINE_E_INVALID_STATE, "the instance is not configured for this call");
        }
        body(*(instance.object().*part), call, instance);
    });
}

/// For interface functions that cannot fail.
template <class Part, class Body>
void enter_quietly(const syncline_plugin* plugin, Part* Object::*part, Body&& body) noexcept {
    guard(nullptr, [&] {
        Instance& instance = Instance::of(plugin);
        if (instance.configured() && instance.object().*part != nullptr) {
            body(*(instance.object().*part));
        }
    });
}

inline void push_one(const syncline_item_sink* raw, const Item& item) {
    static_cast<void>(ItemSink(raw).push(item));
}

struct ConnectorTable {
    static syncline_status info(const syncline_plugin* plugin, const syncline_call* raw,
                                syncline_connector_info* out) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance& instance) {
                         check_out(out);
                         const Info info = connector.info(call);
                         syncline_connector_info own{};
                         own.key_rules = info.key_rules;
                         own.caps = info.caps;
                         own.hash_algos = info.hash_algos;
                         own.max_object_size = info.max_object_size;
                         own.max_key_bytes = info.max_key_bytes;
                         own.max_meta_bytes = info.max_meta_bytes;
                         own.max_concurrency = info.max_concurrency;
                         own.preferred_page = info.preferred_page;
                         own.max_batch = info.max_batch;
                         own.consistency = info.consistency;
                         own.mtime_granularity_ns = info.mtime_granularity_ns;
                         own.settle_ns = info.settle_ns;
                         own.scope_id = instance.keep(info.scope_id);
                         own.scope_path = instance.keep(info.scope_path);
                         own.max_batch_bytes = info.max_batch_bytes;
                         store(out, own);
                     });
    }
    static syncline_status check(const syncline_plugin* plugin, const syncline_call* raw) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) { connector.check(call); });
    }
    static syncline_status list(const syncline_plugin* plugin, const syncline_call* raw,
                                const syncline_list_req* req,
                                const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) {
                         ItemSink out(sink);
                         connector.list(call, ListRequest(load(req)), out);
                     });
    }
    static syncline_status stat(const syncline_plugin* plugin, const syncline_call* raw,
                                syncline_bytes key, const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) {
                         push_one(sink, connector.stat(call, view(key)));
                     });
    }
    static syncline_status get(const syncline_plugin* plugin, const syncline_call* raw,
                               const syncline_get_req* req,
                               const syncline_get_sink* sink) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) {
                         GetSink out(sink);
                         connector.get(call, GetRequest(load(req)), out);
                     });
    }
    static syncline_status put(const syncline_plugin* plugin, const syncline_call* raw,
                               const syncline_put_req* req, const syncline_reader* reader,
                               const syncline_item_sink* sink) noexcept {
        return enter(
            plugin, raw, &Object::connector, [&](Connector& connector, Call& call, Instance&) {
                ItemSink out(sink);
                Reader body(reader);
                static_cast<void>(out.push(connector.put(call, PutRequest(load(req)), body)));
            });
    }
    static syncline_status remove(const syncline_plugin* plugin, const syncline_call* raw,
                                  const syncline_remove_req* req) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) {
                         connector.remove(call, RemoveRequest(load(req)));
                     });
    }
    static syncline_status flush(const syncline_plugin* plugin, const syncline_call* raw) noexcept {
        return enter(plugin, raw, &Object::connector,
                     [&](Connector& connector, Call& call, Instance&) { connector.flush(call); });
    }
    static constexpr syncline_connector kTable{
        sizeof(syncline_connector), 0, &info, &check, &list, &stat, &get, &put, &remove, &flush};
};

struct BatchTable {
    template <class Raw, class Request>
    static std::vector<Request> all(const Raw* first, std::uint64_t count, std::uint64_t stride) {
        const Strided<Raw, Request> range(first, count, stride);
        std::vector<Request> out;
        out.reserve(range.size());
        for (std::size_t i = 0; i < range.size(); ++i) {
            out.push_back(range[i]);
        }
        return out;
    }
    static void finish(const BatchSink& sink) {
        if (!sink.complete()) {
            throw Error(SYNCLINE_E_INTERNAL, "elements of a batch were left without an answer");
        }
    }
    static syncline_status get_many(const syncline_plugin* plugin, const syncline_call* raw,
                                    const syncline_get_req* first, std::uint64_t count,
                                    std::uint64_t stride,
                                    const syncline_batch_sink* sink) noexcept {
        return enter(plugin, raw, &Object::batch, [&](Batch& batch, Call& call, Instance&) {
            BatchSink out(sink, static_cast<std::size_t>(count));
            batch.get_many(call, all<syncline_get_req, GetRequest>(first, count, stride), out);
            finish(out);
        });
    }
    static syncline_status put_many(const syncline_plugin* plugin, const syncline_call* raw,
                                    const syncline_put_req* first, std::uint64_t count,
                                    std::uint64_t stride, const syncline_reader* const* bodies,
                                    const syncline_batch_sink* sink) noexcept {
        return enter(plugin, raw, &Object::batch, [&](Batch& batch, Call& call, Instance&) {
            BatchSink out(sink, static_cast<std::size_t>(count));
            const Strided<syncline_put_req, PutRequest> range(first, count, stride);
            std::vector<BatchPut> puts;
            puts.reserve(range.size());
            for (std::size_t i = 0; i < range.size(); ++i) {
                puts.push_back(BatchPut{range[i], Reader(bodies[i])});
            }
            batch.put_many(call, puts, out);
            finish(out);
        });
    }
    static syncline_status remove_many(const syncline_plugin* plugin, const syncline_call* raw,
                                       const syncline_remove_req* first, std::uint64_t count,
                                       std::uint64_t stride,
                                       const syncline_batch_sink* sink) noexcept {
        return enter(plugin, raw, &Object::batch, [&](Batch& batch, Call& call, Instance&) {
            BatchSink out(sink, static_cast<std::size_t>(count));
            batch.remove_many(call, all<syncline_remove_req, RemoveRequest>(first, count, stride),
                              out);
            finish(out);
        });
    }
    static constexpr syncline_connector_batch kTable{sizeof(syncline_connector_batch), 0, &get_many,
                                                     &put_many, &remove_many};
};

struct RenameTable {
    static syncline_status rename(const syncline_plugin* plugin, const syncline_call* raw,
                                  const syncline_rename_req* req,
                                  const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::renamer, [&](Renamer& renamer, Call& call, Instance&) {
            ItemSink out(sink);
            static_cast<void>(out.push(renamer.rename(call, RenameRequest(load(req)))));
        });
    }
    static constexpr syncline_connector_rename kTable{sizeof(syncline_connector_rename), 0,
                                                      &rename};
};

struct ChangesTable {
    static syncline_status latest(const syncline_plugin* plugin, const syncline_call* raw,
                                  const syncline_bytes_sink* sink) noexcept {
        return enter(plugin, raw, &Object::changes, [&](Changes& changes, Call& call, Instance&) {
            put_bytes(sink, changes.latest(call));
        });
    }
    static syncline_status changes(const syncline_plugin* plugin, const syncline_call* raw,
                                   const syncline_changes_req* req,
                                   const syncline_change_sink* sink) noexcept {
        return enter(plugin, raw, &Object::changes, [&](Changes& changes, Call& call, Instance&) {
            ChangeSink out(sink);
            const std::string cursor = changes.changes(call, ChangesRequest(load(req)), out);
            const syncline_status status = sink->next(sink, bytes(cursor));
            if (status < 0) {
                throw StreamError(status);
            }
        });
    }
    static void put_bytes(const syncline_bytes_sink* sink, const std::string& value) {
        load(sink);
        const syncline_status status = sink->put(sink, bytes(value));
        if (status < 0) {
            throw StreamError(status);
        }
    }
    static constexpr syncline_connector_changes kTable{sizeof(syncline_connector_changes), 0,
                                                       &latest, &changes};
};

struct WatchTable {
    static syncline_status start(const syncline_plugin* plugin, const syncline_call* raw,
                                 syncline_bytes prefix) noexcept {
        return enter(plugin, raw, &Object::watch,
                     [&](Watch& watch, Call& call, Instance&) { watch.start(call, view(prefix)); });
    }
    static void stop(const syncline_plugin* plugin) noexcept {
        enter_quietly(plugin, &Object::watch, [](Watch& watch) { watch.stop(); });
    }
    static constexpr syncline_connector_watch kTable{sizeof(syncline_connector_watch), 0, &start,
                                                     &stop};
};

struct InterruptTable {
    static void interrupt(const syncline_plugin* plugin, std::uint64_t call_id) noexcept {
        enter_quietly(plugin, &Object::interruptible,
                      [&](Interruptible& object) { object.interrupt(call_id); });
    }
    static constexpr syncline_interrupt kTable{sizeof(syncline_interrupt), 0, &interrupt};
};

struct StateTable {
    static syncline_status save(const syncline_plugin* plugin, const syncline_call* raw,
                                const syncline_bytes_sink* sink) noexcept {
        return enter(plugin, raw, &Object::stateful, [&](Stateful& object, Call& call, Instance&) {
            ChangesTable::put_bytes(sink, object.save(call));
        });
    }
    static syncline_status load(const syncline_plugin* plugin, const syncline_call* raw,
                                syncline_bytes saved) noexcept {
        return enter(plugin, raw, &Object::stateful, [&](Stateful& object, Call& call, Instance&) {
            object.load(call, view(saved));
        });
    }
    static constexpr syncline_state kTable{sizeof(syncline_state), 0, &save, &load};
};

struct CatalogTable {
    static syncline_status types(const syncline_plugin* plugin, const syncline_call* raw,
                                 const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::catalog, [&](Catalog& catalog, Call& call, Instance&) {
            ItemSink out(sink);
            catalog.types(call, out);
        });
    }
    static constexpr syncline_connector_catalog kTable{sizeof(syncline_connector_catalog), 0,
                                                       &types};
};

struct LocalTable {
    static syncline_status open_body(const syncline_plugin* plugin, const syncline_call* raw,
                                     const syncline_get_req* req, const syncline_item_sink* sink,
                                     std::int32_t* fd) noexcept {
        return enter(plugin, raw, &Object::local, [&](LocalBodies& local, Call& call, Instance&) {
            ItemSink out(sink);
            if (fd == nullptr) {
                throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed no place for the file");
            }
            *fd = local.open_body(call, GetRequest(load(req)), out);
        });
    }
    static syncline_status put_fd(const syncline_plugin* plugin, const syncline_call* raw,
                                  const syncline_put_req* req, std::int32_t fd,
                                  const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::local, [&](LocalBodies& local, Call& call, Instance&) {
            ItemSink out(sink);
            static_cast<void>(out.push(local.put_fd(call, PutRequest(load(req)), fd)));
        });
    }
    static constexpr syncline_connector_local kTable{sizeof(syncline_connector_local), 0,
                                                     &open_body, &put_fd};
};

struct MetaTable {
    static syncline_status set_meta(const syncline_plugin* plugin, const syncline_call* raw,
                                    const syncline_put_req* req,
                                    const syncline_item_sink* sink) noexcept {
        return enter(plugin, raw, &Object::meta, [&](MetaWriter& meta, Call& call, Instance&) {
            ItemSink out(sink);
            static_cast<void>(out.push(meta.set_meta(call, PutRequest(load(req)))));
        });
    }
    static constexpr syncline_connector_meta kTable{sizeof(syncline_connector_meta), 0, &set_meta};
};

struct StrategyTable {
    static syncline_status decide(const syncline_plugin* plugin, const syncline_call* raw,
                                  const syncline_conflict* conflict,
                                  const syncline_decision_sink* sink) noexcept {
        return enter(plugin, raw, &Object::strategy,
                     [&](ConflictStrategy& strategy, Call& call, Instance&) {
                         const syncline_decision_sink to = load(sink);
                         const Decision decision =
                             strategy.decide(call, Conflict(load(conflict), raw, sink));
                         syncline_decision own{};
                         own.struct_size = sizeof(own);
                         own.action = decision.action;
                         own.source_key = bytes(decision.source_key);
                         own.target_key = bytes(decision.target_key);
                         own.reason = str(decision.reason);
                         const RawItem merged(decision.merged_item ? *decision.merged_item : kNone);
                         own.merged_item = decision.merged_item ? &merged.get() : nullptr;
                         own.number_at = decision.number_at;
                         own.number_size = decision.number_size;
                         const syncline_status status = to.decide(sink, &own);
                         if (status < 0) {
                             throw StreamError(status);
                         }
                     });
    }
    static inline const Item kNone{};
    static constexpr syncline_conflict_strategy kTable{sizeof(syncline_conflict_strategy), 0,
                                                       &decide};
};

struct ConflictBaseTable {
    static std::uint64_t content_limit(const syncline_plugin* plugin) noexcept {
        std::uint64_t limit = 0;
        enter_quietly(plugin, &Object::base_user,
                      [&](const BaseContentUser& user) { limit = user.base_content_limit(); });
        return limit;
    }
    static constexpr syncline_conflict_base kTable{sizeof(syncline_conflict_base), 0,
                                                   &content_limit};
};

struct SchedulerTable {
    static syncline_status on_event(const syncline_plugin* plugin, const syncline_call* raw,
                                    const syncline_event* event) noexcept {
        return enter(plugin, raw, &Object::scheduler,
                     [&](Scheduler& scheduler, Call& call, Instance&) {
                         scheduler.on_event(call, Event(load(event)));
                     });
    }
    static syncline_status schedule(const syncline_plugin* plugin, const syncline_call* raw,
                                    const syncline_schedule_req* req,
                                    const syncline_schedule_sink* sink) noexcept {
        return enter(plugin, raw, &Object::scheduler,
                     [&](Scheduler& scheduler, Call& call, Instance&) {
                         ScheduleSink out(sink);
                         scheduler.schedule(call, ScheduleRequest(load(req)), out);
                     });
    }
    static constexpr syncline_scheduler kTable{sizeof(syncline_scheduler), 0, &on_event, &schedule};
};

inline syncline_status Instance::configure(const syncline_plugin* plugin, const syncline_call* raw,
                                           syncline_str text) noexcept {
    return with_call(raw, [&](Call& call) {
        Instance& self = of(plugin);
        int expected = kCreated;
        if (!self.state_.compare_exchange_strong(expected, kConfiguring)) {
            throw Error(SYNCLINE_E_INVALID_STATE, "an instance is configured exactly once");
        }
        try {
            const json::Value value = json::parse(view(text));
            const json::Config config(value);
            const Host host(self.host_);
            self.object_ = self.construct_(Setup{config, host, call, plugin->desc->id});
        } catch (...) {
            self.state_.store(kFailed, std::memory_order_release);
            throw;
        }
        self.state_.store(kReady, std::memory_order_release);
    });
}

inline const void* Instance::get_interface(const syncline_plugin* plugin, const char* id) noexcept {
    if (plugin == nullptr || id == nullptr) {
        return nullptr;
    }
    const Instance& self = *static_cast<const Instance*>(plugin->impl);
    if (!self.configured()) {
        return nullptr;
    }
    const Object& object = self.object_;
    struct Offer {
        const char* id;
        const void* table;
    };
    const auto offer = [](const char* name, const void* part, const void* table) {
        return Offer{name, part != nullptr ? table : nullptr};
    };
    const Offer offers[] = {
        offer(SYNCLINE_IFACE_CONNECTOR, object.connector, &ConnectorTable::kTable),
        offer(SYNCLINE_IFACE_CONFLICT, object.strategy, &StrategyTable::kTable),
        offer(SYNCLINE_IFACE_CONFLICT_BASE, object.base_user, &ConflictBaseTable::kTable),
        offer(SYNCLINE_IFACE_SCHEDULER, object.scheduler, &SchedulerTable::kTable),
        offer(SYNCLINE_IFACE_RENAME, object.renamer, &RenameTable::kTable),
        offer(SYNCLINE_IFACE_LOCAL, object.local, &LocalTable::kTable),
        offer(SYNCLINE_IFACE_META, object.meta, &MetaTable::kTable),
        offer(SYNCLINE_IFACE_CHANGES, object.changes, &ChangesTable::kTable),
        offer(SYNCLINE_IFACE_BATCH, object.batch, &BatchTable::kTable),
        offer(SYNCLINE_IFACE_WATCH, object.watch, &WatchTable::kTable),
        offer(SYNCLINE_IFACE_INTERRUPT, object.interruptible, &InterruptTable::kTable),
        offer(SYNCLINE_IFACE_STATE, object.stateful, &StateTable::kTable),
        offer(SYNCLINE_IFACE_CATALOG, object.catalog, &CatalogTable::kTable),
    };
    for (const Offer& candidate : offers) {
        if (std::strcmp(candidate.id, id) == 0) {
            return candidate.table;
        }
    }
    return nullptr;
}

/// The library frame. `List` makes the registry; it is called once, by the first init.
template <const Registry& (*List)()>
struct Library {
    static syncline_status init(const syncline_host* raw, syncline_str) noexcept {
        return guard(nullptr, [&] {
            const syncline_host host = load(raw);
            if (host.abi_major != SYNCLINE_ABI_MAJOR) {
                throw Error(SYNCLINE_E_ABI_MISMATCH, "the host speaks another major version");
            }
            const std::lock_guard<std::mutex> lock(mutex_);
            registry_.store(&List(), std::memory_order_release);
            ++users_;
        });
    }
    static void deinit() noexcept {
        guard(nullptr, [] {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (users_ != 0 && --users_ == 0) {
                registry_.store(nullptr, std::memory_order_release);
            }
        });
    }
    static const void* get_factory(const char* id) noexcept {
        const bool ours = id != nullptr && std::strcmp(id, SYNCLINE_IFACE_FACTORY) == 0;
        return ours && registry() != nullptr ? &kFactory : nullptr;
    }
    static std::uint32_t count(const syncline_factory*) noexcept {
        const Registry* plugins = registry();
        return plugins == nullptr ? 0 : static_cast<std::uint32_t>(plugins->size());
    }
    static const syncline_descriptor* describe(const syncline_factory*,
                                               std::uint32_t index) noexcept {
        const Registry* plugins = registry();
        return plugins != nullptr && index < plugins->size() ? &plugins->descriptor(index)
                                                             : nullptr;
    }
    static syncline_status create(const syncline_factory*, const syncline_host* host,
                                  const syncline_call* raw, const char* id,
                                  const syncline_plugin** out) noexcept {
        return with_call(raw, [&](Call&) {
            const Registry* plugins = registry();
            if (plugins == nullptr) {
                throw Error(SYNCLINE_E_INVALID_STATE, "the library is not initialised");
            }
            if (id == nullptr || out == nullptr) {
                throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the host passed NULL");
            }
            load(host);
            for (std::size_t i = 0; i < plugins->size(); ++i) {
                const syncline_descriptor& descriptor = plugins->descriptor(i);
                if (std::strcmp(descriptor.id, id) == 0) {
                    auto made =
                        std::make_unique<Instance>(host, &descriptor, plugins->construct(i));
                    *out = made.release()->plugin();
                    return;
                }
            }
            throw Error(SYNCLINE_E_NOT_FOUND, "this library has no plugin of that id");
        });
    }

    static constexpr syncline_factory kFactory{sizeof(syncline_factory), 0, &count, &describe,
                                               &create};
    static constexpr syncline_entry kEntry{sizeof(syncline_entry),
                                           SYNCLINE_ABI_MAJOR,
                                           SYNCLINE_ABI_MINOR,
                                           0,
                                           0,
                                           0,
                                           "syncline-cpp 1.0",
                                           &init,
                                           &deinit,
                                           &get_factory};

private:
    static const Registry* registry() noexcept { return registry_.load(std::memory_order_acquire); }

    static inline std::mutex mutex_;
    static inline unsigned users_ = 0;
    static inline std::atomic<const Registry*> registry_{nullptr};
};

} // namespace detail
} // namespace syncline::sdk

/// Defines the exported object of a plugin library from its registrations. Once per library,
/// outside of any namespace. The registry is never destroyed, since the library is never unloaded.
#define SYNCLINE_PLUGIN(...)                                                                       \
    static const ::syncline::sdk::Registry& syncline_plugin_registry() {                           \
        static const auto* const kRegistry = new ::syncline::sdk::Registry{__VA_ARGS__};           \
        return *kRegistry;                                                                         \
    }                                                                                              \
    extern "C" SYNCLINE_EXPORT const syncline_entry syncline_entry_v1 =                            \
        ::syncline::sdk::detail::Library<&syncline_plugin_registry>::kEntry

#endif
