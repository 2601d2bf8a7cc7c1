// Metadata of an item as one byte string: entries sorted by name, each as length and bytes of name
// and value. Equal metadata are equal bytes, so listings and stores compare and keep them without
// taking them apart.
#pragma once

#include "syncline/core/bytes.hpp"

#include <span>
#include <string_view>
#include <vector>

namespace syncline {

struct MetaEntry {
    BytesView name;
    BytesView value;
};

inline constexpr std::string_view kMetaExecutable = "posix.executable";
// What others than the owner may do; a limit for copies, and nothing that two sides differ by.
inline constexpr std::string_view kMetaAccess = "posix.access";

// Appends the encoded form of `entries` (sorted on the way; no entries: nothing) to `out`.
void encode_meta(std::span<const MetaEntry> entries, Bytes& out);

// The entries, borrowing from `meta`; what is malformed ends the list.
std::vector<MetaEntry> decode_meta(BytesView meta);

// Whether two items agree in all that is kept equal, which is everything but kMetaAccess.
bool same_meta(BytesView a, BytesView b);

} // namespace syncline
