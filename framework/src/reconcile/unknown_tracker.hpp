// Knows, for one side and ascending keys, what lies below something that could not be read. Such a
// key is unknown there: neither present nor absent. An unsupported or unreadable `a` hides `a/...`
// as well, since a directory may have become it.
#pragma once

#include "syncline/core/item.hpp"

#include <vector>

namespace syncline {

class UnknownTracker {
public:
    // With ascending keys; `item` is what the side lists for the key, null if nothing.
    bool is_unknown(BytesView key, const ItemView* item) {
        while (!prefixes_.empty() && !key.starts_with(prefixes_.back()) &&
               key > BytesView(prefixes_.back())) {
            prefixes_.pop_back();
        }
        if (item != nullptr && (item->unreadable || item->kind == ItemKind::unsupported)) {
            prefixes_.emplace_back(key);
            if (!is_container_key(key)) {
                prefixes_.back() += '/';
            }
            return true;
        }
        for (const Bytes& prefix : prefixes_) {
            if (key.starts_with(prefix)) {
                return true;
            }
        }
        return false;
    }

private:
    std::vector<Bytes> prefixes_; // nested by prefix, so at most as deep as a key
};

} // namespace syncline
