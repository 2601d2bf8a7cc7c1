#include "probe.hpp"

#include <syncline/sdk/sdk.hpp>

#include <chrono>
#include <stdexcept>

namespace sdk = syncline::sdk;

namespace probe {

Seen& seen() {
    static Seen instance;
    return instance;
}

} // namespace probe

namespace {

using probe::seen;

class Probe final : public sdk::Connector,
                    public sdk::Renamer,
                    public sdk::LocalBodies,
                    public sdk::MetaWriter,
                    public sdk::Changes,
                    public sdk::Batch,
                    public sdk::Watch,
                    public sdk::Interruptible,
                    public sdk::Stateful,
                    public sdk::Catalog {
public:
    explicit Probe(const sdk::Setup& setup)
        : host_(setup.host), items_(setup.config.integer("items", 0)),
          renames_(setup.config.boolean("renames", true)) {
        if (setup.config.has("fail")) {
            throw std::runtime_error("asked to fail");
        }
    }

    sdk::Info info(sdk::Call&) override {
        sdk::Info info;
        info.caps = SYNCLINE_CAP_LIST_ORDERED;
        info.max_key_bytes = 77;
        info.scope_id = "scope";
        info.scope_path = "a/b";
        info.max_batch_bytes = 99;
        return info;
    }
    void check(sdk::Call& call) override {
        call.throw_if_cancelled();
        host_.log(SYNCLINE_LOG_INFO, "checked", {{"who", "probe"}}, &call);
        host_.changed("some/");
        host_.attention(SYNCLINE_ATTENTION_CAPS_CHANGED);
        const auto before = host_.kv_get(call, "token");
        host_.kv_put(call, "token", "secret", SYNCLINE_KV_SECRET);
        const auto after = host_.kv_get(call, "token");
        host_.kv_remove(call, "token");
        host_.kv_remove(call, "token");
        seen().last = before ? "had a token" : after ? "kept a token" : "no store";
    }
    void list(sdk::Call&, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        seen().max_items = request.max_items;
        std::int64_t at = 0;
        if (const std::string_view after = request.after_key(); !after.empty()) {
            at = std::stoll(std::string(after)) + 1 - kFirst;
        }
        sdk::ListWriter out(sink, request, 16);
        char key[16];
        for (; at < items_ && out.open(); ++at) {
            std::snprintf(key, sizeof(key), "%07d", static_cast<int>(at + kFirst));
            out.add(key).size(1).version("v").meta("a", "1").meta("b", key);
        }
        out.finish(at < items_);
    }
    sdk::Item stat(sdk::Call&, std::string_view key) override {
        if (key == "error") {
            throw sdk::Error(SYNCLINE_E_RATE_LIMITED, "slow down")
                .detail("http_status", "429")
                .retry_after(std::chrono::milliseconds(1500));
        }
        if (key == "bad_alloc") {
            throw std::bad_alloc();
        }
        if (key == "runtime_error") {
            throw std::runtime_error("broken");
        }
        if (key == "int") {
            throw 5;
        }
        if (key == "positive") {
            throw sdk::Error(SYNCLINE_STOP, "not an error code");
        }
        if (key == "full") {
            sdk::Item item;
            item.key = key;
            item.kind = sdk::Kind::kLink;
            item.version = "v1";
            item.size = 3;
            item.mtime_ns = -5;
            item.hash_algo = SYNCLINE_HASH_MD5;
            item.hash = std::string("\x00\x01", 2);
            item.meta.emplace().emplace_back(SYNCLINE_META_EXECUTABLE, "1");
            item.flags = SYNCLINE_ITEM_UNSETTLED;
            item.id = "7";
            return item;
        }
        throw not_found(key);
    }
    void get(sdk::Call&, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        sdk::Item item;
        item.key = request.key;
        sink.begin(item);
        sink.write("some ");
        sink.write("bytes");
    }
    sdk::Item put(sdk::Call&, const sdk::PutRequest& request, sdk::Reader& reader) override {
        sdk::Item item = request.item.copy();
        item.key = request.key;
        item.version = reader.read_all(1000);
        return item;
    }
    void remove(sdk::Call&, const sdk::RemoveRequest& request) override {
        seen().last = "removed " + std::string(request.key);
    }
    void flush(sdk::Call& call) override { call.progress(1, 2); }
    bool offers(std::string_view id) const override {
        return renames_ || id != SYNCLINE_IFACE_RENAME;
    }

    sdk::Item rename(sdk::Call&, const sdk::RenameRequest& request) override {
        sdk::Item item;
        item.key = request.to_key;
        return item;
    }
    std::int32_t open_body(sdk::Call&, const sdk::GetRequest& request,
                           sdk::ItemSink& sink) override {
        sdk::Item item;
        item.key = request.key;
        static_cast<void>(sink.push(item));
        return 42;
    }
    sdk::Item put_fd(sdk::Call&, const sdk::PutRequest& request, std::int32_t fd) override {
        sdk::Item item;
        item.key = request.key;
        item.version = std::to_string(fd);
        return item;
    }
    sdk::Item set_meta(sdk::Call&, const sdk::PutRequest& request) override {
        sdk::Item item = request.item.copy();
        item.key = request.key;
        return item;
    }
    std::string latest(sdk::Call&) override { return "cursor-0"; }
    std::string changes(sdk::Call&, const sdk::ChangesRequest& request,
                        sdk::ChangeSink& sink) override {
        sdk::Change change;
        change.item.key = "changed";
        static_cast<void>(sink.push(change));
        return std::string(request.cursor) + "+1";
    }
    void get_many(sdk::Call&, const std::vector<sdk::GetRequest>& requests,
                  sdk::BatchSink& sink) override {
        for (std::size_t i = requests.size(); i-- > 0;) {
            sdk::Item item;
            item.key = requests[i].key;
            sink.begin(i, item);
            sink.write(i, requests[i].key);
            sink.done(i);
        }
    }
    void put_many(sdk::Call&, std::vector<sdk::BatchPut>& puts, sdk::BatchSink& sink) override {
        for (std::size_t i = 0; i < puts.size(); ++i) {
            sdk::Item item;
            item.key = puts[i].request.key;
            item.version = puts[i].body.read_all(100);
            sink.done(i, item);
        }
    }
    void remove_many(sdk::Call&, const std::vector<sdk::RemoveRequest>& requests,
                     sdk::BatchSink& sink) override {
        for (std::size_t i = 0; i < requests.size(); ++i) {
            if (requests[i].key == "forget me") {
                continue;
            }
            if (requests[i].key == "locked") {
                sink.failed(i, sdk::Error(SYNCLINE_E_LOCKED, "busy")
                                   .retry_after(std::chrono::milliseconds(9)));
            } else {
                sink.done(i);
            }
        }
    }
    void start(sdk::Call&, std::string_view prefix) override { seen().last = prefix; }
    void stop() noexcept override { seen().stopped = true; }
    void interrupt(std::uint64_t call_id) noexcept override { seen().interrupted = call_id; }
    std::string save(sdk::Call&) override { return seen().state; }
    void load(sdk::Call&, std::string_view saved) override { seen().state = saved; }
    void types(sdk::Call&, sdk::ItemSink& sink) override {
        sdk::Item item;
        item.key = "customers";
        static_cast<void>(sink.push(item));
    }

private:
    static constexpr int kFirst = 1000000;
    sdk::Host host_;
    std::int64_t items_;
    bool renames_;
};

class Plain final : public sdk::Connector {
public:
    sdk::Info info(sdk::Call&) override { return {}; }
    void check(sdk::Call&) override {}
    void list(sdk::Call&, const sdk::ListRequest&, sdk::ItemSink&) override {}
    sdk::Item stat(sdk::Call&, std::string_view key) override { throw not_found(key); }
    void get(sdk::Call&, const sdk::GetRequest& request, sdk::GetSink&) override {
        throw not_found(request.key);
    }
    void flush(sdk::Call&) override {}
};

class EchoStrategy final : public sdk::ConflictStrategy {
public:
    sdk::Decision decide(sdk::Call&, const sdk::Conflict& conflict) override {
        conflict.merged.write(conflict.source ? conflict.source->key() : "deleted");
        conflict.merged.write("+");
        conflict.merged.write(conflict.source_content ? conflict.source_content.read_all(100)
                                                      : "no content");
        return sdk::Decision::merge(std::string(conflict.key));
    }
};

class EchoScheduler final : public sdk::Scheduler {
public:
    void on_event(sdk::Call&, const sdk::Event& event) override {
        seen().last = event.run ? "run " + std::to_string(event.run->run_id) : "no run";
    }
    void schedule(sdk::Call&, const sdk::ScheduleRequest& request,
                  sdk::ScheduleSink& sink) override {
        for (const sdk::SyncInfo sync : request.syncs) {
            sdk::ScheduleEntry entry;
            entry.sync_id = sync.id;
            entry.not_before_mono_ns = request.now_mono_ns + 1;
            sink.run(entry);
        }
        sink.wake(static_cast<std::int64_t>(request.runs.size()));
    }
};

} // namespace

SYNCLINE_PLUGIN(sdk::connector<Probe>(sdk::Descriptor("test.connector.probe", "1.0.0", "Probe")
                                          .schemes({"probe", "probes"})
                                          .features({"everything"})
                                          .caps(SYNCLINE_CAP_LIST_ORDERED)),
                sdk::connector<Plain>(sdk::Descriptor("test.connector.plain", "1.0.0", "Plain")),
                sdk::strategy<EchoStrategy>(sdk::Descriptor("test.strategy.echo", "1.0.0", "Echo")),
                sdk::scheduler<EchoScheduler>(sdk::Descriptor("test.scheduler.echo", "1.0.0",
                                                              "Echo")));
