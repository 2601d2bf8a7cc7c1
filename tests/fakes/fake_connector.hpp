// A store in memory that behaves as a well-made connector does, and fails exactly where a test
// wants it to.
//
//     FakeConnector store;
//     store.add_object("a/b", "content");
//     store.fail({.op = FakeOp::put, .key = "a/c", .nth = 2, .status = {Code::unavailable,
//     "gone"}}); store.before_call = [&](FakeOp op, BytesView key) { ...; return Status(); };
//
// Threads: everything but the public knobs may be used from any thread. Nothing is locked while a
// hook or a sink runs.
#pragma once

#include "fakes/fake_streams.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/plugin/connector.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace syncline::fakes {

enum class FakeOp : std::uint8_t {
    info,
    check,
    list, // its key is the prefix
    stat,
    get,
    put,
    remove,
    flush,
    rename, // its key is the old one
    set_meta,
};
inline constexpr std::size_t kFakeOpCount = 10;

// Fails the nth matching call from when it was registered.
struct FakeFailure {
    FakeOp op = FakeOp::put;
    std::optional<Bytes> key = {}; // none: whatever the key
    std::uint64_t nth = 1;         // 0: every one
    Status status = Status(Code::unavailable, "injected failure");
    bool after_effect = false; // the store changes, then the caller hears of a failure
};

class FakeConnector : public Connector, private Renamer, private MetaWriter {
public:
    // Knobs; not to be changed while calls are running.
    ConnectorInfo info_answer;
    bool offers_rename = true;
    bool offers_set_meta = true;
    bool renames_containers = false; // with all they hold
    bool gives_ids = true;
    bool needs_parents = false;      // put below a container that is not there: Code::not_found
    std::uint32_t page_items = 0;    // upper bound of a page, whatever the caller asks for; 0: none
    std::uint32_t push_items = 64;   // items pushed at once
    std::size_t write_bytes = 65536; // bytes of a body pushed at once
    std::optional<std::uint64_t>
        fail_listing_after; // items pushed by one call, then listing_failure
    Status listing_failure = Status(Code::unavailable, "injected failure of the listing");
    bool durable_only_after_flush = false; // keep what lose_unflushed() needs
    // Called before each operation with nothing locked; may change the store or block. An error
    // fails the operation.
    std::function<Status(FakeOp op, BytesView key)> before_call;

    explicit FakeConnector(std::string plugin_id = "test.connector.memory")
        : plugin_id_(std::move(plugin_id)) {
        info_answer.lists_in_order = true;
        info_answer.conditional_put_version = true;
        info_answer.conditional_put_absent = true;
        info_answer.conditional_remove = true;
        info_answer.get_range = true;
        info_answer.get_if_version = true;
        info_answer.sets_mtime = true;
        info_answer.sets_meta = true;
        info_answer.atomic_put = true;
        info_answer.concurrent = true;
        info_answer.put_unknown_size = true;
        info_answer.idempotent_put = true;
        info_answer.empty_containers = true;
        info_answer.cheap_stat = true;
        info_answer.max_concurrency = 16;
        info_answer.mtime_granularity_ns = 1;
    }

    // The store from outside, as another program would change it. Each gives a new version.
    void add_object(BytesView key, BytesView content, std::int64_t mtime_ns = kUnknownTime,
                    BytesView meta = {}) {
        add(key, ItemKind::object, content, mtime_ns, meta);
    }
    void add_link(BytesView key, BytesView target) {
        add(key, ItemKind::link, target, kUnknownTime, {});
    }
    void add_container(BytesView key) { add(key, ItemKind::container, {}, kUnknownTime, {}); }
    void add_unsupported(BytesView key) { add(key, ItemKind::unsupported, {}, kUnknownTime, {}); }
    void set_unreadable(BytesView key, bool unreadable = true) {
        const std::lock_guard lock(mutex_);
        if (const auto found = entries_.find(key); found != entries_.end()) {
            found->second.item.unreadable = unreadable;
        }
    }
    void set_losses(BytesView key, std::uint8_t losses) {
        const std::lock_guard lock(mutex_);
        if (const auto found = entries_.find(key); found != entries_.end()) {
            found->second.item.losses = losses;
        }
    }
    // As another program renames: the item, or the container with all below it, stays who it is.
    void move(BytesView from, BytesView to) {
        const std::lock_guard lock(mutex_);
        relocate(from, to);
    }
    bool erase(BytesView key) {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found == entries_.end()) {
            return false;
        }
        entries_.erase(found);
        return true;
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        entries_.clear();
    }

    std::optional<Item> item(BytesView key) const {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        return found == entries_.end() ? std::nullopt : std::optional(found->second.item);
    }
    std::optional<Bytes> content(BytesView key) const {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        return found == entries_.end() ? std::nullopt : std::optional(found->second.content);
    }
    // Key -> content of everything that is there.
    std::map<Bytes, Bytes> contents() const {
        const std::lock_guard lock(mutex_);
        std::map<Bytes, Bytes> all;
        for (const auto& [key, entry] : entries_) {
            all.emplace(key, entry.content);
        }
        return all;
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return entries_.size();
    }

    void fail(FakeFailure failure) {
        const std::lock_guard lock(mutex_);
        failures_.push_back({std::move(failure), 0});
    }
    void clear_failures() {
        const std::lock_guard lock(mutex_);
        failures_.clear();
    }

    std::uint64_t calls(FakeOp op) const {
        const std::lock_guard lock(mutex_);
        return calls_[static_cast<std::size_t>(op)];
    }
    std::uint64_t flushes() const { return calls(FakeOp::flush); }
    std::uint64_t most_calls_at_once() const {
        const std::lock_guard lock(mutex_);
        return most_running_;
    }

    // A power cut: back to what was there at the last successful flush.
    void lose_unflushed() {
        const std::lock_guard lock(mutex_);
        entries_ = durable_;
    }

    // Connector
    const std::string& plugin_id() const override { return plugin_id_; }

    Result<ConnectorInfo> info(const CallContext& call) override {
        const Running running(*this, FakeOp::info);
        SYNCLINE_TRY(begin(call, FakeOp::info, {}));
        return info_answer;
    }

    Status check(const CallContext& call) override {
        const Running running(*this, FakeOp::check);
        return begin(call, FakeOp::check, {});
    }

    Result<Bytes> list(const CallContext& call, const ListRequest& request,
                       ItemSink& sink) override {
        const Running running(*this, FakeOp::list);
        SYNCLINE_TRY(begin(call, FakeOp::list, request.prefix));
        std::uint64_t left = request.max_items;
        if (page_items != 0) {
            left = std::min<std::uint64_t>(left, page_items);
        }
        std::uint64_t pushed = 0;
        Bytes cursor(request.cursor);
        while (true) {
            if (call.stop.stop_requested()) {
                return Status(Code::cancelled, "cancelled");
            }
            std::uint64_t wanted = std::min<std::uint64_t>(left, std::max(push_items, 1u));
            if (fail_listing_after) {
                if (pushed >= *fail_listing_after) {
                    return listing_failure;
                }
                wanted = std::min(wanted, *fail_listing_after - pushed);
            }
            bool more = false;
            const std::vector<Item> page = next_items(request, cursor, wanted, more);
            if (page.empty()) {
                return Bytes();
            }
            cursor = page.back().key;
            std::vector<ItemView> views;
            views.reserve(page.size());
            for (const Item& item : page) {
                views.push_back(to_view(item));
                if (!gives_ids) {
                    views.back().id = {};
                }
                if (!request.want_hash) {
                    views.back().hash = {};
                    views.back().hash_algo = HashAlgo::none;
                }
                if (!request.want_meta) {
                    views.back().meta = {};
                }
            }
            const Result<Flow> flow = sink.items(views);
            if (!flow.ok()) {
                return flow.status();
            }
            pushed += page.size();
            left -= page.size();
            if (!more) {
                return Bytes();
            }
            if (*flow == Flow::stop || left == 0) {
                return cursor;
            }
        }
    }

    Result<Item> stat(const CallContext& call, BytesView key) override {
        const Running running(*this, FakeOp::stat);
        SYNCLINE_TRY(begin(call, FakeOp::stat, key));
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found == entries_.end()) {
            return absent(key);
        }
        return found->second.item;
    }

    Status get(const CallContext& call, const GetRequest& request, BodySink& sink) override {
        const Running running(*this, FakeOp::get);
        SYNCLINE_TRY(begin(call, FakeOp::get, request.key));
        Entry entry;
        {
            const std::lock_guard lock(mutex_);
            const auto found = entries_.find(request.key);
            if (found == entries_.end()) {
                return absent(request.key);
            }
            entry = found->second;
        }
        if (entry.item.unreadable) {
            return Status(Code::permission_denied, Bytes(request.key) + " cannot be read");
        }
        if (entry.item.kind != ItemKind::object && entry.item.kind != ItemKind::link) {
            return Status(Code::not_supported, Bytes(request.key) + " has no body");
        }
        if (!request.if_version.empty() && request.if_version != entry.item.version) {
            return moved(Code::conflict, entry);
        }
        SYNCLINE_TRY(sink.begin(to_view(entry.item)));
        BytesView body = entry.content;
        body.remove_prefix(
            static_cast<std::size_t>(std::min<std::uint64_t>(request.offset, body.size())));
        body = body.substr(
            0, static_cast<std::size_t>(std::min<std::uint64_t>(request.length, body.size())));
        while (!body.empty()) {
            if (call.stop.stop_requested()) {
                return Status(Code::cancelled, "cancelled");
            }
            const BytesView part = body.substr(0, std::max<std::size_t>(write_bytes, 1));
            SYNCLINE_TRY(sink.write(part));
            body.remove_prefix(part.size());
        }
        return {};
    }

    Result<Item> put(const CallContext& call, const PutRequest& request,
                     BodyReader& body) override {
        const Running running(*this, FakeOp::put);
        std::optional<Status> later;
        SYNCLINE_TRY(begin(call, FakeOp::put, request.key, &later));
        SYNCLINE_TRY(writable());
        const ItemKind kind =
            is_container_key(request.key) ? ItemKind::container : request.item.kind;
        Bytes content;
        if (kind != ItemKind::container) {
            std::array<char, 16384> buffer;
            while (true) {
                const Result<std::size_t> got = body.read(buffer.data(), buffer.size());
                if (!got.ok()) {
                    return got.status();
                }
                if (*got == 0) {
                    break;
                }
                content.append(buffer.data(), *got);
            }
            if (body.size() != kUnknownSize && body.size() != content.size()) {
                return Status(Code::integrity, "the body is not as long as announced");
            }
        }
        const std::lock_guard lock(mutex_);
        if (const auto done = intents_.find(request.idempotency);
            info_answer.idempotent_put && !request.idempotency.empty() && done != intents_.end()) {
            return done->second;
        }
        const auto found = entries_.find(request.key);
        SYNCLINE_TRY(holds(request.condition, request.expected_version,
                           found == entries_.end() ? nullptr : &found->second));
        SYNCLINE_TRY(fits(request.key));
        Entry entry;
        entry.item.key = Bytes(request.key);
        entry.item.kind = kind;
        entry.item.id =
            found == entries_.end() ? "i" + std::to_string(++ids_) : found->second.item.id;
        set_body(entry, std::move(content));
        entry.item.mtime_ns = info_answer.sets_mtime && request.item.mtime_ns != kUnknownTime
                                  ? request.item.mtime_ns
                                  : ++now_;
        if (info_answer.sets_meta) {
            entry.item.meta = Bytes(request.item.meta);
        }
        entries_[Bytes(request.key)] = entry;
        if (!request.idempotency.empty()) {
            intents_.emplace(Bytes(request.idempotency), entry.item);
        }
        if (later) {
            return *later;
        }
        return entry.item;
    }

    Status remove(const CallContext& call, const RemoveRequest& request) override {
        const Running running(*this, FakeOp::remove);
        std::optional<Status> later;
        SYNCLINE_TRY(begin(call, FakeOp::remove, request.key, &later));
        SYNCLINE_TRY(writable());
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(request.key);
        if (found == entries_.end()) {
            return absent(request.key);
        }
        // Containers have no version to compare with.
        if (request.condition == Condition::if_version && !is_container_key(request.key)) {
            SYNCLINE_TRY(holds(request.condition, request.expected_version, &found->second));
        }
        if (is_container_key(request.key)) {
            const auto next = std::next(found);
            if (next != entries_.end() && next->first.starts_with(request.key)) {
                return Status(Code::conflict, Bytes(request.key) + " is not empty");
            }
        }
        entries_.erase(found);
        return later ? *later : Status();
    }

    Status flush(const CallContext& call) override {
        const Running running(*this, FakeOp::flush);
        SYNCLINE_TRY(begin(call, FakeOp::flush, {}));
        if (durable_only_after_flush) {
            const std::lock_guard lock(mutex_);
            durable_ = entries_;
        }
        return {};
    }

    Renamer* renamer() override { return offers_rename ? this : nullptr; }
    MetaWriter* meta_writer() override { return offers_set_meta ? this : nullptr; }
    LocalBodies* local_bodies() override { return nullptr; }

private:
    struct Entry {
        Item item;
        Bytes content;
    };
    using Entries = std::map<Bytes, Entry, std::less<>>;

    struct Armed {
        FakeFailure failure;
        std::uint64_t seen = 0;
    };

    class Running {
    public:
        Running(FakeConnector& store, FakeOp op) : store_(store) {
            const std::lock_guard lock(store_.mutex_);
            ++store_.calls_[static_cast<std::size_t>(op)];
            store_.most_running_ = std::max(store_.most_running_, ++store_.running_);
        }
        ~Running() {
            const std::lock_guard lock(store_.mutex_);
            --store_.running_;
        }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;

    private:
        FakeConnector& store_;
    };

    Status begin(const CallContext& call, FakeOp op, BytesView key,
                 std::optional<Status>* later = nullptr) {
        if (call.stop.stop_requested()) {
            return Status(Code::cancelled, "cancelled");
        }
        if (before_call) {
            SYNCLINE_TRY(before_call(op, key));
        }
        const std::lock_guard lock(mutex_);
        for (Armed& armed : failures_) {
            const FakeFailure& failure = armed.failure;
            if (failure.op != op || (failure.key && *failure.key != key)) {
                continue;
            }
            ++armed.seen;
            if (failure.nth != 0 && failure.nth != armed.seen) {
                continue;
            }
            if (failure.after_effect && later != nullptr) {
                *later = failure.status;
                return {};
            }
            return failure.status;
        }
        return {};
    }

    static Status absent(BytesView key) {
        return Status(Code::not_found, Bytes(key) + " does not exist");
    }

    static Status moved(Code code, const Entry& entry) {
        Error error;
        error.code = code;
        error.message = entry.item.key +
                        (code == Code::already_exists ? " already exists" : " has another version");
        error.details.push_back({"current_version", entry.item.version});
        return Status(std::move(error));
    }

    Status writable() const {
        return info_answer.read_only ? Status(Code::read_only, "this store is read-only")
                                     : Status();
    }

    Status holds(Condition condition, BytesView expected, const Entry* entry) const {
        switch (condition) {
        case Condition::always:
            return {};
        case Condition::if_absent:
            return entry == nullptr ? Status() : moved(Code::already_exists, *entry);
        case Condition::if_version:
            if (!info_answer.conditional_put_version) {
                return Status(Code::not_supported, "conditions on versions are not supported");
            }
            if (entry == nullptr) {
                return Status(Code::conflict, "the item does not exist any more");
            }
            return entry->item.version == expected ? Status() : moved(Code::conflict, *entry);
        }
        return Status(Code::not_supported, "unknown condition");
    }

    // What a store with directories insists on: one name is one thing, and optionally parents
    // exist.
    Status fits(BytesView key) const {
        const bool container = is_container_key(key);
        const Bytes twin = container ? Bytes(key.substr(0, key.size() - 1)) : Bytes(key) + "/";
        if (const auto found = entries_.find(twin); found != entries_.end()) {
            return moved(Code::already_exists, found->second);
        }
        if (needs_parents) {
            const std::size_t slash = key.substr(0, key.size() - 1).rfind('/');
            if (slash != BytesView::npos &&
                entries_.find(key.substr(0, slash + 1)) == entries_.end()) {
                return Status(Code::not_found, "the container of " + Bytes(key) + " is missing");
            }
        }
        return {};
    }

    void set_body(Entry& entry, Bytes content) {
        entry.content = std::move(content);
        if (entry.item.kind == ItemKind::object || entry.item.kind == ItemKind::link) {
            entry.item.version = "v" + std::to_string(++versions_);
            entry.item.size = entry.content.size();
            if (info_answer.hash_in_list) {
                entry.item.hash = content_hash(entry.content);
                entry.item.hash_algo = HashAlgo::xxh3_128;
            }
        }
    }

    void add(BytesView key, ItemKind kind, BytesView content, std::int64_t mtime_ns,
             BytesView meta) {
        const std::lock_guard lock(mutex_);
        Entry entry;
        const auto found = entries_.find(key);
        entry.item.key = Bytes(key);
        entry.item.kind = kind;
        entry.item.id =
            found == entries_.end() ? "i" + std::to_string(++ids_) : found->second.item.id;
        entry.item.meta = Bytes(meta);
        entry.item.mtime_ns = mtime_ns == kUnknownTime ? ++now_ : mtime_ns;
        set_body(entry, Bytes(content));
        entries_[Bytes(key)] = entry;
        if (durable_only_after_flush) {
            durable_[Bytes(key)] = entry;
        }
    }

    // An order unlike that of the keys, the same each time.
    static std::uint64_t disorder(BytesView key) {
        std::uint64_t hash = 1469598103934665603u;
        for (const char byte : key) {
            hash = (hash ^ static_cast<unsigned char>(byte)) * 1099511628211u;
        }
        return hash;
    }

    std::vector<Item> next_items(const ListRequest& request, BytesView after_key,
                                 std::uint64_t wanted, bool& more) const {
        const std::lock_guard lock(mutex_);
        std::vector<Item> page;
        more = false;
        const auto take = [&](const Item& item) {
            if (page.size() == wanted) {
                more = true;
                return false;
            }
            page.push_back(item);
            return true;
        };
        if (info_answer.lists_in_order) {
            const BytesView from = after_key.empty() ? request.start_after : after_key;
            auto at = from.empty() || from < request.prefix ? entries_.lower_bound(request.prefix)
                                                            : entries_.upper_bound(from);
            for (; at != entries_.end() && at->first.starts_with(request.prefix); ++at) {
                if (!take(at->second.item)) {
                    break;
                }
            }
            return page;
        }
        std::map<std::pair<std::uint64_t, BytesView>, const Item*> shuffled;
        for (const auto& [key, entry] : entries_) {
            if (key.starts_with(request.prefix) && key > request.start_after) {
                shuffled.emplace(std::pair(disorder(key), BytesView(key)), &entry.item);
            }
        }
        auto at = after_key.empty()
                      ? shuffled.begin()
                      : shuffled.upper_bound(std::pair(disorder(after_key), after_key));
        for (; at != shuffled.end(); ++at) {
            if (!take(*at->second)) {
                break;
            }
        }
        return page;
    }

    // What is below a container keeps its version, as in a file system.
    Item relocate(BytesView from, BytesView to) {
        Entries moved;
        for (auto at = entries_.lower_bound(from);
             at != entries_.end() &&
             (at->first == from || (is_container_key(from) && at->first.starts_with(from)));) {
            const Bytes key = Bytes(to) + at->first.substr(from.size());
            moved[key] = std::move(at->second);
            moved[key].item.key = key;
            at = entries_.erase(at);
        }
        Entry& top = moved[Bytes(to)];
        if (!is_container_key(to)) {
            top.item.version = "v" + std::to_string(++versions_);
        }
        const Item item = top.item;
        for (auto& [key, entry] : moved) {
            entries_[key] = std::move(entry);
        }
        return item;
    }

    Result<Item> rename(const CallContext& call, const RenameRequest& request) override {
        const Running running(*this, FakeOp::rename);
        std::optional<Status> later;
        SYNCLINE_TRY(begin(call, FakeOp::rename, request.from_key, &later));
        SYNCLINE_TRY(writable());
        const std::lock_guard lock(mutex_);
        const auto from = entries_.find(request.from_key);
        if (from == entries_.end()) {
            return absent(request.from_key);
        }
        if (is_container_key(request.from_key) && !renames_containers) {
            return Status(Code::not_supported, "only objects and links can be renamed");
        }
        if (!request.from_version.empty() && request.from_version != from->second.item.version) {
            return moved(Code::conflict, from->second);
        }
        const auto to = entries_.find(request.to_key);
        SYNCLINE_TRY(holds(request.condition, request.to_version,
                           to == entries_.end() ? nullptr : &to->second));
        SYNCLINE_TRY(fits(request.to_key));
        const Item item = relocate(request.from_key, request.to_key);
        if (later) {
            return *later;
        }
        return item;
    }

    Result<Item> set_meta(const CallContext& call, const PutRequest& request) override {
        const Running running(*this, FakeOp::set_meta);
        std::optional<Status> later;
        SYNCLINE_TRY(begin(call, FakeOp::set_meta, request.key, &later));
        SYNCLINE_TRY(writable());
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(request.key);
        if (found == entries_.end()) {
            return absent(request.key);
        }
        SYNCLINE_TRY(holds(request.condition, request.expected_version, &found->second));
        Item& item = found->second.item;
        if (info_answer.sets_mtime && request.item.mtime_ns != kUnknownTime) {
            item.mtime_ns = request.item.mtime_ns;
        }
        if (info_answer.sets_meta) {
            item.meta = Bytes(request.item.meta);
        }
        if (!is_container_key(request.key)) {
            item.version = "v" + std::to_string(++versions_);
        }
        if (later) {
            return *later;
        }
        return item;
    }

    const std::string plugin_id_;
    mutable std::mutex mutex_;
    Entries entries_;
    Entries durable_;
    std::map<Bytes, Item, std::less<>> intents_;
    std::vector<Armed> failures_;
    std::array<std::uint64_t, kFakeOpCount> calls_{};
    std::uint64_t running_ = 0;
    std::uint64_t most_running_ = 0;
    std::uint64_t versions_ = 0;
    std::uint64_t ids_ = 0;
    std::int64_t now_ = 1'000'000'000;
};

} // namespace syncline::fakes
