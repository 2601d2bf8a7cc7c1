// One synchronised thing, as a side reports it. ItemView borrows its bytes (a page of a listing, a
// row of a store) and is valid as long as its owner says; Item owns them.
#pragma once

#include "syncline/core/bytes.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace syncline {

enum class ItemKind : std::uint8_t {
    unsupported =
        0, // something is there that cannot be synchronised (a socket, say): unknown, never absent
    object = 1,
    container = 2, // its key ends in '/'; no body, no version
    link = 3,      // its body is the link's target
};

enum class HashAlgo : std::uint16_t {
    none = 0,
    sha256 = 1,
    md5 = 2,
    crc32c = 3,
    blake3 = 4,
    sha1 = 5,
    xxh3_128 = 6
};

// What an item has that a copy of it would not; flags.
enum class Loss : std::uint8_t {
    hard_links = 1, // further names of the same body
    owner = 2,
    attributes = 4,
    acl = 8,
    holes = 16,
};
inline constexpr std::uint8_t kMountPoint = 32; // beside them, with `unreadable`: another file
                                                // system, which takes no part

inline constexpr std::uint64_t kUnknownSize = UINT64_MAX;
inline constexpr std::int64_t kUnknownTime = INT64_MIN;

template <typename B>
struct BasicItem {
    B key;
    B version; // opaque, compared for equality only; empty: none known
    B hash;    // raw digest; empty: not known
    B meta;    // user metadata in the form of core/meta.hpp; equal metadata have equal bytes
    B id;      // stable across renames; empty: none
    std::uint64_t size = kUnknownSize;
    std::int64_t mtime_ns = kUnknownTime;
    HashAlgo hash_algo = HashAlgo::none;
    ItemKind kind = ItemKind::object;
    bool unreadable = false; // it, or everything below it, could not be read: unknown, never absent
    bool unsettled = false;  // a later change might leave the version as it is: keep no token
    std::uint8_t losses = 0; // of Loss, as far as known, and kMountPoint
};

using ItemView = BasicItem<BytesView>;
using Item = BasicItem<Bytes>;

template <typename To, typename From>
BasicItem<To> convert_item(const BasicItem<From>& from) {
    BasicItem<To> to;
    to.key = To(from.key);
    to.version = To(from.version);
    to.hash = To(from.hash);
    to.meta = To(from.meta);
    to.id = To(from.id);
    to.size = from.size;
    to.mtime_ns = from.mtime_ns;
    to.hash_algo = from.hash_algo;
    to.kind = from.kind;
    to.unreadable = from.unreadable;
    to.unsettled = from.unsettled;
    to.losses = from.losses;
    return to;
}

inline Item to_item(const ItemView& view) { return convert_item<Bytes>(view); }
inline ItemView to_view(const Item& item) { return convert_item<BytesView>(item); }

// Source and target of a sync; two-way syncs keep the names.
enum class Side : std::uint8_t { source = 0, target = 1 };
inline Side other(Side side) { return side == Side::source ? Side::target : Side::source; }
inline std::string_view name_of(Side side) { return side == Side::source ? "source" : "target"; }

} // namespace syncline
