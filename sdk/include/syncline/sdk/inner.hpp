/// The connector that a wrapper wraps.
///
/// A wrapper is a connector with the feature SYNCLINE_FEATURE_WRAPPER. It takes an Inner from its
/// Setup, passes calls on to it and changes what it wants to change on the way:
///
///     explicit Upper(const sdk::Setup& setup) : inner_(setup.host) {}
///     void remove(sdk::Call& call, const sdk::RemoveRequest& request) override {
///         inner_.remove(call, request);
///     }
///
/// Whatever the inner connector fails with is thrown as StreamError: let it pass, its text and
/// details are on the call already. An Inner lives as long as the wrapper's instance and may be
/// used from as many threads as inner.info() allows; copies are cheap.
#ifndef SYNCLINE_SDK_INNER_HPP
#define SYNCLINE_SDK_INNER_HPP

#include <syncline/sdk/connector.hpp>

#include <cstdint>
#include <string_view>

namespace syncline::sdk {

namespace detail {

/// Takes the one item that stat and the writing operations push.
class OneItem {
public:
    OneItem() {
        sink_.struct_size = sizeof(sink_);
        sink_.impl = this;
        sink_.items = &OneItem::items;
        sink_.next = [](const syncline_item_sink*, syncline_bytes) noexcept {
            return syncline_status{SYNCLINE_OK};
        };
    }
    OneItem(const OneItem&) = delete;
    OneItem& operator=(const OneItem&) = delete;

    const syncline_item_sink* sink() const noexcept { return &sink_; }
    Item take() {
        if (!has_item_) {
            throw Error(SYNCLINE_E_INTERNAL, "the inner connector succeeded without an item");
        }
        return std::move(item_);
    }

private:
    static syncline_status items(const syncline_item_sink* sink, const syncline_item* first,
                                 std::uint64_t count, std::uint64_t stride) noexcept {
        try {
            OneItem& self = *static_cast<OneItem*>(sink->impl);
            for (const ItemView& item : Strided<syncline_item, ItemView>(first, count, stride)) {
                self.item_ = item.copy();
                self.has_item_ = true;
            }
            return SYNCLINE_OK;
        } catch (const Error& error) {
            return error.status();
        } catch (...) {
            return SYNCLINE_E_OUT_OF_MEMORY;
        }
    }

    syncline_item_sink sink_{};
    Item item_;
    bool has_item_ = false;
};

inline syncline_get_req raw(const GetRequest& request) noexcept {
    return {sizeof(syncline_get_req), 0,
            bytes(request.key),       bytes(request.if_version),
            request.offset,           request.length};
}

/// Borrows from `request`.
inline syncline_put_req raw(const PutRequest& request) noexcept {
    return {sizeof(syncline_put_req),   static_cast<std::uint32_t>(request.condition),
            bytes(request.key),         bytes(request.expected_version),
            bytes(request.idempotency), &request.item.raw()};
}

} // namespace detail

class Inner {
public:
    /// Throws INVALID_CONFIG if the host gave nothing to wrap.
    explicit Inner(const Host& host) : plugin_(host.inner()) {
        if (plugin_ == nullptr) {
            throw Error(SYNCLINE_E_INVALID_CONFIG,
                        "this connector wraps another one, and none was named");
        }
        connector_ = ask<syncline_connector>(SYNCLINE_IFACE_CONNECTOR);
        if (connector_ == nullptr) {
            throw Error(SYNCLINE_E_INVALID_CONFIG, "what is to be wrapped is no connector");
        }
        rename_ = ask<syncline_connector_rename>(SYNCLINE_IFACE_RENAME);
        local_ = ask<syncline_connector_local>(SYNCLINE_IFACE_LOCAL);
        meta_ = ask<syncline_connector_meta>(SYNCLINE_IFACE_META);
        interrupt_ = ask<syncline_interrupt>(SYNCLINE_IFACE_INTERRUPT);
    }

    /// For Connector::offers(): a wrapper has an optional interface only if its inner has it.
    bool offers(std::string_view interface_id) const {
        return plugin_->get_interface(plugin_, std::string(interface_id).c_str()) != nullptr;
    }

    Info info(const Call& call) const {
        syncline_connector_info out{};
        out.struct_size = sizeof(out);
        out.max_object_size = UINT64_MAX;
        pass(connector_->info(plugin_, call.raw(), &out));
        Info info;
        info.caps = out.caps;
        info.key_rules = out.key_rules;
        info.hash_algos = out.hash_algos;
        info.max_object_size = out.max_object_size;
        info.max_key_bytes = out.max_key_bytes;
        info.max_meta_bytes = out.max_meta_bytes;
        info.max_concurrency = out.max_concurrency;
        info.preferred_page = out.preferred_page;
        info.max_batch = out.max_batch;
        info.consistency = out.consistency;
        info.mtime_granularity_ns = out.mtime_granularity_ns;
        info.settle_ns = out.settle_ns;
        info.scope_id = view(out.scope_id);
        info.scope_path = view(out.scope_path);
        info.max_batch_bytes = out.max_batch_bytes;
        return info;
    }
    void check(const Call& call) const { pass(connector_->check(plugin_, call.raw())); }
    void list(const Call& call, const ListRequest& request, const syncline_item_sink* sink) const {
        const syncline_list_req raw = {sizeof(raw),
                                       request.flags,
                                       bytes(request.prefix),
                                       bytes(request.start_after),
                                       bytes(request.cursor),
                                       request.max_items,
                                       0};
        pass(connector_->list(plugin_, call.raw(), &raw, sink));
    }
    Item stat(const Call& call, std::string_view key) const {
        detail::OneItem item;
        pass(connector_->stat(plugin_, call.raw(), bytes(key), item.sink()));
        return item.take();
    }
    void get(const Call& call, const GetRequest& request, const syncline_get_sink* sink) const {
        const syncline_get_req raw = detail::raw(request);
        pass(connector_->get(plugin_, call.raw(), &raw, sink));
    }
    /// `reader` may be NULL for what has no body.
    Item put(const Call& call, const PutRequest& request, const syncline_reader* reader) const {
        const syncline_put_req raw = detail::raw(request);
        detail::OneItem item;
        pass(connector_->put(plugin_, call.raw(), &raw, reader, item.sink()));
        return item.take();
    }
    void remove(const Call& call, const RemoveRequest& request) const {
        const syncline_remove_req raw = {sizeof(raw), static_cast<std::uint32_t>(request.condition),
                                         bytes(request.key), bytes(request.expected_version),
                                         bytes(request.idempotency)};
        pass(connector_->remove(plugin_, call.raw(), &raw));
    }
    void flush(const Call& call) const { pass(connector_->flush(plugin_, call.raw())); }

    // Optional interfaces: NOT_SUPPORTED if the inner has none of it.

    Item rename(const Call& call, const RenameRequest& request) const {
        const syncline_rename_req raw = {sizeof(raw),
                                         static_cast<std::uint32_t>(request.condition),
                                         bytes(request.from_key),
                                         bytes(request.from_version),
                                         bytes(request.to_key),
                                         bytes(request.to_version),
                                         bytes(request.idempotency)};
        detail::OneItem item;
        pass(offered(rename_).rename(plugin_, call.raw(), &raw, item.sink()));
        return item.take();
    }
    Item set_meta(const Call& call, const PutRequest& request) const {
        const syncline_put_req raw = detail::raw(request);
        detail::OneItem item;
        pass(offered(meta_).set_meta(plugin_, call.raw(), &raw, item.sink()));
        return item.take();
    }
    /// The descriptor is the caller's, who passes it on to the host or closes it.
    std::int32_t open_body(const Call& call, const GetRequest& request,
                           const syncline_item_sink* sink) const {
        const syncline_get_req raw = detail::raw(request);
        std::int32_t fd = -1;
        pass(offered(local_).open_body(plugin_, call.raw(), &raw, sink, &fd));
        return fd;
    }
    Item put_fd(const Call& call, const PutRequest& request, std::int32_t fd) const {
        const syncline_put_req raw = detail::raw(request);
        detail::OneItem item;
        pass(offered(local_).put_fd(plugin_, call.raw(), &raw, fd, item.sink()));
        return item.take();
    }
    void interrupt(std::uint64_t call_id) const noexcept {
        if (interrupt_ != nullptr) {
            interrupt_->interrupt(plugin_, call_id);
        }
    }

    const syncline_plugin* raw() const noexcept { return plugin_; }

private:
    static void pass(syncline_status status) {
        if (status < 0) {
            throw StreamError(status);
        }
        if (status > 0) {
            throw Error(SYNCLINE_E_INTERNAL, "the inner connector returned " +
                                                 std::to_string(status) +
                                                 ", which is not an answer");
        }
    }
    template <class T>
    static const T& offered(const T* table) {
        if (table == nullptr) {
            throw Error(SYNCLINE_E_NOT_SUPPORTED, "the inner connector does not offer this");
        }
        return *table;
    }
    template <class T>
    const T* ask(const char* id) const {
        const auto* found = static_cast<const T*>(plugin_->get_interface(plugin_, id));
        return found != nullptr && found->struct_size >= FirstSize<T>::value ? found : nullptr;
    }

    const syncline_plugin* plugin_;
    const syncline_connector* connector_ = nullptr;
    const syncline_connector_rename* rename_ = nullptr;
    const syncline_connector_local* local_ = nullptr;
    const syncline_connector_meta* meta_ = nullptr;
    const syncline_interrupt* interrupt_ = nullptr;
};

} // namespace syncline::sdk

#endif
