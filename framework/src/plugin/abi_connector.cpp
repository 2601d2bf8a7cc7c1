#include "plugin/abi_connector.hpp"

#include "plugin/abi_instance.hpp"
#include "plugin/abi_item.hpp"
#include "plugin/abi_streams.hpp"
#include "syncline/core/intent.hpp"

#include <syncline/abi/connector.h>
#include <syncline/abi/connector_ext.h>

#include <algorithm>
#include <array>
#include <optional>
#include <unistd.h>

namespace syncline {

LocalBody::~LocalBody() {
    if (fd_ >= 0) {
        ::close(fd_);
    }
}

} // namespace syncline

namespace syncline::plugin {

namespace {

constexpr std::uint32_t kInfoSize = 112;
constexpr std::uint32_t kMostConcurrency = 1024;
static_assert(sizeof(syncline_connector_info) == kInfoSize);

static_assert(static_cast<std::uint32_t>(Condition::if_version) == SYNCLINE_COND_IF_VERSION);
static_assert(static_cast<std::uint32_t>(Condition::if_absent) == SYNCLINE_COND_IF_ABSENT);
static_assert(static_cast<std::uint32_t>(Condition::always) == SYNCLINE_COND_ALWAYS);

constexpr std::array<std::string_view, 8> kConnectorFunctions = {
    "info", "check", "list", "stat", "get", "put", "remove", "flush"};
constexpr std::array<std::string_view, 1> kRenameFunctions = {"rename"};
constexpr std::array<std::string_view, 1> kMetaFunctions = {"set_meta"};
constexpr std::array<std::string_view, 2> kLocalFunctions = {"open_body", "put_fd"};

// What names the intent of a write: what the caller says, else a new one for this call alone.
class IntentBytes {
public:
    explicit IntentBytes(BytesView given) : given_(given) {
        if (given.empty()) {
            own_.emplace();
        }
    }
    syncline_bytes abi() const { return bytes_of(own_ ? own_->bytes() : given_); }

private:
    BytesView given_;
    std::optional<Intent> own_;
};

class AbiConnector final : public Connector,
                           private Renamer,
                           private MetaWriter,
                           private LocalBodies {
public:
    AbiConnector(std::unique_ptr<AbiConnector> inner, std::unique_ptr<Instance> instance)
        : inner_(std::move(inner)), instance_(std::move(instance)) {}

    Status find_interfaces();

    const std::string& plugin_id() const override { return instance_->id(); }
    Result<ConnectorInfo> info(const CallContext& call) override;
    Status check(const CallContext& call) override;
    Result<Bytes> list(const CallContext& call, const ListRequest& request,
                       ItemSink& sink) override;
    Result<Item> stat(const CallContext& call, BytesView key) override;
    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override;
    Result<Item> put(const CallContext& call, const PutRequest& request, BodyReader& body) override;
    Status remove(const CallContext& call, const RemoveRequest& request) override;
    Status flush(const CallContext& call) override;
    const syncline_plugin* plugin() const { return instance_->abi(); }
    Renamer* renamer() override { return rename_ != nullptr ? this : nullptr; }
    MetaWriter* meta_writer() override { return meta_ != nullptr ? this : nullptr; }
    LocalBodies* local_bodies() override { return local_ != nullptr ? this : nullptr; }

private:
    Result<Item> rename(const CallContext& call, const RenameRequest& request) override;
    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override;
    Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) override;
    Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) override;

    template <typename T>
    Status find_interface(const T*& place, const char* id,
                          std::span<const std::string_view> functions) {
        const Result<const T*> found = instance_->interface<T>(id, functions);
        if (!found.ok()) {
            return found.status();
        }
        place = *found;
        return {};
    }

    Origin origin(std::string_view function) const { return {instance_->id(), function}; }

    const std::unique_ptr<AbiConnector> inner_; // destroyed after the wrapper that uses it
    const std::unique_ptr<Instance> instance_;
    const syncline_connector* connector_ = nullptr;
    const syncline_connector_rename* rename_ = nullptr;
    const syncline_connector_meta* meta_ = nullptr;
    const syncline_connector_local* local_ = nullptr;
};

syncline_get_req get_request(const GetRequest& request) {
    return {sizeof(syncline_get_req), 0,
            bytes_of(request.key),    bytes_of(request.if_version),
            request.offset,           request.length};
}

syncline_put_req put_request(const PutRequest& request, const IntentBytes& intent,
                             const AbiItem& item) {
    return {sizeof(syncline_put_req),
            static_cast<std::uint32_t>(request.condition),
            bytes_of(request.key),
            bytes_of(request.expected_version),
            intent.abi(),
            item.abi()};
}

Status AbiConnector::find_interfaces() {
    SYNCLINE_TRY(find_interface(connector_, SYNCLINE_IFACE_CONNECTOR, kConnectorFunctions));
    if (connector_ == nullptr) {
        return protocol_error(origin("get_interface"),
                              "does not offer " SYNCLINE_IFACE_CONNECTOR ", as connectors must");
    }
    SYNCLINE_TRY(find_interface(rename_, SYNCLINE_IFACE_RENAME, kRenameFunctions));
    SYNCLINE_TRY(find_interface(meta_, SYNCLINE_IFACE_META, kMetaFunctions));
    return find_interface(local_, SYNCLINE_IFACE_LOCAL, kLocalFunctions);
}

Result<ConnectorInfo> AbiConnector::info(const CallContext& context) {
    syncline_connector_info out{};
    out.struct_size = sizeof out;
    out.max_object_size = UINT64_MAX;
    SYNCLINE_TRY(instance_->call(context, "info", [&](const syncline_call* call) {
        return connector_->info(plugin(), call, &out);
    }));
    if (out.struct_size < kInfoSize) {
        return protocol_error(origin("info"), "filled " + std::to_string(out.struct_size) +
                                                  " bytes, version 1.0 of the plugin ABI has " +
                                                  std::to_string(kInfoSize));
    }
    if (!valid(out.scope_id) || out.scope_id.size > kMaxKey || !valid(out.scope_path) ||
        out.scope_path.size > kMaxKey) {
        return protocol_error(origin("info"),
                              "gave a scope that is NULL with a size, or longer than 64 KiB");
    }
    const auto can = [&](std::uint64_t bit) { return (out.caps & bit) != 0; };
    const auto rule = [&](std::uint32_t bit) { return (out.key_rules & bit) != 0; };
    ConnectorInfo info;
    info.key_rules.utf8_only = rule(SYNCLINE_KEY_UTF8_ONLY);
    info.key_rules.nfc_folded = rule(SYNCLINE_KEY_NFC_FOLDED);
    info.key_rules.case_folded = rule(SYNCLINE_KEY_CASE_FOLDED);
    info.key_rules.no_dot_segments = rule(SYNCLINE_KEY_NO_DOT_SEGMENTS);
    info.key_rules.no_trailing_space_dot = rule(SYNCLINE_KEY_NO_TRAILING_SPACE_DOT);
    info.key_rules.no_control = rule(SYNCLINE_KEY_NO_CONTROL);
    info.lists_in_order = can(SYNCLINE_CAP_LIST_ORDERED);
    info.conditional_put_version = can(SYNCLINE_CAP_COND_PUT_VERSION);
    info.conditional_put_absent = can(SYNCLINE_CAP_COND_PUT_ABSENT);
    info.conditional_remove = can(SYNCLINE_CAP_COND_REMOVE);
    info.conditions_emulated = can(SYNCLINE_CAP_COND_EMULATED);
    info.get_range = can(SYNCLINE_CAP_GET_RANGE);
    info.get_if_version = can(SYNCLINE_CAP_GET_IF_VERSION);
    info.hash_in_list = can(SYNCLINE_CAP_HASH_IN_LIST);
    info.sets_mtime = can(SYNCLINE_CAP_MTIME_SET);
    info.sets_meta = can(SYNCLINE_CAP_META_SET);
    info.atomic_put = can(SYNCLINE_CAP_ATOMIC_PUT);
    info.concurrent = can(SYNCLINE_CAP_CONCURRENT);
    info.put_unknown_size = can(SYNCLINE_CAP_PUT_UNKNOWN_SIZE);
    info.idempotent_put = can(SYNCLINE_CAP_IDEMPOTENT_PUT);
    info.read_only = can(SYNCLINE_CAP_READ_ONLY);
    info.empty_containers = can(SYNCLINE_CAP_EMPTY_CONTAINERS);
    info.cheap_stat = can(SYNCLINE_CAP_CHEAP_STAT);
    info.hash_algos = out.hash_algos;
    // A store that takes nothing at all is READ_ONLY; 0 here was forgotten.
    info.max_object_size = out.max_object_size == 0 ? UINT64_MAX : out.max_object_size;
    info.max_key_bytes = out.max_key_bytes;
    info.max_concurrency =
        info.concurrent ? std::clamp(out.max_concurrency, 1u, kMostConcurrency) : 1;
    info.preferred_page = out.preferred_page;
    info.mtime_granularity_ns = std::max<std::int64_t>(out.mtime_granularity_ns, 0);
    info.settle_ns = std::max<std::int64_t>(out.settle_ns, 0);
    info.scope_id = Bytes(view_of(out.scope_id));
    info.scope_path = Bytes(view_of(out.scope_path));
    if (inner_ != nullptr) {
        // Calls on the wrapper become calls on the inner, which may not be up to as many.
        const Result<ConnectorInfo> inner = inner_->info(context);
        if (!inner.ok()) {
            return inner.status();
        }
        info.concurrent = info.concurrent && inner->concurrent;
        info.max_concurrency = std::min(info.max_concurrency, inner->max_concurrency);
    }
    return info;
}

Status AbiConnector::check(const CallContext& context) {
    return instance_->call(context, "check", [&](const syncline_call* call) {
        return connector_->check(plugin(), call);
    });
}

Result<Bytes> AbiConnector::list(const CallContext& context, const ListRequest& request,
                                 ItemSink& sink) {
    const syncline_list_req req = {sizeof(syncline_list_req),
                                   (request.want_hash ? SYNCLINE_LIST_WANT_HASH : 0u) |
                                       (request.want_meta ? SYNCLINE_LIST_WANT_META : 0u),
                                   bytes_of(request.prefix),
                                   bytes_of(request.start_after),
                                   bytes_of(request.cursor),
                                   std::max(request.max_items, 1u),
                                   0};
    ItemReader reader;
    PageSink page(sink, reader, req.max_items, origin("list"));
    SYNCLINE_TRY(instance_->call_with(context, "list", page, [&](const syncline_call* call) {
        return connector_->list(plugin(), call, &req, page.abi());
    }));
    return page.take_cursor();
}

Result<Item> AbiConnector::stat(const CallContext& context, BytesView key) {
    OneItemSink sink(origin("stat"));
    SYNCLINE_TRY(instance_->call_with(context, "stat", sink, [&](const syncline_call* call) {
        return connector_->stat(plugin(), call, bytes_of(key), sink.abi());
    }));
    return sink.take();
}

Status AbiConnector::get(const CallContext& context, const GetRequest& request, BodySink& sink) {
    const syncline_get_req req = get_request(request);
    GetSink body(sink, request, origin("get"));
    SYNCLINE_TRY(instance_->call_with(context, "get", body, [&](const syncline_call* call) {
        return connector_->get(plugin(), call, &req, body.abi());
    }));
    return body.complete();
}

Result<Item> AbiConnector::put(const CallContext& context, const PutRequest& request,
                               BodyReader& body) {
    const IntentBytes intent(request.idempotency);
    const AbiItem item(request.item, request.key, AbiItem::Purpose::store);
    const syncline_put_req req = put_request(request, intent, item);
    PutReader reader(body, origin("put"));
    OneItemSink sink(origin("put"));
    const Status status =
        instance_->call_with(context, "put", sink, [&](const syncline_call* call) {
            return connector_->put(plugin(), call, &req, reader.abi(), sink.abi());
        });
    SYNCLINE_TRY(reader.failure());
    SYNCLINE_TRY(status);
    return sink.take();
}

Status AbiConnector::remove(const CallContext& context, const RemoveRequest& request) {
    const IntentBytes intent(request.idempotency);
    const syncline_remove_req req = {
        sizeof(syncline_remove_req), static_cast<std::uint32_t>(request.condition),
        bytes_of(request.key), bytes_of(request.expected_version), intent.abi()};
    return instance_->call(context, "remove", [&](const syncline_call* call) {
        return connector_->remove(plugin(), call, &req);
    });
}

Status AbiConnector::flush(const CallContext& context) {
    return instance_->call(context, "flush", [&](const syncline_call* call) {
        return connector_->flush(plugin(), call);
    });
}

Result<Item> AbiConnector::rename(const CallContext& context, const RenameRequest& request) {
    const IntentBytes intent(request.idempotency);
    const syncline_rename_req req = {sizeof(syncline_rename_req),
                                     static_cast<std::uint32_t>(request.condition),
                                     bytes_of(request.from_key),
                                     bytes_of(request.from_version),
                                     bytes_of(request.to_key),
                                     bytes_of(request.to_version),
                                     intent.abi()};
    OneItemSink sink(origin("rename"));
    SYNCLINE_TRY(instance_->call_with(context, "rename", sink, [&](const syncline_call* call) {
        return rename_->rename(plugin(), call, &req, sink.abi());
    }));
    return sink.take();
}

Result<Item> AbiConnector::set_meta(const CallContext& context, const PutRequest& request) {
    const IntentBytes intent(request.idempotency);
    const AbiItem item(request.item, request.key, AbiItem::Purpose::store);
    const syncline_put_req req = put_request(request, intent, item);
    OneItemSink sink(origin("set_meta"));
    SYNCLINE_TRY(instance_->call_with(context, "set_meta", sink, [&](const syncline_call* call) {
        return meta_->set_meta(plugin(), call, &req, sink.abi());
    }));
    return sink.take();
}

Result<LocalBody> AbiConnector::open_body(const CallContext& context, const GetRequest& request) {
    const syncline_get_req req = get_request(request);
    OneItemSink sink(origin("open_body"));
    std::int32_t fd = -1;
    bool given = false;
    const Status status =
        instance_->call_with(context, "open_body", sink, [&](const syncline_call* call) {
            const syncline_status answer = local_->open_body(plugin(), call, &req, sink.abi(), &fd);
            given = answer == SYNCLINE_OK;
            return answer;
        });
    if (given && fd < 0) {
        return protocol_error(origin("open_body"), "succeeded without a descriptor");
    }
    Result<Item> item = status.ok() ? sink.take() : Result<Item>(status);
    if (!item.ok()) {
        // A plugin that fails has kept or closed its descriptor; one that succeeded has given it
        // away.
        const LocalBody closed(given ? fd : -1, Item());
        return item.status();
    }
    return LocalBody(fd, *std::move(item));
}

Result<Item> AbiConnector::put_fd(const CallContext& context, const PutRequest& request, int fd) {
    const IntentBytes intent(request.idempotency);
    const AbiItem item(request.item, request.key, AbiItem::Purpose::store);
    const syncline_put_req req = put_request(request, intent, item);
    OneItemSink sink(origin("put_fd"));
    SYNCLINE_TRY(instance_->call_with(context, "put_fd", sink, [&](const syncline_call* call) {
        return local_->put_fd(plugin(), call, &req, fd, sink.abi());
    }));
    return sink.take();
}

} // namespace

Result<std::unique_ptr<Connector>> make_abi_connector(std::shared_ptr<const Library> library,
                                                      const Offer& offer,
                                                      std::string_view config_json,
                                                      const Clock& clock,
                                                      std::unique_ptr<Connector> inner) {
    std::unique_ptr<AbiConnector> wrapped(dynamic_cast<AbiConnector*>(inner.get()));
    if (inner != nullptr && wrapped == nullptr) {
        return Status(Code::invalid_argument, "only a connector of a plugin can be wrapped");
    }
    static_cast<void>(inner.release());
    Result<std::unique_ptr<Instance>> instance =
        Instance::make(std::move(library), offer, config_json, clock,
                       wrapped == nullptr ? nullptr : wrapped->plugin());
    if (!instance.ok()) {
        return instance.status();
    }
    auto connector = std::make_unique<AbiConnector>(std::move(wrapped), *std::move(instance));
    SYNCLINE_TRY(connector->find_interfaces());
    return std::unique_ptr<Connector>(std::move(connector));
}

} // namespace syncline::plugin
