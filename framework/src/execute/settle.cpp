#include "execute/settle.hpp"

#include "syncline/core/meta.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <algorithm>
#include <utility>

namespace syncline {

namespace {

bool says_nothing(Code code) {
    switch (code) {
    case Code::unknown:
    case Code::unavailable:
    case Code::timeout:
    case Code::io:
    case Code::internal:
    case Code::outcome_unknown:
        return true;
    default:
        return false;
    }
}

bool is_same_version(BytesView a, BytesView b) { return !a.empty() && a == b; }

bool has_times_and_meta(const MetaRequest& request, const Item& item) {
    const ConnectorInfo& info = request.to.info();
    if (info.sets_meta && !same_meta(item.meta, request.model.meta)) {
        return false;
    }
    const std::int64_t wanted_ns = request.model.mtime_ns;
    const std::int64_t own_ns = info.mtime_granularity_ns;
    const std::int64_t its_ns = request.from.info().mtime_granularity_ns;
    if (!info.sets_mtime || own_ns == 0 || its_ns == 0 || wanted_ns == kUnknownTime ||
        item.mtime_ns == kUnknownTime) {
        return true; // nobody can tell
    }
    const std::int64_t gap_ns =
        item.mtime_ns > wanted_ns ? item.mtime_ns - wanted_ns : wanted_ns - item.mtime_ns;
    return gap_ns < std::max(own_ns, its_ns);
}

} // namespace

bool is_doubtful_write(const Status& failure, const EndpointInfo& to) {
    const Code code = failure.code();
    return failure.error().endpoint == to.location() &&
           (says_nothing(code) || code == Code::conflict || code == Code::already_exists);
}

bool is_doubtful_removal(const Status& failure) {
    return says_nothing(failure.code()) || failure.code() == Code::not_found;
}

CallContext looking(const CallContext& call) {
    CallContext look = call;
    look.look = true;
    return look;
}

Status not_done(const Status& failure, std::string_view found) {
    return says_nothing(failure.code()) ? failure.with_note(found) : failure;
}

Status not_done(const Status& failure, const Status& look) {
    if (look.ok()) {
        return not_done(failure, "a look afterwards did not show it there");
    }
    if (look.code() == Code::circuit_open || look.code() == Code::rate_limited) {
        return look.with_context("whether it was written could not be looked at, after '" +
                                 failure.message() + "'");
    }
    return not_done(failure, "a look afterwards failed, too: " + look.message());
}

Result<std::optional<Transferred>> find_written(const TransferRequest& request,
                                                const CallContext& context) {
    const auto not_there = [] { return std::optional<Transferred>(); };
    const CallContext call = looking(context);
    const Item& planned = request.planned;
    const Result<Item> seen = request.to.stat(call, request.to_key);
    if (!seen.ok() && seen.code() != Code::not_found) {
        return seen.status();
    }
    if (!seen.ok() || seen->kind != planned.kind ||
        (request.condition == Condition::if_version &&
         is_same_version(seen->version, request.expected_version)) ||
        (seen->size != kUnknownSize && planned.size != kUnknownSize &&
         seen->size != planned.size)) {
        return not_there();
    }
    Result<HashedItem> there = hash_item(request.to, call, request.to_key);
    if (!there.ok() && there.code() != Code::not_found) {
        return there.status();
    }
    if (!there.ok() || there->item.kind != planned.kind) {
        return not_there();
    }
    Result<HashedItem> wanted = hash_item(request.from, call, request.from_key);
    if (!wanted.ok() && wanted.code() != Code::not_found) {
        return wanted.status();
    }
    if (!wanted.ok() || there->hash != wanted->hash ||
        (request.to.info().sets_meta && !same_meta(there->item.meta, wanted->item.meta)) ||
        (!planned.version.empty() && wanted->item.version != planned.version)) {
        return not_there();
    }
    Transferred same;
    same.read = std::move(wanted->item);
    same.written = std::move(there->item);
    same.hash = std::move(there->hash);
    return std::optional(std::move(same));
}

Result<std::optional<Item>> find_meta_set(const MetaRequest& request, const CallContext& context) {
    const std::optional<Item> not_set;
    const CallContext call = looking(context);
    Result<Item> seen = request.to.stat(call, request.key);
    if (!seen.ok() && seen.code() != Code::not_found) {
        return seen.status();
    }
    if (!seen.ok() || seen->kind != request.before.kind || !has_times_and_meta(request, *seen)) {
        return not_set;
    }
    if (seen->kind == ItemKind::container ||
        is_same_version(seen->version, request.before.version)) {
        return std::optional(*std::move(seen));
    }
    // Its version moved: because of the new times, or because somebody changed its content.
    Result<HashedItem> there = hash_item(request.to, call, request.key);
    if (!there.ok() && there.code() != Code::not_found) {
        return there.status();
    }
    if (!there.ok() || !has_times_and_meta(request, there->item)) {
        return not_set;
    }
    Bytes wanted = request.content_hash;
    if (wanted.empty()) {
        Result<HashedItem> read = hash_item(request.from, call, request.key);
        if (!read.ok() && read.code() != Code::not_found) {
            return read.status();
        }
        if (!read.ok() || read->item.version != request.model.version) {
            return not_set;
        }
        wanted = std::move(read->hash);
    }
    return there->hash == wanted ? std::optional(std::move(there->item)) : not_set;
}

} // namespace syncline
