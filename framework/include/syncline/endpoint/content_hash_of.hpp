// Reads an item to learn its digest, and which version those bytes belong to.
#pragma once

#include "syncline/endpoint/endpoint.hpp"

namespace syncline {

struct HashedItem {
    Bytes hash; // XXH3-128
    Item item;  // as the side reported it for these very bytes
};

// An item that changes while it is read is tried again a few times, then Code::conflict.
Result<HashedItem> hash_item(ItemReader& side, const CallContext& call, BytesView key);

} // namespace syncline
