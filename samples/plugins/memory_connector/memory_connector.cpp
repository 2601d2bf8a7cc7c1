/// An endpoint that lives in memory: items are gone when the instance is. It shows all that a
/// connector needs, and is handy as the other side of a first sync.
#include <syncline/sdk/sdk.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sdk = syncline::sdk;

namespace {

class Memory final : public sdk::Connector {
public:
    explicit Memory(const sdk::Setup& setup)
        : url_(setup.config.string("url", "memory://")),
          max_bytes_(setup.config.integer("max_bytes", 64 << 20)) {
        if (max_bytes_ < 0) {
            throw setup.config.invalid("max_bytes", "a size of 0 or more");
        }
    }

    sdk::Info info(sdk::Call&) override {
        sdk::Info info;
        info.caps = kCaps;
        info.max_object_size = static_cast<std::uint64_t>(max_bytes_);
        info.max_meta_bytes = 64 * 1024;
        info.consistency = SYNCLINE_CONSISTENCY_LINEARIZABLE;
        info.mtime_granularity_ns = 1;
        info.scope_id = url_;
        return info;
    }

    void check(sdk::Call&) override {}

    void list(sdk::Call& call, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        const std::string_view after = request.after_key();
        auto at = after.empty() || after < request.prefix ? items_.lower_bound(request.prefix)
                                                          : items_.upper_bound(after);
        const auto has_more = [&] {
            return at != items_.end() && sdk::starts_with(at->first, request.prefix);
        };
        sdk::ListWriter out(sink, request);
        for (; has_more() && out.open(); ++at) {
            call.throw_if_cancelled();
            out.add(at->second.item);
        }
        out.finish(has_more());
    }

    sdk::Item stat(sdk::Call&, std::string_view key) override { return find(key).item; }

    void get(sdk::Call&, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        const Stored& stored = find(request.key);
        if (!request.if_version.empty()) {
            sdk::require(sdk::Condition::kIfVersion, request.if_version, &stored.item.version);
        }
        sink.begin(stored.item);
        if (request.offset < stored.body.size()) {
            sink.write(std::string_view(stored.body).substr(request.offset, request.length));
        }
    }

    sdk::Item put(sdk::Call&, const sdk::PutRequest& request, sdk::Reader& reader) override {
        std::string body = reader.read_all(static_cast<std::size_t>(max_bytes_));
        const auto found = items_.find(request.key);
        sdk::require(request.condition, request.expected_version,
                     found == items_.end() ? nullptr : &found->second.item.version);
        Stored stored{request.item.copy(), std::move(body)};
        stored.item.key = request.key;
        stored.item.hash_algo = 0;
        if (stored.item.kind == sdk::Kind::kContainer) {
            stored.item.version.clear();
        } else {
            stored.item.size = stored.body.size();
            stored.item.version = std::to_string(++versions_);
        }
        return items_.insert_or_assign(stored.item.key, std::move(stored)).first->second.item;
    }

    void remove(sdk::Call&, const sdk::RemoveRequest& request) override {
        const std::string version = find(request.key).item.version;
        sdk::require(request.condition, request.expected_version, &version);
        items_.erase(std::string(request.key));
    }

    void flush(sdk::Call&) override {}

    static constexpr std::uint64_t kCaps =
        SYNCLINE_CAP_LIST_ORDERED | SYNCLINE_CAP_LIST_PREFIX | SYNCLINE_CAP_COND_PUT_VERSION |
        SYNCLINE_CAP_COND_PUT_ABSENT | SYNCLINE_CAP_COND_REMOVE | SYNCLINE_CAP_GET_RANGE |
        SYNCLINE_CAP_GET_IF_VERSION | SYNCLINE_CAP_VERSION_STRONG | SYNCLINE_CAP_MTIME_SET |
        SYNCLINE_CAP_META_SET | SYNCLINE_CAP_ATOMIC_PUT | SYNCLINE_CAP_PUT_UNKNOWN_SIZE |
        SYNCLINE_CAP_EMPTY_CONTAINERS | SYNCLINE_CAP_CHEAP_STAT;

private:
    struct Stored {
        sdk::Item item;
        std::string body;
    };

    const Stored& find(std::string_view key) const {
        const auto found = items_.find(key);
        return found != items_.end() ? found->second : throw not_found(key);
    }

    std::string url_;
    std::int64_t max_bytes_;
    std::uint64_t versions_ = 0;
    std::map<std::string, Stored, std::less<>> items_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::connector<Memory>(
    sdk::Descriptor("example.connector.memory", "1.0.0", "Memory")
        .vendor("Example")
        .description("Keeps items in memory until the endpoint is closed")
        .schemes({"memory"})
        .caps(Memory::kCaps)
        .schema(R"({"type": "object", "additionalProperties": false, "properties": {
            "url": {"type": "string"},
            "max_bytes": {"type": "integer", "minimum": 0, "default": 67108864}}})")));
