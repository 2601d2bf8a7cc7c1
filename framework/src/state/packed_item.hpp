// An item in one blob; its key is kept apart.
#pragma once

#include "state/packing.hpp"
#include "syncline/core/item.hpp"

namespace syncline::state {

inline void put_item(const Item& item, Bytes& out) {
    put_number(static_cast<std::uint64_t>(item.kind) | (item.unreadable ? 16U : 0U) |
                   (item.unsettled ? 32U : 0U) | (std::uint64_t{item.losses} << 6U),
               out);
    put_number(static_cast<std::uint64_t>(item.hash_algo), out);
    put_number(item.size + 1, out); // kUnknownSize becomes 0
    put_number(static_cast<std::uint64_t>(item.mtime_ns) ^ (1ULL << 63),
               out); // kUnknownTime becomes 0
    put_bytes(item.version, out);
    put_bytes(item.hash, out);
    put_bytes(item.meta, out);
    put_bytes(item.id, out);
}

inline Item read_item(Reader& in) {
    Item item;
    const std::uint64_t traits = in.number();
    item.kind = static_cast<ItemKind>(traits & 15);
    item.unreadable = (traits & 16) != 0;
    item.unsettled = (traits & 32) != 0;
    item.losses = static_cast<std::uint8_t>(traits >> 6U);
    item.hash_algo = static_cast<HashAlgo>(in.number());
    item.size = in.number() - 1;
    item.mtime_ns = static_cast<std::int64_t>(in.number() ^ (1ULL << 63));
    item.version = Bytes(in.bytes());
    item.hash = Bytes(in.bytes());
    item.meta = Bytes(in.bytes());
    item.id = Bytes(in.bytes());
    return item;
}

} // namespace syncline::state
