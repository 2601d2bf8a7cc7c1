// A connector whose listing names items outside of any root, as a compromised server might: for
// tests of what stands on the other side.
#include <syncline/sdk/sdk.hpp>

#include <map>
#include <string>
#include <string_view>

namespace sdk = syncline::sdk;

namespace {

constexpr std::string_view kBody = "climbed";

class Climbing final : public sdk::Connector {
public:
    explicit Climbing(const sdk::Setup& setup) : url_(setup.config.string("url", "climbing://")) {
        for (const char* key : {"../climbed", "../climbed-dir/", "../climbed-dir/x", "./here",
                                "/climbed", "a/", "a/../../climbed", "a//b", "a/fine", "fine"}) {
            sdk::Item item;
            item.key = key;
            item.kind = item.key.back() == '/' ? sdk::Kind::kContainer : sdk::Kind::kObject;
            if (item.kind == sdk::Kind::kObject) {
                item.size = kBody.size();
                item.version = "1";
            }
            items_[item.key] = item;
        }
    }

    sdk::Info info(sdk::Call&) override {
        sdk::Info info;
        info.caps = kCaps;
        info.max_object_size = UINT64_MAX;
        info.consistency = SYNCLINE_CONSISTENCY_LINEARIZABLE;
        info.scope_id = url_;
        return info;
    }
    void check(sdk::Call&) override {}
    void list(sdk::Call&, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        const std::string_view after = request.after_key();
        auto at = after.empty() || after < request.prefix ? items_.lower_bound(request.prefix)
                                                          : items_.upper_bound(after);
        const auto has_more = [&] {
            return at != items_.end() && sdk::starts_with(at->first, request.prefix);
        };
        sdk::ListWriter out(sink, request);
        for (; has_more() && out.open(); ++at) {
            out.add(at->second);
        }
        out.finish(has_more());
    }
    sdk::Item stat(sdk::Call&, std::string_view key) override { return find(key); }
    void get(sdk::Call&, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        sink.begin(find(request.key));
        if (request.offset < kBody.size()) {
            sink.write(kBody.substr(request.offset, request.length));
        }
    }
    sdk::Item put(sdk::Call&, const sdk::PutRequest&, sdk::Reader&) override { throw refused(); }
    void remove(sdk::Call&, const sdk::RemoveRequest&) override { throw refused(); }
    void flush(sdk::Call&) override {}

    static constexpr std::uint64_t kCaps = SYNCLINE_CAP_LIST_ORDERED | SYNCLINE_CAP_LIST_PREFIX |
                                           SYNCLINE_CAP_GET_RANGE | SYNCLINE_CAP_VERSION_STRONG |
                                           SYNCLINE_CAP_EMPTY_CONTAINERS | SYNCLINE_CAP_CHEAP_STAT;

private:
    static sdk::Error refused() {
        return sdk::Error(SYNCLINE_E_PERMISSION_DENIED, "nothing can be written here");
    }
    const sdk::Item& find(std::string_view key) const {
        const auto found = items_.find(key);
        return found != items_.end() ? found->second : throw not_found(key);
    }

    std::string url_;
    std::map<std::string, sdk::Item, std::less<>> items_;
};

} // namespace

SYNCLINE_PLUGIN(sdk::connector<Climbing>(
    sdk::Descriptor("test.connector.climbing", "1.0.0", "Climbing")
        .vendor("Test")
        .description("Lists items outside of any root")
        .schemes({"climbing"})
        .caps(Climbing::kCaps)
        .schema(R"({"type": "object", "additionalProperties": false, "properties": {
            "url": {"type": "string"}}})")));
