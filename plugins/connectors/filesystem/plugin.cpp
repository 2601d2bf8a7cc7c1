// The plugin interface around an Endpoint: requests in, items and errors out, nothing else.
#include "config.hpp"
#include "endpoint.hpp"

#include <syncline/sdk/plugin.hpp>

namespace syncline::fs {

namespace {

void require_ok(const Status& status) {
    const Status::Error* error = status.get();
    if (error == nullptr) {
        return;
    }
    sdk::Error out(error->code, error->message);
    for (const auto& [name, value] : error->details) {
        out.detail(name, value);
    }
    throw out;
}

// Takes the one item that stat and the writing operations push.
class Catcher {
public:
    Catcher() {
        sink_.struct_size = sizeof sink_;
        sink_.impl = this;
        sink_.items = [](const syncline_item_sink* sink, const syncline_item* first, std::uint64_t,
                         std::uint64_t) -> syncline_status {
            static_cast<Catcher*>(sink->impl)->item_ = sdk::ItemView(*first).copy();
            return SYNCLINE_OK;
        };
        sink_.next = [](const syncline_item_sink*, syncline_bytes) -> syncline_status {
            return SYNCLINE_OK;
        };
    }
    Catcher(const Catcher&) = delete;
    Catcher& operator=(const Catcher&) = delete;

    [[nodiscard]] const syncline_item_sink& sink() const { return sink_; }
    sdk::Item take() { return std::move(item_); }

private:
    syncline_item_sink sink_{};
    sdk::Item item_;
};

syncline_put_req raw_put(const sdk::PutRequest& request) {
    syncline_put_req out{};
    out.struct_size = sizeof out;
    out.condition = static_cast<std::uint32_t>(request.condition);
    out.key = sdk::bytes(request.key);
    out.expected_version = sdk::bytes(request.expected_version);
    out.idempotency = sdk::bytes(request.idempotency);
    out.item = &request.item.raw();
    return out;
}

syncline_get_req raw_get(const sdk::GetRequest& request) {
    syncline_get_req out{};
    out.struct_size = sizeof out;
    out.key = sdk::bytes(request.key);
    out.if_version = sdk::bytes(request.if_version);
    out.offset = request.offset;
    out.length = request.length;
    return out;
}

Settings settings_of(const sdk::Setup& setup) {
    Settings out = read_config(setup.config);
    out.log = [host = setup.host](std::uint32_t level, const std::string& text) {
        host.log(level, text);
    };
    return out;
}

class Filesystem final : public sdk::Connector,
                         public sdk::Renamer,
                         public sdk::LocalBodies,
                         public sdk::MetaWriter {
public:
    explicit Filesystem(const sdk::Setup& setup) : endpoint_(settings_of(setup)) {}

    sdk::Info info(sdk::Call&) override {
        sdk::Info out;
        require_ok(endpoint_.info(out));
        return out;
    }

    void check(sdk::Call&) override { require_ok(endpoint_.check()); }

    void list(sdk::Call& call, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        syncline_list_req raw{};
        raw.struct_size = sizeof raw;
        raw.flags = request.flags;
        raw.prefix = sdk::bytes(request.prefix);
        raw.start_after = sdk::bytes(request.start_after);
        raw.cursor = sdk::bytes(request.cursor);
        raw.max_items = request.max_items;
        require_ok(endpoint_.list(call.raw(), raw, *sink.raw()));
    }

    sdk::Item stat(sdk::Call& call, std::string_view key) override {
        Catcher result;
        require_ok(endpoint_.stat(call.raw(), key, result.sink()));
        return result.take();
    }

    void get(sdk::Call& call, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        require_ok(endpoint_.get(call.raw(), raw_get(request), *sink.raw()));
    }

    sdk::Item put(sdk::Call& call, const sdk::PutRequest& request, sdk::Reader& body) override {
        Catcher result;
        require_ok(endpoint_.put(call.raw(), raw_put(request), body.raw(), result.sink()));
        return result.take();
    }

    void remove(sdk::Call& call, const sdk::RemoveRequest& request) override {
        syncline_remove_req raw{};
        raw.struct_size = sizeof raw;
        raw.condition = static_cast<std::uint32_t>(request.condition);
        raw.key = sdk::bytes(request.key);
        raw.expected_version = sdk::bytes(request.expected_version);
        raw.idempotency = sdk::bytes(request.idempotency);
        require_ok(endpoint_.remove(call.raw(), raw));
    }

    void flush(sdk::Call& call) override { require_ok(endpoint_.flush(call.raw())); }

    sdk::Item rename(sdk::Call& call, const sdk::RenameRequest& request) override {
        syncline_rename_req raw{};
        raw.struct_size = sizeof raw;
        raw.condition = static_cast<std::uint32_t>(request.condition);
        raw.from_key = sdk::bytes(request.from_key);
        raw.from_version = sdk::bytes(request.from_version);
        raw.to_key = sdk::bytes(request.to_key);
        raw.to_version = sdk::bytes(request.to_version);
        raw.idempotency = sdk::bytes(request.idempotency);
        Catcher result;
        require_ok(endpoint_.rename(call.raw(), raw, result.sink()));
        return result.take();
    }

    std::int32_t open_body(sdk::Call& call, const sdk::GetRequest& request,
                           sdk::ItemSink& sink) override {
        std::int32_t fd = -1;
        require_ok(endpoint_.open_body(call.raw(), raw_get(request), *sink.raw(), fd));
        return fd;
    }

    sdk::Item put_fd(sdk::Call& call, const sdk::PutRequest& request, std::int32_t fd) override {
        Catcher result;
        require_ok(endpoint_.put_fd(call.raw(), raw_put(request), fd, result.sink()));
        return result.take();
    }

    sdk::Item set_meta(sdk::Call& call, const sdk::PutRequest& request) override {
        Catcher result;
        require_ok(endpoint_.set_meta(call.raw(), raw_put(request), result.sink()));
        return result.take();
    }

private:
    Endpoint endpoint_;
};

} // namespace

} // namespace syncline::fs

SYNCLINE_PLUGIN(syncline::sdk::connector<syncline::fs::Filesystem>(
    syncline::sdk::Descriptor("syncline.connector.filesystem", "1.0.0", "filesystem")
        .vendor("Syncline")
        .description("A directory of this machine: files, directories and symbolic links")
        .schema(syncline::fs::kConfigSchema)
        .caps(syncline::fs::Endpoint::kCapsMax)
        .features({"local", "links", "containers"})
        .schemes({"file"})));
