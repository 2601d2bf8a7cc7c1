#include "plugin/abi_item.hpp"

#include <algorithm>
#include <string>

namespace syncline::plugin {

namespace {

// What version 1.0 of the ABI has; a shorter struct is from no released version.
constexpr std::uint64_t kItemSize = 120;
static_assert(sizeof(syncline_item) == kItemSize);

static_assert(static_cast<std::uint32_t>(HashAlgo::sha256) == SYNCLINE_HASH_SHA256);
static_assert(static_cast<std::uint32_t>(HashAlgo::xxh3_128) == SYNCLINE_HASH_XXH3_128);
static_assert(static_cast<std::uint32_t>(ItemKind::object) == SYNCLINE_KIND_OBJECT);
static_assert(static_cast<std::uint32_t>(ItemKind::link) == SYNCLINE_KIND_LINK);
static_assert(kMetaExecutable == SYNCLINE_META_EXECUTABLE);
static_assert(kMetaAccess == SYNCLINE_META_ACCESS);

// The flags of losses have the same order on both sides.
constexpr unsigned kLossShift = 4;
constexpr std::uint64_t kLossMask = 0x3f;
static_assert(static_cast<std::uint64_t>(Loss::hard_links) << kLossShift ==
              SYNCLINE_ITEM_HARD_LINKED);
static_assert(static_cast<std::uint64_t>(Loss::owner) << kLossShift == SYNCLINE_ITEM_FOREIGN_OWNER);
static_assert(static_cast<std::uint64_t>(Loss::attributes) << kLossShift ==
              SYNCLINE_ITEM_ATTRIBUTES);
static_assert(static_cast<std::uint64_t>(Loss::acl) << kLossShift == SYNCLINE_ITEM_ACL);
static_assert(static_cast<std::uint64_t>(Loss::holes) << kLossShift == SYNCLINE_ITEM_HOLES);
static_assert(std::uint64_t{kMountPoint} << kLossShift == SYNCLINE_ITEM_MOUNT_POINT);

// By HashAlgo.
constexpr std::array<std::uint64_t, 7> kDigestSizes = {0, 32, 16, 4, 32, 20, 16};

const Bytes& executable_meta() {
    static const Bytes encoded = [] {
        Bytes meta;
        const MetaEntry entry{kMetaExecutable, "1"};
        encode_meta({&entry, 1}, meta);
        return meta;
    }();
    return encoded;
}

bool is_executable_mark(const syncline_kv& entry) {
    return valid(entry.name) && valid(entry.value) && entry.value.size == 1 &&
           *entry.value.data == '1' && view_of(entry.name) == kMetaExecutable;
}

} // namespace

const char* ItemReader::read_meta(const syncline_kvs& meta, ItemView& to) {
    if (meta.count == 0) {
        return nullptr;
    }
    if (meta.data == nullptr) {
        return "an item whose metadata is NULL but counted";
    }
    if (meta.count == 1 && is_executable_mark(meta.data[0])) {
        to.meta = executable_meta();
        return nullptr;
    }
    if (meta.count > kMaxMetaEntries) {
        return "an item with more than 1024 entries of metadata";
    }
    entries_.clear();
    std::uint64_t bytes = 0;
    for (std::uint64_t index = 0; index < meta.count; ++index) {
        const syncline_kv& entry = meta.data[index];
        if (!valid(entry.name) || !valid(entry.value)) {
            return "an item whose metadata has a NULL with a size";
        }
        if (entry.name.size == 0) {
            return "an item whose metadata has an entry without a name";
        }
        if (entry.name.size > kMaxMetaBytes || entry.value.size > kMaxMetaBytes ||
            (bytes += entry.name.size + entry.value.size) > kMaxMetaBytes) {
            return "an item with more than 1 MiB of metadata";
        }
        entries_.push_back({view_of(entry.name), view_of(entry.value)});
    }
    std::ranges::sort(entries_, {}, &MetaEntry::name);
    if (std::ranges::adjacent_find(entries_, {}, &MetaEntry::name) != entries_.end()) {
        return "an item whose metadata has one name twice";
    }
    const std::size_t offset = arena_.size();
    encode_meta(entries_, arena_);
    places_.push_back({items_.size(), offset, arena_.size() - offset});
    return nullptr;
}

const char* ItemReader::read_item(const syncline_item& from, ItemView& to) {
    if (!valid(from.key) || from.key.size == 0) {
        return "an item without a key";
    }
    if (from.key.size > kMaxKey) {
        return "an item whose key is longer than 64 KiB";
    }
    to.key = view_of(from.key);
    switch (from.kind) {
    case 0:
        return "an item without a kind";
    case SYNCLINE_KIND_OBJECT:
    case SYNCLINE_KIND_LINK:
        if (is_container_key(to.key)) {
            return "an object or link whose key ends in '/'";
        }
        to.kind = static_cast<ItemKind>(from.kind);
        break;
    case SYNCLINE_KIND_CONTAINER:
        if (!is_container_key(to.key)) {
            return "a container whose key does not end in '/'";
        }
        to.kind = ItemKind::container;
        break;
    default:
        to.kind = ItemKind::unsupported;
    }
    if ((from.fields & SYNCLINE_ITEM_SIZE) != 0) {
        to.size = from.size;
    }
    if ((from.fields & SYNCLINE_ITEM_MTIME) != 0) {
        to.mtime_ns = from.mtime_ns;
    }
    // A container has no version; one that comes anyhow says nothing.
    if ((from.fields & SYNCLINE_ITEM_VERSION) != 0 && to.kind != ItemKind::container) {
        if (!valid(from.version)) {
            return "an item whose version is NULL with a size";
        }
        if (from.version.size > kMaxVersion) {
            return "an item whose version is longer than 1 KiB";
        }
        to.version = view_of(from.version);
    }
    if ((from.fields & SYNCLINE_ITEM_HASH) != 0 && from.hash_algo != 0 &&
        from.hash_algo < kDigestSizes.size() && from.hash.size != 0) {
        if (!valid(from.hash) || from.hash.size != kDigestSizes[from.hash_algo]) {
            return "an item whose hash does not have the size of its algorithm";
        }
        to.hash = view_of(from.hash);
        to.hash_algo = static_cast<HashAlgo>(from.hash_algo);
    }
    if ((from.fields & SYNCLINE_ITEM_ID) != 0) {
        if (!valid(from.id) || from.id.size > kMaxIdentity) {
            return "an item whose id is NULL with a size, or longer than 1 KiB";
        }
        to.id = view_of(from.id);
    }
    to.unreadable = (from.flags & SYNCLINE_ITEM_UNREADABLE) != 0;
    to.unsettled = (from.flags & SYNCLINE_ITEM_UNSETTLED) != 0;
    to.losses = static_cast<std::uint8_t>((from.flags >> kLossShift) & kLossMask);
    return (from.fields & SYNCLINE_ITEM_META) != 0 ? read_meta(from.meta, to) : nullptr;
}

Status ItemReader::read(const syncline_item* first, std::uint64_t count, std::uint64_t stride,
                        const Origin& origin) {
    items_.clear();
    places_.clear();
    arena_.clear();
    const auto refuse = [&](const std::string& what) {
        items_.clear();
        return protocol_error(origin, "gave " + what);
    };
    if (count == 0) {
        return {};
    }
    if (first == nullptr) {
        return refuse("NULL instead of items");
    }
    if (count > kMaxItemsAtOnce) {
        return refuse(std::to_string(count) + " items at once");
    }
    if (reinterpret_cast<std::uintptr_t>(first) % alignof(syncline_item) != 0 ||
        stride % alignof(syncline_item) != 0) {
        return refuse("items that are not aligned");
    }
    const auto* at = reinterpret_cast<const char*>(first);
    for (std::uint64_t index = 0; index < count; ++index, at += stride) {
        const auto& from = *reinterpret_cast<const syncline_item*>(at);
        if (from.struct_size < kItemSize || (count > 1 && from.struct_size > stride)) {
            return refuse("an item of " + std::to_string(from.struct_size) + " bytes, " +
                          std::to_string(stride) + " apart");
        }
        ItemView item;
        if (const char* wrong = read_item(from, item)) {
            return refuse(wrong);
        }
        items_.push_back(item);
    }
    for (const Place& place : places_) {
        items_[place.item].meta = BytesView(arena_).substr(place.offset, place.size);
    }
    return {};
}

AbiItem::AbiItem(const ItemView& item, BytesView key, Purpose purpose) : abi_{} {
    abi_.struct_size = sizeof(syncline_item);
    abi_.key = bytes_of(key);
    abi_.kind = static_cast<std::uint32_t>(item.kind);
    if (item.size != kUnknownSize && item.kind != ItemKind::container) {
        abi_.fields |= SYNCLINE_ITEM_SIZE;
        abi_.size = item.size;
    }
    if (item.mtime_ns != kUnknownTime) {
        abi_.fields |= SYNCLINE_ITEM_MTIME;
        abi_.mtime_ns = item.mtime_ns;
    }
    if (!item.hash.empty() && item.hash_algo != HashAlgo::none) {
        abi_.fields |= SYNCLINE_ITEM_HASH;
        abi_.hash = bytes_of(item.hash);
        abi_.hash_algo = static_cast<std::uint32_t>(item.hash_algo);
    }
    if (purpose == Purpose::show) {
        if (!item.version.empty()) {
            abi_.fields |= SYNCLINE_ITEM_VERSION;
            abi_.version = bytes_of(item.version);
        }
        if (!item.id.empty()) {
            abi_.fields |= SYNCLINE_ITEM_ID;
            abi_.id = bytes_of(item.id);
        }
        abi_.flags = (item.unreadable ? SYNCLINE_ITEM_UNREADABLE : 0) |
                     (item.unsettled ? SYNCLINE_ITEM_UNSETTLED : 0) |
                     (std::uint64_t{item.losses} << kLossShift);
    }
    if (purpose == Purpose::store || !item.meta.empty()) {
        abi_.fields |= SYNCLINE_ITEM_META;
    }
    if (item.meta.empty()) {
        return;
    }
    if (item.meta == executable_meta()) {
        static const syncline_kv executable = {str_of(kMetaExecutable), bytes_of("1")};
        abi_.meta = {&executable, 1};
        return;
    }
    for (const MetaEntry& entry : decode_meta(item.meta)) {
        meta_.push_back({str_of(entry.name), bytes_of(entry.value)});
    }
    abi_.meta = {meta_.data(), meta_.size()};
}

} // namespace syncline::plugin
