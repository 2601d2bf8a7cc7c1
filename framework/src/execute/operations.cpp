#include "execute/operations.hpp"

#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <utility>

namespace syncline {

namespace {

const std::optional<Item>& on(const PlannedOp& op, Side side) {
    return side == Side::source ? op.source : op.target;
}

Bytes token(Item& item) { return item.unsettled ? Bytes() : std::move(item.version); }

BaseEntry entry_of(BytesView key, Item source, Item target, Bytes hash) {
    BaseEntry entry;
    entry.key = key;
    entry.kind = source.kind;
    entry.source_version = token(source);
    entry.target_version = token(target);
    entry.source_id = std::move(source.id);
    entry.target_id = std::move(target.id);
    entry.hash = std::move(hash);
    entry.hash_algo = entry.hash.empty() ? HashAlgo::none : HashAlgo::xxh3_128;
    entry.size = source.size;
    entry.mtime_ns = source.mtime_ns;
    entry.meta = std::move(source.meta);
    return entry;
}

BytesView known_hash(const Item& item) {
    return item.hash_algo == HashAlgo::xxh3_128 ? BytesView(item.hash) : BytesView();
}

} // namespace

BaseEntry entry_of(BytesView key, Side a_side, Item a, Item b, Bytes hash) {
    return a_side == Side::source ? entry_of(key, std::move(a), std::move(b), std::move(hash))
                                  : entry_of(key, std::move(b), std::move(a), std::move(hash));
}

BytesView agreed_hash(const PlannedOp& op) {
    for (const std::optional<Item>* item : {&op.source, &op.target}) {
        if (*item && !known_hash(**item).empty()) {
            return known_hash(**item);
        }
    }
    return op.base_hash;
}

BaseChange erasure(BytesView key) {
    BaseChange change;
    change.entry.key = key;
    change.erase = true;
    return change;
}

namespace {

struct Judgement {
    Outcome outcome;
    bool stops_side;
};

Judgement judge(Code code) {
    switch (code) {
    case Code::conflict:
    case Code::already_exists:
    case Code::not_found:
    case Code::cancelled:
        return {Outcome::pending, false};
    case Code::unauthenticated:
    case Code::quota_exceeded:
    case Code::read_only:
    case Code::root_missing:
    case Code::circuit_open:
    case Code::rate_limited:
        return {Outcome::pending, true};
    default:
        return {Outcome::failed, false};
    }
}

} // namespace

void Operations::perform(OpResult& result, const CallContext& call) const {
    const Status status = [&]() -> Status {
        switch (result.op.action) {
        case Action::create:
        case Action::update:
            return result.op.kind == ItemKind::container ? write_container(result, call)
                                                         : write(result, call);
        case Action::remove:
            return remove(result, call);
        case Action::set_meta:
            return set_meta(result, call);
        case Action::keep_both:
            return keep_both(result, call);
        case Action::record: {
            BaseEntry entry =
                entry_of(result.op.key, *result.op.source, *result.op.target,
                         Bytes(result.op.differs ? BytesView() : agreed_hash(result.op)));
            entry.differs = result.op.differs;
            result.base_changes.push_back({std::move(entry), false});
            return {};
        }
        case Action::forget:
            result.base_changes.push_back(erasure(result.op.key));
            return {};
        case Action::conflict:
            result.outcome = Outcome::conflicted;
            return {};
        case Action::skip:
            result.outcome = Outcome::skipped;
            return {};
        case Action::rename:
            return rename(result, call);
        case Action::follow:
            return follow(result, call);
        }
        return {};
    }();
    if (!status.ok()) {
        const Judgement judgement = judge(status.code());
        result.outcome = judgement.outcome;
        result.stops_side = judgement.stops_side;
        result.code = status.code();
        result.message = status.message();
        result.base_changes.clear();
    }
}

// Writes content. Where nobody knows whether it was written, or something is there that should not
// be, it will do if what is there is equal: another operation of this run made it, or a run that
// was cut short, or a call whose answer got lost.
Result<Transferred> Operations::write_content(const TransferRequest& request,
                                              const CallContext& call) const {
    Result<Transferred> done = transfer(request, options_, call, progress_);
    if (done.ok() ||
        (done.code() != Code::already_exists && done.code() != Code::outcome_unknown)) {
        return done;
    }
    Result<HashedItem> there = hash_item(request.to, call, request.to_key);
    if (!there.ok()) {
        return done.code() == Code::outcome_unknown ? done.status() : there.status();
    }
    Result<HashedItem> wanted = hash_item(request.from, call, request.from_key);
    if (!wanted.ok()) {
        return wanted.status();
    }
    if (there->hash != wanted->hash || there->item.kind != request.planned.kind ||
        (request.to.info().sets_meta && there->item.meta != wanted->item.meta) ||
        (!request.planned.version.empty() && wanted->item.version != request.planned.version)) {
        return done;
    }
    Transferred same;
    same.read = std::move(wanted->item);
    same.written = std::move(there->item);
    same.hash = std::move(there->hash);
    return same;
}

Status Operations::write(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    const Side from = other(op.side);
    const Item& planned = *on(op, from);
    const std::optional<Item>& there = on(op, op.side);
    TransferRequest request{at(from),
                            at(op.side),
                            op.key,
                            op.key,
                            planned,
                            planned.meta,
                            there ? Condition::if_version : Condition::if_absent,
                            there ? BytesView(there->version) : BytesView()};
    Result<Transferred> done = write_content(request, call);
    if (!done.ok()) {
        return done.status();
    }
    result.bytes = done->bytes;
    result.losses = done->read.losses;
    result.base_changes.push_back({entry_of(op.key, from, std::move(done->read),
                                            std::move(done->written), std::move(done->hash)),
                                   false});
    return {};
}

Status Operations::write_container(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    const Side from = other(op.side);
    MemoryReader nothing({});
    PutRequest request;
    request.key = op.key;
    request.condition = Condition::if_absent;
    request.item.key = op.key;
    request.item.kind = ItemKind::container;
    request.item.size = 0;
    Result<Item> made = at(op.side).put(call, request, nothing);
    Item container;
    container.kind = ItemKind::container;
    if (made.ok()) {
        container = *std::move(made);
    } else if (made.code() != Code::already_exists && made.code() != Code::outcome_unknown) {
        return made.status();
    } else {
        // Made meanwhile by someone else or by a run that was cut short; a container is only there
        // or not. But it must be seen: agreeing on one that is not there would delete the other.
        Result<Item> there = at(op.side).stat(call, op.key);
        if (!there.ok() || there->kind != ItemKind::container) {
            return made.status();
        }
        container = *std::move(there);
    }
    result.base_changes.push_back({entry_of(op.key, from, *on(op, from), container, {}), false});
    return {};
}

Status Operations::remove(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    // Absence on the other side is proven, not remembered from a listing that may be minutes old.
    const Result<Item> there = at(other(op.side)).stat(call, op.key);
    if (there.ok()) {
        return Status(Code::conflict, "'" + display_key(op.key) + "' is there again on " +
                                          std::string(name_of(other(op.side))) +
                                          ", so it is not deleted");
    }
    if (!there.ok() && there.code() != Code::not_found) {
        return there.status().with_context("cannot make sure that '" + display_key(op.key) +
                                           "' is gone from " +
                                           std::string(name_of(other(op.side))));
    }
    RemoveRequest request;
    request.key = op.key;
    const Item& planned = *on(op, op.side);
    if (op.kind == ItemKind::container || planned.version.empty()) {
        request.condition = Condition::always;
    } else {
        request.condition = Condition::if_version;
        request.expected_version = planned.version;
    }
    const Status removed = at(op.side).remove(call, request);
    if (!removed.ok() && removed.code() != Code::not_found) {
        return removed;
    }
    if (!removed.ok()) {
        // Somebody was faster, if it is true: forgetting what is still there would bring it back.
        const Result<Item> left = at(op.side).stat(call, op.key);
        if (left.ok() || left.code() != Code::not_found) {
            return left.ok() ? removed : left.status();
        }
    }
    result.base_changes.push_back(erasure(op.key));
    return {};
}

Status Operations::set_meta(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    const Side from = other(op.side);
    const Item& model = *on(op, from);
    Item written = *on(op, op.side);
    Endpoint& to = at(op.side);
    bool is_set = false;
    if (to.can_set_meta()) {
        PutRequest request;
        request.key = op.key;
        request.condition = Condition::if_version;
        request.expected_version = written.version;
        request.item = to_view(written);
        request.item.mtime_ns = model.mtime_ns;
        request.item.meta = model.meta;
        Result<Item> changed = to.set_meta(call, request);
        if (!changed.ok() && changed.code() != Code::not_supported) {
            return changed.status();
        }
        if (changed.ok()) {
            written = *std::move(changed);
            is_set = true;
        }
    }
    if (!is_set && written.meta != model.meta && to.info().sets_meta) {
        return write(result, call); // there metadata goes with content, or not at all
    }
    result.base_changes.push_back(
        {entry_of(op.key, from, model, written, Bytes(agreed_hash(op))), false});
    return {};
}

// Puts the losing content under its new name on `to`.
Status Operations::copy_loser(OpResult& result, const Item& loser, Side to, const CallContext& call,
                              Item& read, Item& written, Bytes& hash) const {
    const PlannedOp& op = result.op;
    const TransferRequest request{
        at(op.side), at(to), op.key, op.other_key, loser, loser.meta, Condition::if_absent, {}};
    Result<Transferred> done = write_content(request, call);
    if (!done.ok()) {
        return done.status();
    }
    result.bytes += done->bytes;
    result.losses = static_cast<std::uint8_t>(result.losses | done->read.losses);
    read = std::move(done->read);
    written = std::move(done->written);
    hash = std::move(done->hash);
    return {};
}

// Only creations and conditional overwrites, in an order that keeps both contents at every step;
// whatever a crash leaves is met by the next run as the same conflict with its copy already made.
Status Operations::keep_both(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    const Side loser_side = op.side;
    const Side winner_side = other(loser_side);
    const Item& loser = *on(op, loser_side);
    const Item& winner = *on(op, winner_side);
    const bool source_is_written = !op.differs;

    Item copies[2];
    Item read;
    Bytes loser_hash;
    for (const Side side : {winner_side, loser_side}) {
        if (side == Side::source && !source_is_written) {
            continue;
        }
        SYNCLINE_TRY(copy_loser(result, loser, side, call, read,
                                copies[static_cast<std::size_t>(side)], loser_hash));
    }
    if (source_is_written) {
        result.base_changes.push_back(
            {entry_of(op.other_key, copies[0], copies[1], loser_hash), false});
    }
    if (loser_side == Side::source && !source_is_written) {
        // One-way: the target keeps its own under the name, and both may differ until one of them
        // moves.
        BaseEntry entry = entry_of(op.key, loser, winner, {});
        entry.differs = true;
        result.base_changes.push_back({std::move(entry), false});
        return {};
    }
    const TransferRequest request{
        at(winner_side), at(loser_side),        op.key,       op.key, winner,
        winner.meta,     Condition::if_version, loser.version};
    Result<Transferred> done = write_content(request, call);
    if (!done.ok()) {
        return done.status();
    }
    result.bytes += done->bytes;
    result.base_changes.push_back(
        {entry_of(op.key, winner_side, done->read, done->written, done->hash), false});
    return {};
}

} // namespace syncline
