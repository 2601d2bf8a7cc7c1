// Items on their way through the plugin boundary. Inwards everything is checked, since a plugin's
// sizes and pointers are only claims; outwards the engine's items get the form of the ABI.
#pragma once

#include "plugin/status_of.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/meta.hpp"
#include "syncline/core/status.hpp"

#include <syncline/abi/item.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace syncline::plugin {

inline constexpr std::uint64_t kMaxKey = std::uint64_t{64} * 1024;
inline constexpr std::uint64_t kMaxVersion = 1024;
inline constexpr std::uint64_t kMaxIdentity = 1024;
inline constexpr std::uint64_t kMaxCursor = std::uint64_t{16} * 1024;
inline constexpr std::uint64_t kMaxItemsAtOnce = 1u << 20;
inline constexpr std::uint64_t kMaxMetaEntries = 1024;
inline constexpr std::uint64_t kMaxMetaBytes = 1u << 20;

inline bool valid(syncline_bytes bytes) { return bytes.data != nullptr || bytes.size == 0; }
inline bool valid(syncline_str text) { return text.data != nullptr || text.size == 0; }

// Requires valid(bytes).
inline BytesView view_of(syncline_bytes bytes) {
    return {reinterpret_cast<const char*>(bytes.data), static_cast<std::size_t>(bytes.size)};
}
inline BytesView view_of(syncline_str text) {
    return {text.data, static_cast<std::size_t>(text.size)};
}
inline syncline_bytes bytes_of(BytesView view) {
    return {reinterpret_cast<const std::uint8_t*>(view.data()), view.size()};
}
inline syncline_str str_of(std::string_view view) { return {view.data(), view.size()}; }

// Reads arrays of items. Keeps its memory from one array to the next, so that a listing does not
// allocate for each item.
class ItemReader {
public:
    // Code::internal if any item breaks a rule; then items() is empty.
    Status read(const syncline_item* first, std::uint64_t count, std::uint64_t stride,
                const Origin& origin);

    // Borrows from the plugin's items and from this object: valid until either ends or the next
    // read().
    std::span<const ItemView> items() const { return items_; }

private:
    struct Place {
        std::size_t item;
        std::size_t offset;
        std::size_t size;
    };

    const char* read_item(const syncline_item& from, ItemView& to);
    const char* read_meta(const syncline_kvs& meta, ItemView& to);

    std::vector<ItemView> items_;
    Bytes arena_;               // encoded metadata of the array
    std::vector<Place> places_; // where in it; views are made once it has stopped growing
    std::vector<MetaEntry> entries_;
};

// One of the engine's items in the form of the ABI, borrowing its bytes.
class AbiItem {
public:
    enum class Purpose {
        show,  // everything that is known
        store, // what a write is to store: no version and no identity, and metadata even if there
               // are none
    };

    AbiItem(const ItemView& item, BytesView key, Purpose purpose);
    AbiItem(const AbiItem&) = delete;
    AbiItem& operator=(const AbiItem&) = delete;

    const syncline_item* abi() const { return &abi_; }

private:
    syncline_item abi_;
    std::vector<syncline_kv> meta_;
};

} // namespace syncline::plugin
