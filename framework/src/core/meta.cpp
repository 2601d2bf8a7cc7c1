#include "syncline/core/meta.hpp"

#include <algorithm>
#include <optional>

namespace syncline {
namespace {

// Lengths as base-128 numbers, low bits first: one byte for nearly all names and values.
void put_length(std::size_t length, Bytes& out) {
    while (length >= 0x80) {
        out.push_back(static_cast<char>((length & 0x7f) | 0x80));
        length >>= 7;
    }
    out.push_back(static_cast<char>(length));
}

std::optional<BytesView> take(BytesView& rest) {
    std::size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
        if (rest.empty() || shift > 28) {
            return std::nullopt;
        }
        const auto byte = static_cast<unsigned char>(rest.front());
        rest.remove_prefix(1);
        length |= std::size_t{byte & 0x7fU} << shift;
        if (byte < 0x80) {
            break;
        }
    }
    if (length > rest.size()) {
        return std::nullopt;
    }
    const BytesView taken = rest.substr(0, length);
    rest.remove_prefix(length);
    return taken;
}

} // namespace

void encode_meta(std::span<const MetaEntry> entries, Bytes& out) {
    std::vector<MetaEntry> sorted(entries.begin(), entries.end());
    std::stable_sort(sorted.begin(), sorted.end(),
                     [](const MetaEntry& a, const MetaEntry& b) { return a.name < b.name; });
    for (std::size_t i = 0; i < sorted.size(); ++i) {
        if (i + 1 < sorted.size() && sorted[i].name == sorted[i + 1].name) {
            continue;
        }
        for (const BytesView part : {sorted[i].name, sorted[i].value}) {
            put_length(part.size(), out);
            out.append(part);
        }
    }
}

std::vector<MetaEntry> decode_meta(BytesView meta) {
    std::vector<MetaEntry> entries;
    while (!meta.empty()) {
        const auto name = take(meta);
        if (!name) {
            break;
        }
        const auto value = take(meta);
        if (!value) {
            break;
        }
        entries.push_back({*name, *value});
    }
    return entries;
}

bool same_meta(BytesView a, BytesView b) {
    if (a == b) {
        return true;
    }
    const auto compared = [](BytesView meta) {
        std::vector<MetaEntry> entries = decode_meta(meta);
        std::erase_if(entries, [](const MetaEntry& entry) { return entry.name == kMetaAccess; });
        return entries;
    };
    return std::ranges::equal(compared(a), compared(b), [](const MetaEntry& x, const MetaEntry& y) {
        return x.name == y.name && x.value == y.value;
    });
}

} // namespace syncline
