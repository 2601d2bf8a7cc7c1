/// What an author of a connector implements.
///
/// Derive from Connector, and from those of Renamer, LocalBodies, MetaWriter, Changes, Batch,
/// Watch, Interruptible, Stateful and Catalog that the store can do; the host finds out by itself.
/// The class is constructed from a Setup when the host configures the instance, and the constructor
/// throws if the configuration is wrong. One thread at a time calls in unless info() advertises
/// SYNCLINE_CAP_CONCURRENT. Whatever is thrown becomes the status of the call.
#ifndef SYNCLINE_SDK_CONNECTOR_HPP
#define SYNCLINE_SDK_CONNECTOR_HPP

#include <syncline/sdk/call.hpp>
#include <syncline/sdk/host.hpp>
#include <syncline/sdk/item.hpp>
#include <syncline/sdk/json.hpp>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::sdk {

/// What an instance is made from. `config` and `call` are valid during the constructor only; `host`
/// may be copied and kept.
struct Setup {
    const json::Config& config;
    const Host& host;
    Call& call;
    std::string_view plugin_id;
};

/// See syncline_connector_info; the defaults claim nothing.
struct Info {
    std::uint64_t caps = 0;
    std::uint32_t key_rules = 0;
    std::uint64_t hash_algos = 0;
    std::uint64_t max_object_size = UINT64_MAX;
    std::uint32_t max_key_bytes = 0;
    std::uint32_t max_meta_bytes = 0;
    std::uint32_t max_concurrency = 1;
    std::uint32_t preferred_page = 0;
    std::uint32_t max_batch = 0;
    std::uint32_t consistency = SYNCLINE_CONSISTENCY_EVENTUAL;
    std::int64_t mtime_granularity_ns = 0;
    std::int64_t settle_ns = 0;
    std::string scope_id;
    std::string scope_path;
    std::uint64_t max_batch_bytes = 0;
};

/// Values that a connector cannot know never reach it: they are answered with NOT_SUPPORTED before.
enum class Condition : std::uint32_t {
    kAlways = SYNCLINE_COND_ALWAYS,
    kIfAbsent = SYNCLINE_COND_IF_ABSENT,
    kIfVersion = SYNCLINE_COND_IF_VERSION,
};

namespace detail {

inline Condition condition(std::uint32_t value) {
    switch (value) {
    case SYNCLINE_COND_ALWAYS:
    case SYNCLINE_COND_IF_ABSENT:
    case SYNCLINE_COND_IF_VERSION:
        return static_cast<Condition>(value);
    case 0:
        throw Error(SYNCLINE_E_INVALID_ARGUMENT, "the request has no condition");
    default:
        throw Error(SYNCLINE_E_NOT_SUPPORTED, "unknown condition " + std::to_string(value));
    }
}

} // namespace detail

// Requests. All string_views are borrowed for the call.

struct ListRequest {
    explicit ListRequest(const syncline_list_req& raw)
        : flags(raw.flags), prefix(view(raw.prefix)), start_after(view(raw.start_after)),
          cursor(view(raw.cursor)), max_items(raw.max_items) {
        if (max_items == 0) {
            throw Error(SYNCLINE_E_INVALID_ARGUMENT, "a page must have room for one item");
        }
    }
    bool wants_hash() const noexcept { return (flags & SYNCLINE_LIST_WANT_HASH) != 0; }
    bool wants_meta() const noexcept { return (flags & SYNCLINE_LIST_WANT_META) != 0; }
    bool expensive_ok() const noexcept { return (flags & SYNCLINE_LIST_EXPENSIVE_OK) != 0; }
    /// For connectors whose cursor is the last key of the page: go on behind this key.
    std::string_view after_key() const noexcept { return cursor.empty() ? start_after : cursor; }

    std::uint32_t flags;
    std::string_view prefix;
    std::string_view start_after;
    std::string_view cursor;
    std::uint32_t max_items;
};

struct GetRequest {
    explicit GetRequest(const syncline_get_req& raw) noexcept
        : key(view(raw.key)), if_version(view(raw.if_version)), offset(raw.offset),
          length(raw.length) {}

    std::string_view key;
    std::string_view if_version; ///< empty = any
    std::uint64_t offset;
    std::uint64_t length; ///< SYNCLINE_LENGTH_ALL = to the end
};

struct PutRequest {
    explicit PutRequest(const syncline_put_req& raw)
        : condition(detail::condition(raw.condition)), key(view(raw.key)),
          expected_version(view(raw.expected_version)), idempotency(view(raw.idempotency)),
          item(load(raw.item)) {}

    Condition condition;
    std::string_view key;
    std::string_view expected_version;
    std::string_view idempotency;
    ItemView item;
};

struct RemoveRequest {
    explicit RemoveRequest(const syncline_remove_req& raw)
        : condition(detail::condition(raw.condition)), key(view(raw.key)),
          expected_version(view(raw.expected_version)), idempotency(view(raw.idempotency)) {
        if (condition == Condition::kIfAbsent) {
            throw Error(SYNCLINE_E_INVALID_ARGUMENT, "a removal cannot ask for absence");
        }
    }

    Condition condition;
    std::string_view key;
    std::string_view expected_version;
    std::string_view idempotency;
};

struct RenameRequest {
    explicit RenameRequest(const syncline_rename_req& raw)
        : condition(detail::condition(raw.condition)), from_key(view(raw.from_key)),
          from_version(view(raw.from_version)), to_key(view(raw.to_key)),
          to_version(view(raw.to_version)), idempotency(view(raw.idempotency)) {}

    Condition condition; ///< about the destination
    std::string_view from_key;
    std::string_view from_version; ///< empty = any
    std::string_view to_key;
    std::string_view to_version;
    std::string_view idempotency;
};

struct ChangesRequest {
    explicit ChangesRequest(const syncline_changes_req& raw) noexcept
        : flags(raw.flags), cursor(view(raw.cursor)), prefix(view(raw.prefix)),
          max_changes(raw.max_changes), wait_ms(raw.wait_ms) {}

    std::uint32_t flags;
    std::string_view cursor;
    std::string_view prefix;
    std::uint32_t max_changes;
    std::uint32_t wait_ms;
};

/// Throws ALREADY_EXISTS or CONFLICT, with the detail `current_version`, if the condition does not
/// hold. `current` is the version of what is there now, or nullptr if nothing is.
inline void require(Condition condition, std::string_view expected, const std::string* current) {
    if (condition == Condition::kIfAbsent && current != nullptr) {
        throw Error(SYNCLINE_E_ALREADY_EXISTS, "the item exists already")
            .detail(SYNCLINE_DETAIL_CURRENT_VERSION, printable(*current));
    }
    if (condition == Condition::kIfVersion && current == nullptr) {
        throw Error(SYNCLINE_E_CONFLICT, "the item is gone");
    }
    if (condition == Condition::kIfVersion && *current != expected) {
        throw Error(SYNCLINE_E_CONFLICT, "the item has another version by now")
            .detail(SYNCLINE_DETAIL_CURRENT_VERSION, printable(*current));
    }
}

/// The usual listing loop: batches items, counts them against max_items, heeds the host's stop.
///
///     ListWriter out(sink, request);
///     for (; it != end && out.open(); ++it) {
///         out.add(it->key).version(it->version).size(it->size);
///     }
///     out.finish(it != end); // the cursor is the last key
class ListWriter {
public:
    ListWriter(ItemSink& sink, const ListRequest& request, std::size_t batch = 256)
        : sink_(sink), left_(request.max_items),
          page_(batch < request.max_items ? batch : request.max_items) {}

    /// True while the page takes another item.
    [[nodiscard]] bool open() {
        if (page_.full()) {
            flush();
        }
        return !stopped_ && left_ != 0;
    }
    /// Requires open() just before.
    ItemPage::Entry add(std::string_view key, Kind kind = Kind::kObject) {
        --left_;
        return page_.add(key, kind);
    }
    void add(const Item& item) {
        --left_;
        page_.add(item);
    }
    /// Ends the page. If more follows, the next page begins behind the last key.
    void finish(bool more) {
        flush();
        if (more) {
            sink_.next(last_key_);
        }
    }
    void finish(bool more, std::string_view cursor) {
        flush();
        if (more) {
            sink_.next(cursor);
        }
    }

private:
    void flush() {
        if (!page_.empty()) {
            last_key_.assign(page_.last_key());
            stopped_ = sink_.push(page_) == Flow::kStop;
        }
    }

    ItemSink& sink_;
    std::uint32_t left_;
    bool stopped_ = false;
    std::string last_key_;
    ItemPage page_;
};

/// The interface every connector has. syncline/abi/connector.h has the contract of each function.
class Connector {
public:
    Connector() = default;
    Connector(const Connector&) = delete;
    Connector& operator=(const Connector&) = delete;
    virtual ~Connector() = default;

    virtual Info info(Call& call) = 0;
    virtual void check(Call& call) = 0;
    virtual void list(Call& call, const ListRequest& request, ItemSink& sink) = 0;
    /// Throws NOT_FOUND.
    virtual Item stat(Call& call, std::string_view key) = 0;
    virtual void get(Call& call, const GetRequest& request, GetSink& sink) = 0;
    /// Returns the item as it is stored now, with its new version.
    virtual Item put(Call&, const PutRequest&, Reader&) { throw read_only(); }
    virtual void remove(Call&, const RemoveRequest&) { throw read_only(); }
    /// Returns when everything acknowledged before would survive a power loss.
    virtual void flush(Call& call) = 0;

    /// Whether this instance offers an optional interface that its class derives from. Asked once
    /// per interface, after construction.
    virtual bool offers(std::string_view interface_id) const {
        static_cast<void>(interface_id);
        return true;
    }

protected:
    static Error read_only() { return Error(SYNCLINE_E_READ_ONLY, "this endpoint is read-only"); }
    static Error not_found(std::string_view key) {
        return Error(SYNCLINE_E_NOT_FOUND, "there is no such item")
            .detail(SYNCLINE_DETAIL_KEY, printable(key));
    }
};

class Renamer {
public:
    virtual Item rename(Call& call, const RenameRequest& request) = 0;

protected:
    ~Renamer() = default;
};

class LocalBodies {
public:
    /// Pushes the item, then returns a descriptor that the host closes. Until it returns, the
    /// descriptor is the connector's: close it if the sink throws.
    virtual std::int32_t open_body(Call& call, const GetRequest& request, ItemSink& sink) = 0;
    /// The descriptor stays the host's. CONFLICT if the body changed while it was copied.
    virtual Item put_fd(Call& call, const PutRequest& request, std::int32_t fd) = 0;

protected:
    ~LocalBodies() = default;
};

class MetaWriter {
public:
    virtual Item set_meta(Call& call, const PutRequest& request) = 0;

protected:
    ~MetaWriter() = default;
};

/// One entry of a change feed.
struct Change {
    std::uint32_t kind = SYNCLINE_CHANGE_UPSERT;
    Item item;
    std::string old_key;
    std::int64_t event_wall_ns = 0;
};

class ChangeSink {
public:
    explicit ChangeSink(const syncline_change_sink* raw) : raw_(raw) { load(raw); }

    /// Pushes an array as it is. After kStop, return the cursor.
    [[nodiscard]] Flow push(const syncline_change* first, std::size_t count,
                            std::size_t stride = sizeof(syncline_change)) {
        const syncline_status status = raw_->changes(raw_, first, count, stride);
        if (status < 0) {
            throw StreamError(status);
        }
        return status == SYNCLINE_OK ? Flow::kGoOn : Flow::kStop;
    }
    [[nodiscard]] Flow push(const Change& change) {
        const RawItem item(change.item);
        syncline_change raw{};
        raw.struct_size = sizeof(raw);
        raw.kind = change.kind;
        raw.item = &item.get();
        raw.old_key = bytes(change.old_key);
        raw.event_wall_ns = change.event_wall_ns;
        return push(&raw, 1);
    }
    const syncline_change_sink* raw() const noexcept { return raw_; }

private:
    const syncline_change_sink* raw_;
};

class Changes {
public:
    /// A cursor such that all later changes are reported.
    virtual std::string latest(Call& call) = 0;
    /// Pushes changes and returns the cursor to go on with.
    virtual std::string changes(Call& call, const ChangesRequest& request, ChangeSink& sink) = 0;

protected:
    ~Changes() = default;
};

/// Takes the results of a batch and notices elements that got none.
class BatchSink {
public:
    BatchSink(const syncline_batch_sink* raw, std::size_t count) : raw_(raw), answered_(count) {
        load(raw);
    }

    /// get_many: once per element, before its first byte.
    void begin(std::size_t index, const Item& item) {
        const RawItem raw(item);
        pass(raw_->begin(raw_, index, &raw.get()));
    }
    void write(std::size_t index, const void* data, std::size_t size) {
        pass(raw_->write(raw_, index, data, size));
    }
    void write(std::size_t index, std::string_view data) { write(index, data.data(), data.size()); }
    /// Success without an item (get, remove).
    void done(std::size_t index) { answer(index, SYNCLINE_OK, nullptr, nullptr); }
    /// Success with the resulting item (put).
    void done(std::size_t index, const Item& item) {
        const RawItem raw(item);
        answer(index, SYNCLINE_OK, &raw.get(), nullptr);
    }
    void failed(std::size_t index, const Error& error) {
        answer(index, error.status(), nullptr, &error);
    }
    bool complete() const noexcept {
        for (const bool answered : answered_) {
            if (!answered) {
                return false;
            }
        }
        return true;
    }
    const syncline_batch_sink* raw() const noexcept { return raw_; }

private:
    static void pass(syncline_status status) {
        if (status < 0) {
            throw StreamError(status);
        }
    }
    void answer(std::size_t index, syncline_status status, const syncline_item* item,
                const Error* error) {
        if (index >= answered_.size() || answered_[index]) {
            throw Error(SYNCLINE_E_INTERNAL,
                        "a batch element was answered twice or does not exist");
        }
        answered_[index] = true;
        syncline_batch_result result{};
        result.struct_size = sizeof(result);
        result.status = status;
        result.index = index;
        result.item = item;
        result.retry_after_ms = SYNCLINE_RETRY_AFTER_UNSAID;
        if (error != nullptr) {
            result.message = str(error->message());
            result.retry_class = error->retry_class();
            if (error->retry_class() == SYNCLINE_RETRY_AFTER) {
                result.retry_after_ms = error->retry_after_ms();
            }
        }
        pass(raw_->done(raw_, &result));
    }

    const syncline_batch_sink* raw_;
    std::vector<bool> answered_;
};

/// One element of put_many.
struct BatchPut {
    PutRequest request;
    Reader body;
};

/// Each element must get exactly one done() or failed().
class Batch {
public:
    virtual void get_many(Call& call, const std::vector<GetRequest>& requests, BatchSink& sink) = 0;
    virtual void put_many(Call& call, std::vector<BatchPut>& puts, BatchSink& sink) = 0;
    virtual void remove_many(Call& call, const std::vector<RemoveRequest>& requests,
                             BatchSink& sink) = 0;

protected:
    ~Batch() = default;
};

class Watch {
public:
    /// Hints go to Host::changed() from threads of the connector.
    virtual void start(Call& call, std::string_view prefix) = 0;
    /// Returns when those threads are gone.
    virtual void stop() noexcept = 0;

protected:
    ~Watch() = default;
};

class Interruptible {
public:
    /// Called from any thread, also during calls. Must not block.
    virtual void interrupt(std::uint64_t call_id) noexcept = 0;

protected:
    ~Interruptible() = default;
};

/// May also be implemented by schedulers and strategies.
class Stateful {
public:
    virtual std::string save(Call& call) = 0;
    /// Throws INVALID_ARGUMENT for bytes it does not know, and is unchanged then.
    virtual void load(Call& call, std::string_view saved) = 0;

protected:
    ~Stateful() = default;
};

class Catalog {
public:
    virtual void types(Call& call, ItemSink& sink) = 0;

protected:
    ~Catalog() = default;
};

} // namespace syncline::sdk

#endif
