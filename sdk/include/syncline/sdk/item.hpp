/// Items, and the host's streams they travel in.
///
/// Three shapes of the same thing: Item owns its bytes and is what stat() and put() return;
/// ItemView reads one the host passed; ItemPage collects many for a listing without allocating per
/// item.
///
/// A stream of the host that fails throws StreamError with the host's status: let it pass. Only
/// ItemSink and ChangeSink may also say Flow::kStop, which is no error: end the page and return.
#ifndef SYNCLINE_SDK_ITEM_HPP
#define SYNCLINE_SDK_ITEM_HPP

#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/call.hpp>
#include <syncline/sdk/error.hpp>
#include <syncline/sdk/handshake.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::sdk {

/// May hold values that this header does not name; they mean that something is there.
enum class Kind : std::uint32_t {
    kObject = SYNCLINE_KIND_OBJECT,
    kContainer = SYNCLINE_KIND_CONTAINER,
    kLink = SYNCLINE_KIND_LINK,
};

enum class Flow { kGoOn, kStop };

/// One item that owns its bytes.
struct Item {
    std::string key;
    Kind kind = Kind::kObject;
    std::string version; ///< empty = none
    std::optional<std::uint64_t> size;
    std::optional<std::int64_t> mtime_ns;
    std::uint32_t hash_algo = 0; ///< SYNCLINE_HASH_*, 0 = no hash
    std::string hash;            ///< raw digest
    std::optional<std::vector<std::pair<std::string, std::string>>> meta;
    std::uint64_t flags = 0; ///< SYNCLINE_ITEM_UNREADABLE ... SYNCLINE_ITEM_MOUNT_POINT
    std::string id;          ///< empty = none
};

/// An item of the host, borrowed for the call. Cheap to copy.
class ItemView {
public:
    /// `raw` must come from load(), so that all its fields may be read.
    explicit ItemView(const syncline_item& raw) noexcept : raw_(raw) {}

    std::string_view key() const noexcept { return view(raw_.key); }
    Kind kind() const noexcept { return static_cast<Kind>(raw_.kind); }
    std::optional<std::uint64_t> size() const noexcept {
        return has(SYNCLINE_ITEM_SIZE) ? std::optional<std::uint64_t>(raw_.size) : std::nullopt;
    }
    std::optional<std::int64_t> mtime_ns() const noexcept {
        return has(SYNCLINE_ITEM_MTIME) ? std::optional<std::int64_t>(raw_.mtime_ns) : std::nullopt;
    }
    std::string_view version() const noexcept {
        return has(SYNCLINE_ITEM_VERSION) ? view(raw_.version) : std::string_view();
    }
    /// Empty if there is no hash.
    std::string_view hash() const noexcept {
        return has(SYNCLINE_ITEM_HASH) ? view(raw_.hash) : std::string_view();
    }
    std::uint32_t hash_algo() const noexcept {
        return has(SYNCLINE_ITEM_HASH) ? raw_.hash_algo : 0;
    }
    std::string_view id() const noexcept {
        return has(SYNCLINE_ITEM_ID) ? view(raw_.id) : std::string_view();
    }
    bool has_meta() const noexcept { return has(SYNCLINE_ITEM_META); }
    std::size_t meta_count() const noexcept {
        return has_meta() ? static_cast<std::size_t>(raw_.meta.count) : 0;
    }
    std::pair<std::string_view, std::string_view> meta_at(std::size_t index) const noexcept {
        const syncline_kv& entry = raw_.meta.data[index];
        return {view(entry.name), view(entry.value)};
    }
    std::optional<std::string_view> meta(std::string_view name) const noexcept {
        for (std::size_t i = 0; i < meta_count(); ++i) {
            if (meta_at(i).first == name) {
                return meta_at(i).second;
            }
        }
        return std::nullopt;
    }
    std::uint64_t flags() const noexcept { return raw_.flags; }
    const syncline_item& raw() const noexcept { return raw_; }

    /// A copy that outlives the call.
    Item copy() const {
        Item item;
        item.key = key();
        item.kind = kind();
        item.version = version();
        item.size = size();
        item.mtime_ns = mtime_ns();
        item.hash_algo = hash_algo();
        item.hash = hash();
        if (has_meta()) {
            auto& pairs = item.meta.emplace();
            for (std::size_t i = 0; i < meta_count(); ++i) {
                pairs.emplace_back(meta_at(i).first, meta_at(i).second);
            }
        }
        item.flags = flags();
        item.id = id();
        return item;
    }

private:
    bool has(std::uint32_t field) const noexcept { return (raw_.fields & field) != 0; }

    syncline_item raw_;
};

/// The ABI form of an Item. Borrows from the item, which must stay where it is.
class RawItem {
public:
    explicit RawItem(const Item& item) {
        raw_.struct_size = sizeof(syncline_item);
        raw_.key = bytes(item.key);
        raw_.kind = static_cast<std::uint32_t>(item.kind);
        raw_.flags = item.flags;
        if (!item.version.empty()) {
            raw_.fields |= SYNCLINE_ITEM_VERSION;
            raw_.version = bytes(item.version);
        }
        if (item.size) {
            raw_.fields |= SYNCLINE_ITEM_SIZE;
            raw_.size = *item.size;
        }
        if (item.mtime_ns) {
            raw_.fields |= SYNCLINE_ITEM_MTIME;
            raw_.mtime_ns = *item.mtime_ns;
        }
        if (item.hash_algo != 0) {
            raw_.fields |= SYNCLINE_ITEM_HASH;
            raw_.hash_algo = item.hash_algo;
            raw_.hash = bytes(item.hash);
        }
        if (!item.id.empty()) {
            raw_.fields |= SYNCLINE_ITEM_ID;
            raw_.id = bytes(item.id);
        }
        if (item.meta) {
            raw_.fields |= SYNCLINE_ITEM_META;
            meta_.reserve(item.meta->size());
            for (const auto& [name, value] : *item.meta) {
                meta_.push_back(syncline_kv{str(name), bytes(value)});
            }
            raw_.meta = syncline_kvs{meta_.data(), meta_.size()};
        }
    }
    RawItem(const RawItem&) = delete;
    RawItem& operator=(const RawItem&) = delete;

    const syncline_item& get() const noexcept { return raw_; }

private:
    syncline_item raw_{};
    std::vector<syncline_kv> meta_;
};

/// Up to `capacity` items in ABI form, to be pushed with one call. Bytes are copied into blocks
/// that clear() keeps, so a listing allocates for its first page only.
class ItemPage {
public:
    /// The item added last; valid until the next add().
    class Entry {
    public:
        Entry& version(std::string_view token) {
            item_->fields |= SYNCLINE_ITEM_VERSION;
            item_->version = page_->keep(token);
            return *this;
        }
        Entry& size(std::uint64_t size_bytes) noexcept {
            item_->fields |= SYNCLINE_ITEM_SIZE;
            item_->size = size_bytes;
            return *this;
        }
        Entry& mtime_ns(std::int64_t since_epoch) noexcept {
            item_->fields |= SYNCLINE_ITEM_MTIME;
            item_->mtime_ns = since_epoch;
            return *this;
        }
        Entry& hash(std::uint32_t algo, std::string_view digest) {
            item_->fields |= SYNCLINE_ITEM_HASH;
            item_->hash_algo = algo;
            item_->hash = page_->keep(digest);
            return *this;
        }
        Entry& meta(std::string_view name, std::string_view value) {
            has_meta();
            const syncline_bytes kept = page_->keep(name);
            page_->meta_.push_back(syncline_kv{
                {reinterpret_cast<const char*>(kept.data), kept.size}, page_->keep(value)});
            ++item_->meta.count;
            return *this;
        }
        /// Says that all metadata is known, even if there is none.
        Entry& has_meta() noexcept {
            item_->fields |= SYNCLINE_ITEM_META;
            return *this;
        }
        Entry& flags(std::uint64_t bits) noexcept {
            item_->flags |= bits;
            return *this;
        }
        Entry& id(std::string_view identity) {
            item_->fields |= SYNCLINE_ITEM_ID;
            item_->id = page_->keep(identity);
            return *this;
        }

    private:
        friend class ItemPage;
        Entry(ItemPage* page, syncline_item* item) noexcept : page_(page), item_(item) {}
        ItemPage* page_;
        syncline_item* item_;
    };

    explicit ItemPage(std::size_t capacity = 256, std::size_t block_bytes = std::size_t{32} * 1024)
        : capacity_(std::max<std::size_t>(capacity, 1)), block_bytes_(block_bytes) {
        items_.reserve(capacity_);
        meta_begin_.reserve(capacity_);
    }
    ItemPage(const ItemPage&) = delete;
    ItemPage& operator=(const ItemPage&) = delete;

    bool full() const noexcept { return items_.size() == capacity_; }
    bool empty() const noexcept { return items_.empty(); }
    std::size_t size() const noexcept { return items_.size(); }

    /// Requires !full(). The key is copied.
    Entry add(std::string_view key, Kind kind = Kind::kObject) {
        require_room();
        syncline_item item{};
        item.struct_size = sizeof(syncline_item);
        item.key = keep(key);
        item.kind = static_cast<std::uint32_t>(kind);
        items_.push_back(item);
        meta_begin_.push_back(meta_.size());
        return Entry(this, &items_.back());
    }

    void add(const Item& item) {
        Entry entry = add(item.key, item.kind);
        entry.flags(item.flags);
        if (!item.version.empty()) {
            entry.version(item.version);
        }
        if (item.size) {
            entry.size(*item.size);
        }
        if (item.mtime_ns) {
            entry.mtime_ns(*item.mtime_ns);
        }
        if (item.hash_algo != 0) {
            entry.hash(item.hash_algo, item.hash);
        }
        if (!item.id.empty()) {
            entry.id(item.id);
        }
        if (item.meta) {
            entry.has_meta();
            for (const auto& [name, value] : *item.meta) {
                entry.meta(name, value);
            }
        }
    }

    /// Adds a struct as it is. What it points to must live until the page is pushed.
    /// Requires !full() and a full-size struct.
    void add_borrowed(const syncline_item& item) {
        require_room();
        items_.push_back(item);
        meta_begin_.push_back(kBorrowed);
    }

    /// The items as one array, valid until the next add() or clear().
    const syncline_item* data() noexcept {
        for (std::size_t i = 0; i < items_.size(); ++i) {
            if (meta_begin_[i] != kBorrowed && items_[i].meta.count != 0) {
                items_[i].meta.data = meta_.data() + meta_begin_[i];
            }
        }
        return items_.data();
    }

    /// Key of the item added last; empty if there is none.
    std::string_view last_key() const noexcept {
        return items_.empty() ? std::string_view() : view(items_.back().key);
    }

    void clear() noexcept {
        items_.clear();
        meta_begin_.clear();
        meta_.clear();
        block_ = 0;
        used_ = 0;
    }

private:
    void require_room() const {
        if (full()) {
            throw Error(SYNCLINE_E_INTERNAL, "an item was added to a full page");
        }
    }

    syncline_bytes keep(std::string_view text) {
        if (text.empty()) {
            return {nullptr, 0};
        }
        while (block_ < blocks_.size() && blocks_[block_].size - used_ < text.size()) {
            ++block_;
            used_ = 0;
        }
        if (block_ == blocks_.size()) {
            const std::size_t size = std::max(block_bytes_, text.size());
            blocks_.push_back(Block{std::make_unique<char[]>(size), size});
        }
        char* const at = blocks_[block_].data.get() + used_;
        std::memcpy(at, text.data(), text.size());
        used_ += text.size();
        return bytes(std::string_view(at, text.size()));
    }

    static constexpr std::size_t kBorrowed = static_cast<std::size_t>(-1);

    struct Block {
        std::unique_ptr<char[]> data;
        std::size_t size;
    };

    std::size_t capacity_;
    std::size_t block_bytes_;
    std::size_t block_ = 0;
    std::size_t used_ = 0;
    std::vector<Block> blocks_;
    std::vector<syncline_item> items_;
    std::vector<std::size_t> meta_begin_;
    std::vector<syncline_kv> meta_;
};

/// Where items go. Push from one thread at a time.
class ItemSink {
public:
    explicit ItemSink(const syncline_item_sink* raw) : raw_(raw) { load(raw); }

    /// Pushes an array as it is; all items are taken, also with kStop. Nothing may be pushed after
    /// it.
    [[nodiscard]] Flow push(const syncline_item* first, std::size_t count,
                            std::size_t stride = sizeof(syncline_item)) {
        if (stopped_) {
            throw Error(SYNCLINE_E_INTERNAL, "items were pushed after the host ended the page");
        }
        if (count == 0) {
            return Flow::kGoOn;
        }
        const syncline_status status = raw_->items(raw_, first, count, stride);
        if (status < 0) {
            throw StreamError(status);
        }
        stopped_ = status != SYNCLINE_OK;
        return stopped_ ? Flow::kStop : Flow::kGoOn;
    }
    [[nodiscard]] Flow push(const Item& item) {
        const RawItem raw(item);
        return push(&raw.get(), 1);
    }
    /// Pushes all of a page and clears it.
    [[nodiscard]] Flow push(ItemPage& page) {
        const Flow flow = push(page.data(), page.size());
        page.clear();
        return flow;
    }
    /// Where the next page begins. At most once, after the last push.
    void next(std::string_view cursor) {
        const syncline_status status = raw_->next(raw_, bytes(cursor));
        if (status < 0) {
            throw StreamError(status);
        }
    }
    const syncline_item_sink* raw() const noexcept { return raw_; }

private:
    const syncline_item_sink* raw_;
    bool stopped_ = false;
};

/// The body of a get.
class GetSink {
public:
    explicit GetSink(const syncline_get_sink* raw) : raw_(raw) { load(raw); }

    /// Once, before the first byte.
    void begin(const syncline_item& item) { pass(raw_->begin(raw_, &item)); }
    void begin(const Item& item) {
        const RawItem raw(item);
        begin(raw.get());
    }
    /// Blocks while the host is busy.
    void write(const void* data, std::size_t size) { pass(raw_->write(raw_, data, size)); }
    void write(std::string_view data) { write(data.data(), data.size()); }
    const syncline_get_sink* raw() const noexcept { return raw_; }

private:
    static void pass(syncline_status status) {
        if (status < 0) {
            throw StreamError(status);
        }
    }
    const syncline_get_sink* raw_;
};

/// The body of a put. An absent one (a container has none) reads as empty.
class Reader {
public:
    explicit Reader(const syncline_reader* raw) : raw_(raw) {
        if (raw != nullptr) {
            reader_ = load(raw);
        }
    }

    /// Not set = unknown until the end.
    std::optional<std::uint64_t> size() const noexcept {
        if (reader_.size == SYNCLINE_SIZE_UNKNOWN) {
            return std::nullopt;
        }
        return reader_.size;
    }
    bool rewindable() const noexcept { return (reader_.flags & SYNCLINE_READER_REWINDABLE) != 0; }
    bool seekable() const noexcept { return (reader_.flags & SYNCLINE_READER_SEEKABLE) != 0; }

    /// Bytes read, 0 at the end; fewer than asked is normal.
    std::size_t read(void* buffer, std::size_t capacity) {
        return raw_ == nullptr ? 0 : count(reader_.read(raw_, buffer, capacity), capacity);
    }
    /// As read, without moving. Requires seekable(); safe from several threads of the call.
    std::size_t read_at(std::uint64_t offset, void* buffer, std::size_t capacity) const {
        return raw_ == nullptr ? 0
                               : count(reader_.read_at(raw_, offset, buffer, capacity), capacity);
    }
    /// Back to the first byte. Requires rewindable().
    void rewind() {
        const syncline_status status = raw_ == nullptr ? SYNCLINE_OK : reader_.rewind(raw_);
        if (status < 0) {
            throw StreamError(status);
        }
    }
    /// The rest of the body in memory. Throws TOO_LARGE beyond `limit`, INTEGRITY if the body is
    /// not as long as announced.
    std::string read_all(std::size_t limit) {
        std::string out;
        for (;;) {
            const std::size_t had = out.size();
            if (had > limit) {
                throw Error(SYNCLINE_E_TOO_LARGE,
                            "the body is larger than " + std::to_string(limit) + " bytes");
            }
            out.resize(had + kChunk);
            const std::size_t got = read(out.data() + had, kChunk);
            out.resize(had + got);
            if (got == 0) {
                break;
            }
        }
        if (size() && *size() != out.size()) {
            throw Error(SYNCLINE_E_INTEGRITY, "the body is not as long as announced");
        }
        return out;
    }
    const syncline_reader* raw() const noexcept { return raw_; }

private:
    static constexpr std::size_t kChunk = std::size_t{64} * 1024;

    static std::size_t count(std::int64_t result, std::size_t capacity) {
        if (result < 0) {
            throw StreamError(
                static_cast<syncline_status>(std::max<std::int64_t>(result, INT32_MIN)));
        }
        if (static_cast<std::uint64_t>(result) > capacity) {
            throw Error(SYNCLINE_E_INTERNAL, "the host read more than it was asked for");
        }
        return static_cast<std::size_t>(result);
    }

    const syncline_reader* raw_;
    syncline_reader reader_{};
};

/// One side of a conflict, readable at any offset; false if it is not available.
class Content {
public:
    Content(const syncline_content* raw, const syncline_call* call) : raw_(raw), call_(call) {
        if (raw != nullptr) {
            content_ = load(raw);
        }
    }

    explicit operator bool() const noexcept { return raw_ != nullptr; }
    bool is_local() const noexcept { return (content_.flags & SYNCLINE_CONTENT_LOCAL) != 0; }
    std::optional<std::uint64_t> size() const noexcept {
        if (raw_ == nullptr || content_.size == SYNCLINE_SIZE_UNKNOWN) {
            return std::nullopt;
        }
        return content_.size;
    }
    /// Bytes read, 0 at the end; fewer than asked is normal. Requires that it is available.
    std::size_t read_at(std::uint64_t offset, void* buffer, std::size_t capacity) const {
        const std::int64_t result = content_.read_at(raw_, call_, offset, buffer, capacity);
        if (result < 0) {
            throw StreamError(
                static_cast<syncline_status>(std::max<std::int64_t>(result, INT32_MIN)));
        }
        return static_cast<std::size_t>(result);
    }
    /// All of it in memory. Throws TOO_LARGE beyond `limit`.
    std::string read_all(std::size_t limit) const {
        static constexpr std::size_t kChunk = std::size_t{64} * 1024;
        std::string out;
        for (;;) {
            const std::size_t had = out.size();
            if (had > limit) {
                throw Error(SYNCLINE_E_TOO_LARGE,
                            "the content is larger than " + std::to_string(limit) + " bytes");
            }
            out.resize(had + kChunk);
            const std::size_t got = read_at(had, out.data() + had, kChunk);
            out.resize(had + got);
            if (got == 0) {
                return out;
            }
        }
    }
    const syncline_content* raw() const noexcept { return raw_; }

private:
    const syncline_content* raw_;
    const syncline_call* call_;
    syncline_content content_{};
};

} // namespace syncline::sdk

#endif
