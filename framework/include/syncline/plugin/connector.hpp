// A loaded connector as the engine sees it: the plugin boundary in C++ terms. Errors are Status,
// never exceptions; bytes handed to sinks are borrowed for that call. What a plugin may get wrong
// (sizes, counts, missing answers, unknown values) has been checked when it arrives here.
//
// Threads: calls on one connector may overlap only up to info().max_concurrency; endpoint/ sees to
// that.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <span>

namespace syncline {

struct KeyRules {
    bool utf8_only = false;
    bool nfc_folded = false;
    bool case_folded = false;
    bool no_dot_segments = false;
    bool no_trailing_space_dot = false;
    bool no_control = false;
};

struct ConnectorInfo {
    KeyRules key_rules;
    bool lists_in_order = false;
    bool conditional_put_version = false;
    bool conditional_put_absent = false;
    bool conditional_remove = false;
    bool conditions_emulated = false; // the three above are check-then-act
    bool get_range = false;
    bool get_if_version = false;
    bool hash_in_list = false;
    bool sets_mtime = false;
    bool sets_meta = false;
    bool atomic_put = false;
    bool concurrent = false;
    bool put_unknown_size = false;
    bool idempotent_put = false;
    bool read_only = false;
    bool empty_containers = false;
    bool cheap_stat = false;
    std::uint64_t hash_algos = 0; // bit n: HashAlgo n can come from list and stat
    std::uint64_t max_object_size = UINT64_MAX;
    std::uint32_t max_key_bytes = 0; // 0: unknown
    std::uint32_t max_concurrency = 1;
    std::uint32_t preferred_page = 0;      // 0: no preference
    std::int64_t mtime_granularity_ns = 0; // 0: mtime not kept
    std::int64_t settle_ns = 0;
    Bytes scope_id;
    Bytes scope_path;
};

enum class Flow { more, stop };

class ItemSink {
public:
    virtual ~ItemSink() = default;
    // Borrowed for the call. May block, which is the lister's back-pressure. An error ends the
    // listing with it.
    virtual Result<Flow> items(std::span<const ItemView> items) = 0;
};

class BodySink {
public:
    virtual ~BodySink() = default;
    virtual Status
    begin(const ItemView& item) = 0; // once, before the first byte: the version the bytes belong to
    virtual Status write(BytesView bytes) = 0; // takes all or fails; may block
};

class BodyReader {
public:
    virtual ~BodyReader() = default;
    virtual std::uint64_t size() const = 0; // kUnknownSize if unknown
    // Bytes read into `buffer`; 0 at the end.
    virtual Result<std::size_t> read(char* buffer, std::size_t capacity) = 0;
    virtual bool rewindable() const { return false; }
    virtual Status rewind() {
        return Status(Code::not_supported, "this body cannot be read twice");
    }
};

enum class Condition : std::uint8_t { always = 1, if_absent = 2, if_version = 3 };

struct ListRequest {
    BytesView prefix;
    BytesView start_after; // used when `cursor` is empty
    BytesView cursor;
    std::uint32_t max_items = UINT32_MAX;
    bool want_hash = false;
    bool want_meta = true;
};

struct GetRequest {
    BytesView key;
    BytesView if_version; // empty: any
    std::uint64_t offset = 0;
    std::uint64_t length = UINT64_MAX;
};

struct PutRequest {
    BytesView key;
    Condition condition = Condition::if_absent;
    BytesView expected_version; // for if_version
    ItemView item;              // size, mtime, hash and metadata to store; its key is ignored
    // Names the intent: the same for every attempt at this write (core/intent.hpp). Empty: the
    // wrapper makes one for each call.
    BytesView idempotency;
};

struct RemoveRequest {
    BytesView key;
    Condition condition = Condition::if_version;
    BytesView expected_version;
    BytesView idempotency; // as PutRequest's
};

struct RenameRequest {
    BytesView from_key;
    BytesView from_version; // empty: any
    BytesView to_key;
    Condition condition = Condition::if_absent; // on the destination
    BytesView to_version;
    BytesView idempotency; // as PutRequest's
};

class Renamer {
public:
    virtual ~Renamer() = default;
    virtual Result<Item> rename(const CallContext& call, const RenameRequest& request) = 0;
};

class MetaWriter {
public:
    virtual ~MetaWriter() = default;
    virtual Result<Item> set_meta(const CallContext& call, const PutRequest& request) = 0;
};

// A file descriptor this process owns, closed with it.
class LocalBody {
public:
    LocalBody(int fd, Item item) : fd_(fd), item_(std::move(item)) {}
    LocalBody(LocalBody&& from) noexcept
        : fd_(std::exchange(from.fd_, -1)), item_(std::move(from.item_)) {}
    LocalBody& operator=(LocalBody&&) = delete;
    ~LocalBody();
    int fd() const { return fd_; }
    const Item& item() const { return item_; }

private:
    int fd_;
    Item item_;
};

class LocalBodies {
public:
    virtual ~LocalBodies() = default;
    virtual Result<LocalBody> open_body(const CallContext& call, const GetRequest& request) = 0;
    // As put; the body comes from `fd`, which stays the caller's. Code::conflict if it changed
    // meanwhile.
    virtual Result<Item> put_fd(const CallContext& call, const PutRequest& request, int fd) = 0;
};

class Connector {
public:
    virtual ~Connector() = default;
    virtual const std::string& plugin_id() const = 0;

    virtual Result<ConnectorInfo> info(const CallContext& call) = 0;
    virtual Status check(const CallContext& call) = 0;
    // One page. The cursor of the next page, empty after the last.
    virtual Result<Bytes> list(const CallContext& call, const ListRequest& request,
                               ItemSink& sink) = 0;
    virtual Result<Item> stat(const CallContext& call,
                              BytesView key) = 0; // Code::not_found: absent
    virtual Status get(const CallContext& call, const GetRequest& request, BodySink& sink) = 0;
    virtual Result<Item> put(const CallContext& call, const PutRequest& request,
                             BodyReader& body) = 0;
    virtual Status remove(const CallContext& call, const RemoveRequest& request) = 0;
    virtual Status flush(const CallContext& call) = 0;

    // Optional abilities; null when the plugin does not offer them. Live as long as the connector.
    virtual Renamer* renamer() = 0;
    virtual MetaWriter* meta_writer() = 0;
    virtual LocalBodies* local_bodies() = 0;
};

} // namespace syncline
