// Renames, and what moves along with them. Whatever order a crash leaves things in, the item is
// under its old name, its new one, or both; the next run finds it there and records it.
#include "execute/operations.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <algorithm>
#include <utility>

namespace syncline {

namespace {

const Item& item_on(const PlannedOp& op, Side side) {
    return side == Side::source ? *op.source : *op.target;
}

Status moved(const PlannedOp& op, BytesView key, Side side) {
    return Status(Code::conflict, "'" + display_key(key) + "' changed on " +
                                      std::string(name_of(side)) + " after it was planned, so '" +
                                      display_key(op.other_key) + "' is not renamed");
}

// The answer says what is wrong with a name, or nothing at all: the rename may have happened.
bool may_be_done(Code code) {
    return code == Code::not_found || code == Code::already_exists ||
           code == Code::outcome_unknown || code == Code::timeout;
}

} // namespace

// The side that renamed it must still call it so.
Status Operations::still_named(const PlannedOp& op, const CallContext& call) const {
    const Side from = other(op.side);
    const Result<Item> there = at(from).stat(call, op.key);
    if (there.code() == Code::not_found) {
        return moved(op, op.key, from);
    }
    if (!there.ok()) {
        return there.status();
    }
    const Item& planned = item_on(op, from);
    return there->kind == planned.kind && there->version == planned.version
               ? Status()
               : moved(op, op.key, from);
}

Result<Item> Operations::move_item(const PlannedOp& op, BytesView from,
                                   const CallContext& call) const {
    Endpoint& to = at(op.side);
    if (!to.can_rename()) {
        return Status(Code::not_supported, to.location() + " cannot rename");
    }
    RenameRequest request;
    request.from_key = from;
    request.to_key = op.key;
    request.condition = Condition::if_absent;
    if (from == BytesView(op.other_key)) { // else it was moved once already, which gave it another
        request.from_version = item_on(op, op.side).version;
    }
    Result<Item> done = to.rename(call, request);
    if (done.ok() || !may_be_done(done.code())) {
        return done;
    }
    const Result<Item> old = to.stat(call, from);
    if (old.code() != Code::not_found) {
        return done;
    }
    Result<HashedItem> there = hash_item(to, call, op.key);
    const BytesView wanted = agreed_hash(op);
    if (!there.ok() || wanted.empty() || BytesView(there->hash) != wanted) {
        return done;
    }
    return std::move(there->item);
}

Status Operations::rename(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    if (op.kind == ItemKind::container) {
        return rename_container(result, call);
    }
    if (op.differs) {
        return copy_and_remove(result, call);
    }
    SYNCLINE_TRY(still_named(op, call));
    const Side from = other(op.side);
    const bool is_aside = !op.via_key.empty();
    Result<Item> done = move_item(op, is_aside ? op.via_key : op.other_key, call);
    if (done.code() == Code::not_supported && !is_aside) {
        return copy_and_remove(result, call);
    }
    if (!done.ok() && is_aside) {
        RenameRequest back; // or it would be left under a name that nobody knows
        back.from_key = op.via_key;
        back.to_key = op.other_key;
        (void)at(op.side).rename(call, back);
    }
    if (!done.ok()) {
        return done.status();
    }
    follow_meta(op, *done, call);
    record_rename(result, *done);
    if (!is_aside) { // the old name of one that waited aside is another's new one by now
        result.base_changes.push_back(erasure(op.other_key));
    }
    result.base_changes.push_back(
        {entry_of(op.key, from, item_on(op, from), *std::move(done), Bytes(agreed_hash(op))),
         false});
    return {};
}

// The content is still there, so nothing needs to be archived.
void Operations::record_rename(OpResult& result, const Item& renamed) const {
    if (!records_changes_) {
        return;
    }
    const PlannedOp& op = result.op;
    if (op.via_key.empty()) { // else told when it was put aside
        changed(result, op.other_key, op.side, Action::remove, &item_on(op, op.side), nullptr);
        result.changes.back().moved_to = op.key;
    }
    changed(result, op.key, op.side, Action::create, nullptr, &renamed);
}

// Times and permissions that changed along with the name. What cannot be set now is seen by the
// next run, because no version is kept.
void Operations::follow_meta(const PlannedOp& op, Item& written, const CallContext& call) const {
    Endpoint& to = at(op.side);
    const Item& model = item_on(op, other(op.side));
    const std::int64_t granularity =
        std::max(source_.info().mtime_granularity_ns, target_.info().mtime_granularity_ns);
    const bool keeps_times = source_.info().mtime_granularity_ns > 0 &&
                             target_.info().mtime_granularity_ns > 0 &&
                             model.mtime_ns != kUnknownTime && written.mtime_ns != kUnknownTime;
    const auto gap = [](std::int64_t a, std::int64_t b) { return a > b ? a - b : b - a; };
    const bool times_differ = keeps_times && gap(model.mtime_ns, written.mtime_ns) >= granularity;
    const bool meta_differs = to.info().sets_meta && written.meta != model.meta;
    if (!times_differ && !meta_differs) {
        return;
    }
    PutRequest request;
    request.key = op.key;
    request.condition = Condition::if_version;
    request.expected_version = written.version;
    request.item = to_view(written);
    request.item.mtime_ns = model.mtime_ns;
    request.item.meta = model.meta;
    if (to.can_set_meta()) {
        Result<Item> set = to.set_meta(call, request);
        if (set.ok()) {
            written = *std::move(set);
            return;
        }
    }
    written.version.clear();
}

// The new name first, so that the content is there at every step.
Status Operations::copy_and_remove(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    const Side from = other(op.side);
    const Item& planned = item_on(op, from);
    const TransferRequest request{at(from),     at(op.side),          op.key, op.key, planned,
                                  planned.meta, Condition::if_absent, {}};
    Result<Transferred> done = write_content(request, call);
    if (!done.ok()) {
        return done.status();
    }
    PlannedOp old = op;
    old.action = Action::remove;
    old.key = op.other_key;
    OpResult removed(std::move(old));
    removed.archived = result.archived;
    removed.not_kept = result.not_kept;
    const Status status = remove(removed, call);
    result.changes = std::move(removed.changes);
    if (!status.ok()) {
        return status.with_context("copied to its new name, but the old one stays");
    }
    if (!op.differs && !result.changes.empty()) {
        result.changes.back().moved_to = op.key;
    }
    changed(result, op.key, op.side, Action::create, nullptr, &done->written);
    result.bytes = done->bytes;
    result.losses = done->read.losses;
    result.base_changes = std::move(removed.base_changes);
    result.base_changes.push_back({entry_of(op.key, from, std::move(done->read),
                                            std::move(done->written), std::move(done->hash)),
                                   false});
    return {};
}

// With all that it holds. Where that is not possible the items that follow move one by one.
Status Operations::rename_container(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    Endpoint& to = at(op.side);
    const Side from = other(op.side);
    SYNCLINE_TRY(still_named(op, call));
    if (to.can_rename()) {
        RenameRequest request;
        request.from_key = op.other_key;
        request.to_key = op.key;
        Result<Item> done = to.rename(call, request);
        if (!done.ok() && may_be_done(done.code()) &&
            to.stat(call, op.other_key).code() == Code::not_found) {
            done = to.stat(call, op.key);
        }
        if (done.ok()) {
            record_rename(result, *done);
            result.base_changes.push_back(erasure(op.other_key));
            result.base_changes.push_back(
                {entry_of(op.key, from, item_on(op, from), *std::move(done), {}), false});
            return {};
        }
        if (done.code() != Code::not_supported && done.code() != Code::already_exists) {
            return done.status();
        }
    }
    return write_container(result, call);
}

Status Operations::follow(OpResult& result, const CallContext& call) const {
    switch (result.op.phase) {
    case Phase::rename_chains:
        return put_aside(result, call);
    case Phase::rename_containers:
        return follow_container(result, call);
    case Phase::remove_content:
    case Phase::remove_containers:
        return remove(result, call);
    default:
        return follow_item(result, call);
    }
}

Status Operations::put_aside(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    SYNCLINE_TRY(move_item(op, op.other_key, call).status());
    changed(result, op.other_key, op.side, Action::remove, &item_on(op, op.side), nullptr);
    if (records_changes_) {
        result.changes.back().moved_to = op.via_key;
    }
    return {};
}

// It moved along with the directory above it, or is made now.
Status Operations::follow_container(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    Result<Item> there = at(op.side).stat(call, op.key);
    if (!there.ok() || there->kind != ItemKind::container) {
        return write_container(result, call);
    }
    record_rename(result, *there);
    const Side from = other(op.side);
    result.base_changes.push_back(
        {entry_of(op.key, from, item_on(op, from), *std::move(there), {}), false});
    return {};
}

// It moved along with its directory, or it moves now.
Status Operations::follow_item(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    Endpoint& to = at(op.side);
    const Result<Item> there = to.stat(call, op.key);
    if (there.code() == Code::not_found) {
        return rename(result, call);
    }
    if (!there.ok()) {
        return there.status();
    }
    Item planned = item_on(op, op.side);
    if (there->version != planned.version &&
        to.stat(call, op.other_key).code() != Code::not_found) {
        return moved(op, op.key, op.side);
    }
    // The version as planned: what changed since then is a change under the new name.
    follow_meta(op, planned, call);
    record_rename(result, planned);
    const Side from = other(op.side);
    result.base_changes.push_back(erasure(op.other_key));
    result.base_changes.push_back(
        {entry_of(op.key, from, item_on(op, from), std::move(planned), Bytes(agreed_hash(op))),
         false});
    return {};
}

} // namespace syncline
