#include "syncline/orchestrate/key_map.hpp"

#include "syncline/core/text.hpp"

#include <utility>
#include <vector>

namespace syncline {

namespace {

constexpr std::string_view kKey = "{key}";

// Hands a page on in the source's form, less what is none of the resource type's.
class MappingSink : public ItemSink {
public:
    MappingSink(const KeyMap& map, ItemSink& next) : map_(map), next_(next) {}

    Result<Flow> items(std::span<const ItemView> items) override {
        keys_.clear();
        views_.clear();
        keys_.reserve(items.size()); // the views borrow from it
        for (const ItemView& item : items) {
            std::optional<Bytes> key = map_.to_source(item.key);
            if (key) {
                keys_.push_back(*std::move(key));
                views_.push_back(item);
                views_.back().key = keys_.back();
            }
        }
        return views_.empty() ? Result<Flow>(Flow::more) : next_.items(views_);
    }

private:
    const KeyMap& map_;
    ItemSink& next_;
    std::vector<Bytes> keys_;
    std::vector<ItemView> views_;
};

class MappedConnector : public Connector, private Renamer, private MetaWriter, private LocalBodies {
public:
    MappedConnector(std::unique_ptr<Connector> inner, KeyMap map)
        : inner_(std::move(inner)), map_(std::move(map)) {}

    const std::string& plugin_id() const override { return inner_->plugin_id(); }

    Result<ConnectorInfo> info(const CallContext& call) override {
        Result<ConnectorInfo> info = inner_->info(call);
        if (info.ok()) {
            info->lists_in_order = false;
            const auto longer = static_cast<std::uint32_t>(map_.to_target("").size());
            if (info->max_key_bytes > longer) {
                info->max_key_bytes -= longer;
            }
        }
        return info;
    }
    Status check(const CallContext& call) override { return inner_->check(call); }

    Result<Bytes> list(const CallContext& call, const ListRequest& request,
                       ItemSink& sink) override {
        MappingSink mapping(map_, sink);
        ListRequest own = request;
        own.prefix = {}; // all of the type; the engine asks for nothing else
        own.start_after = {};
        return inner_->list(call, own, mapping);
    }
    Result<Item> stat(const CallContext& call, BytesView key) override {
        return mapped(inner_->stat(call, map_.to_target(key)), key);
    }
    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override {
        GetRequest own = request;
        const Bytes key = map_.to_target(request.key);
        own.key = key;
        return inner_->get(call, own, sink);
    }
    Result<Item> put(const CallContext& call, const PutRequest& request,
                     BodyReader& body) override {
        return with_key(request,
                        [&](const PutRequest& own) { return inner_->put(call, own, body); });
    }
    Status remove(const CallContext& call, const RemoveRequest& request) override {
        RemoveRequest own = request;
        const Bytes key = map_.to_target(request.key);
        own.key = key;
        return inner_->remove(call, own);
    }
    Status flush(const CallContext& call) override { return inner_->flush(call); }

    Renamer* renamer() override { return inner_->renamer() != nullptr ? this : nullptr; }
    MetaWriter* meta_writer() override { return inner_->meta_writer() != nullptr ? this : nullptr; }
    LocalBodies* local_bodies() override {
        return inner_->local_bodies() != nullptr ? this : nullptr;
    }

private:
    Result<Item> rename(const CallContext& call, const RenameRequest& request) override {
        RenameRequest own = request;
        const Bytes from = map_.to_target(request.from_key);
        const Bytes to = map_.to_target(request.to_key);
        own.from_key = from;
        own.to_key = to;
        return mapped(inner_->renamer()->rename(call, own), request.to_key);
    }
    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override {
        return with_key(request, [&](const PutRequest& own) {
            return inner_->meta_writer()->set_meta(call, own);
        });
    }
    Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) override {
        GetRequest own = request;
        const Bytes key = map_.to_target(request.key);
        own.key = key;
        return inner_->local_bodies()->open_body(call, own);
    }
    Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) override {
        return with_key(request, [&](const PutRequest& own) {
            return inner_->local_bodies()->put_fd(call, own, fd);
        });
    }

    static Result<Item> mapped(Result<Item> item, BytesView key) {
        if (item.ok()) {
            item->key = key;
        }
        return item;
    }
    template <typename Write>
    Result<Item> with_key(const PutRequest& request, Write&& write) {
        PutRequest own = request;
        const Bytes key = map_.to_target(request.key);
        own.key = key;
        return mapped(write(own), request.key);
    }

    std::unique_ptr<Connector> inner_;
    KeyMap map_;
};

} // namespace

Result<KeyMap> KeyMap::make(std::string_view pattern) {
    const auto wrong = [&](const std::string& what) {
        return Status(Code::invalid_config, "the key pattern '" + display_key(pattern) + "' " +
                                                what +
                                                "; write one such as 'customers/{key}.json'");
    };
    const std::size_t at = pattern.find(kKey);
    if (at == std::string_view::npos || pattern.find(kKey, at + 1) != std::string_view::npos) {
        return wrong("should hold {key} once");
    }
    KeyMap map;
    map.prefix_ = pattern.substr(0, at);
    map.suffix_ = pattern.substr(at + kKey.size());
    if (!map.prefix_.empty() && (map.prefix_.back() != '/' || map.prefix_.front() == '/')) {
        return wrong("should have a directory or nothing before {key}");
    }
    if (map.suffix_.find('/') != Bytes::npos) {
        return wrong("should have an ending without '/' after {key}");
    }
    return map;
}

Bytes KeyMap::to_target(BytesView key) const {
    Bytes mapped = prefix_;
    mapped += key;
    if (!is_container_key(key)) {
        mapped += suffix_;
    }
    return mapped;
}

std::optional<Bytes> KeyMap::to_source(BytesView key) const {
    if (!key.starts_with(prefix_) || key.size() == prefix_.size()) {
        return std::nullopt;
    }
    key.remove_prefix(prefix_.size());
    if (is_container_key(key)) {
        return Bytes(key);
    }
    if (!key.ends_with(suffix_) || key.size() == suffix_.size() ||
        key[key.size() - suffix_.size() - 1] == '/') {
        return std::nullopt; // another type's, or no name before the ending
    }
    return Bytes(key.substr(0, key.size() - suffix_.size()));
}

std::unique_ptr<Connector> with_mapped_keys(std::unique_ptr<Connector> inner, KeyMap map) {
    return std::make_unique<MappedConnector>(std::move(inner), std::move(map));
}

} // namespace syncline
