// Finds out by looking what became of a write whose answer is no proof. Some answers say nothing (a
// timeout, a line that broke, an outcome that the store itself does not know). Others deny what an
// earlier attempt of the same call did: it took effect, its answer got lost, and the next attempt
// met its result. Such a write is never repeated blindly; it is believed if the other side now has
// what it was to have.
#pragma once

#include "execute/transfer.hpp"
#include "syncline/endpoint/endpoint.hpp"

#include <optional>
#include <string_view>

namespace syncline {

// Of a failed put or set_meta on `to`. What failed before it reached that side is no matter of
// doubt.
bool is_doubtful_write(const Status& failure, const EndpointInfo& to);
bool is_doubtful_removal(const Status& failure);

// For calls that find out: the failure was counted against the side already, and that it still
// answers other questions does not speak for it.
CallContext looking(const CallContext& call);

// The failure, with what was found added where the failure itself said nothing.
Status not_done(const Status& failure, std::string_view found);

// The failure of what a look, which may have failed itself, did not find done. Where nobody may
// look for now, that is told rather than a failure, so that the next run looks.
Status not_done(const Status& failure, const Status& look);

// What there is to say of the write had it succeeded, if its content is there; else nothing. Reads
// both sides, unless the item itself tells.
Result<std::optional<Transferred>> find_written(const TransferRequest& request,
                                                const CallContext& context);

struct MetaRequest {
    Endpoint& to;
    Endpoint& from;
    BytesView key;
    const Item& before; // on `to`, as planned
    const Item& model;  // on `from`, as planned: what `to` should now have of it
    Bytes content_hash; // of both, if known
};

// The item, if its times and metadata are set and its content is still the same; else nothing.
Result<std::optional<Item>> find_meta_set(const MetaRequest& request, const CallContext& context);

} // namespace syncline
