#include "execute/operations.hpp"

#include "execute/settle.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/intent.hpp"
#include "syncline/core/meta.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/state/base_content.hpp"

#include <optional>
#include <utility>
#include <vector>

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
    GiveUp give_up;
};

Judgement judge(Code code) {
    switch (code) {
    case Code::conflict:
    case Code::already_exists:
    case Code::not_found:
    case Code::cancelled:
        return {Outcome::pending, GiveUp::nothing};
    case Code::quota_exceeded:
    case Code::read_only:
        return {Outcome::pending, GiveUp::writing};
    case Code::unauthenticated:
    case Code::root_missing:
    case Code::circuit_open:
    case Code::rate_limited:
        return {Outcome::pending, GiveUp::everything};
    default:
        return {Outcome::failed, GiveUp::nothing};
    }
}

} // namespace

void Operations::perform(OpResult& result, const CallContext& call) const {
    const Status status = [&]() -> Status {
        SYNCLINE_TRY(result.keep_failed);
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
        case Action::merge:
            return merge(result, call);
        case Action::record: {
            const PlannedOp& op = result.op;
            result.base_changes.push_back(
                {op.differs ? differing_entry(op.key, *op.source, *op.target, call)
                            : entry_of(op.key, *op.source, *op.target, Bytes(agreed_hash(op))),
                 false});
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
        result.give_up = judgement.give_up;
        result.given_up = refused_by(result.op, status);
        if (result.give_up == GiveUp::writing && result.given_up != result.op.side &&
            result.op.action != Action::keep_both) {
            result.give_up = GiveUp::everything; // it was only to be read, and refused that
        }
        result.code = status.code();
        result.message = status.message();
        result.base_changes.clear();
        return;
    }
    for (const BaseChange& change : result.base_changes) {
        if (change.erase) {
            if (bases_.wants(change.entry.key)) {
                result.kept.push_back({base_content_name(change.entry.key), {}});
            }
        } else if (std::optional<KeptContent> kept = bases_.keep(change.entry, call)) {
            result.kept.push_back(*std::move(kept));
        }
    }
}

Side Operations::refused_by(const PlannedOp& op, const Status& status) const {
    const std::string& endpoint = status.error().endpoint;
    if (endpoint == at(other(op.side)).location() && endpoint != at(op.side).location()) {
        return other(op.side);
    }
    return op.side;
}

// Of a result that fails after it changed something (a conflict copy, say) the changes stay.
void Operations::changed(OpResult& result, BytesView key, Side side, Action action,
                         const Item* before, const Item* after) const {
    if (!records_changes_) {
        return;
    }
    JournalEntry& entry = result.changes.emplace_back();
    entry.key = key;
    entry.side = side;
    entry.action = action;
    entry.is_done = true;
    if (before != nullptr) {
        entry.before = *before;
        entry.before->key.clear();
        entry.before->id.clear();
    }
    if (after != nullptr) { // enough to know it again
        entry.after.emplace();
        entry.after->kind = after->kind;
        entry.after->version = after->version;
    }
    if (key == result.op.key) {
        entry.archived = result.archived[static_cast<std::size_t>(side)];
        if (entry.archived.empty()) {
            entry.not_kept = result.not_kept;
        }
    }
}

// Writes content. Where the answer leaves it open whether it was written, or something is there
// that should not be, it will do if what is there is equal: another operation of this run made it,
// or a run that was cut short, or an attempt whose answer got lost.
Result<Transferred> Operations::write_content(const TransferRequest& request,
                                              const CallContext& call) const {
    Result<Transferred> done = transfer(request, options_, call, progress_);
    if (done.ok() || !is_doubtful_write(done.status(), request.to)) {
        return done;
    }
    Result<std::optional<Transferred>> found = find_written(request, call);
    if (!found.ok() || !*found) {
        return not_done(done.status(), found.status());
    }
    (*found)->was_there = done.code() == Code::already_exists;
    return **std::move(found);
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
    if (!done->was_there) {
        changed(result, op.key, op.side, there ? Action::update : Action::create,
                there ? &*there : nullptr, &done->written);
    }
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
    const Intent intent;
    request.idempotency = intent.bytes();
    request.item.meta = on(op, from)->meta;
    Result<Item> made = at(op.side).put(call, request, nothing);
    const bool was_there = made.code() == Code::already_exists;
    Item container;
    container.kind = ItemKind::container;
    if (made.ok()) {
        container = *std::move(made);
    } else if (!is_doubtful_write(made.status(), at(op.side))) {
        return made.status();
    } else {
        // Made meanwhile by someone else, by a run that was cut short or by an attempt whose answer
        // got lost; a container is only there or not. But it must be seen: agreeing on one that is
        // not there would delete the other.
        Result<Item> there = at(op.side).stat(looking(call), op.key);
        if (!there.ok() || there->kind != ItemKind::container) {
            return made.status();
        }
        container = *std::move(there);
    }
    if (!was_there) {
        changed(result, op.key, op.side, Action::create, nullptr, &container);
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
    const Intent intent;
    request.idempotency = intent.bytes();
    const Status removed = at(op.side).remove(call, request);
    if (!removed.ok() && !is_doubtful_removal(removed)) {
        return removed;
    }
    if (!removed.ok()) {
        // Somebody was faster, or it was done and the answer got lost: if that is true. Forgetting
        // what is still there would bring it back.
        const Result<Item> left = at(op.side).stat(looking(call), op.key);
        if (left.ok() || left.code() != Code::not_found) {
            return left.ok() ? not_done(removed, "it is still there") : left.status();
        }
    } else {
        changed(result, op.key, op.side, Action::remove, &planned, nullptr);
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
        const Intent intent;
        request.idempotency = intent.bytes();
        Result<Item> set = to.set_meta(call, request);
        if (!set.ok() && is_doubtful_write(set.status(), to)) {
            Result<std::optional<Item>> found =
                find_meta_set({to, at(from), op.key, written, model, Bytes(agreed_hash(op))}, call);
            if (!found.ok() || !*found) {
                return not_done(set.status(), found.status());
            }
            set = **std::move(found);
        }
        if (!set.ok() && set.code() != Code::not_supported) {
            return set.status();
        }
        if (set.ok()) {
            changed(result, op.key, op.side, Action::set_meta, &written, &*set);
            written = *std::move(set);
            is_set = true;
        }
    }
    if (!is_set && !same_meta(written.meta, model.meta) && to.info().sets_meta) {
        return write(result, call); // there metadata goes with content, or not at all
    }
    result.base_changes.push_back(
        {entry_of(op.key, from, model, written, Bytes(agreed_hash(op))), false});
    return {};
}

// Both contents are remembered, so that one that is only touched, or was written so shortly before
// that its version says nothing, is known again.
BaseEntry Operations::differing_entry(BytesView key, const Item& source, const Item& target,
                                      const CallContext& call) const {
    BaseEntry entry = entry_of(key, source, target, {});
    entry.differs = true;
    const Result<HashedItem> here = hash_item(source_, call, key);
    const Result<HashedItem> there = hash_item(target_, call, key);
    if (here.ok() && there.ok() && here->item.version == source.version &&
        there->item.version == target.version) {
        entry.hash = here->hash + there->hash;
    }
    return entry;
}

TransferRequest Operations::loser_copy(const PlannedOp& op, Side to) const {
    const Item& loser = *on(op, op.side);
    return {at(op.side), at(to), op.key, op.other_key, loser, loser.meta, Condition::if_absent, {}};
}

// Whether the loser's new name can be had on `to`: it is free, or a run that was cut short put the
// copy there already.
Status Operations::check_copy_name(const PlannedOp& op, Side to, const CallContext& call) const {
    for (const Bytes& key : {op.other_key, op.other_key + '/'}) {
        const Result<Item> there = at(to).stat(call, key);
        if (there.code() == Code::not_found) {
            continue;
        }
        if (!there.ok()) {
            return there.status();
        }
        std::optional<Transferred> copy;
        if (!is_container_key(key)) {
            Result<std::optional<Transferred>> found = find_written(loser_copy(op, to), call);
            if (!found.ok()) {
                return found.status();
            }
            copy = *std::move(found);
        }
        if (!copy) {
            return Status(Code::already_exists, "'" + display_key(key) +
                                                    "', the name for the copy, was taken on " +
                                                    std::string(name_of(to)) + " meanwhile");
        }
    }
    return {};
}

// Puts the losing content under its new name on `to`.
Status Operations::copy_loser(OpResult& result, Side to, const CallContext& call, Item& read,
                              Item& written, Bytes& hash) const {
    const PlannedOp& op = result.op;
    Result<Transferred> done = write_content(loser_copy(op, to), call);
    if (!done.ok()) {
        return done.status();
    }
    result.bytes += done->bytes;
    result.losses = static_cast<std::uint8_t>(result.losses | done->read.losses);
    if (!done->was_there) {
        changed(result, op.other_key, to, Action::create, nullptr, &done->written);
    }
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

    std::vector<Side> copied{winner_side, loser_side};
    if (!source_is_written) {
        std::erase(copied, Side::source);
    }
    for (const Side side : copied) { // before either copy is written
        SYNCLINE_TRY(check_copy_name(op, side, call));
    }
    Item copies[2];
    Item read;
    Bytes loser_hash;
    for (const Side side : copied) {
        SYNCLINE_TRY(copy_loser(result, side, call, read, copies[static_cast<std::size_t>(side)],
                                loser_hash));
        SYNCLINE_FAILPOINT("execute.after-conflict-copy");
    }
    if (source_is_written) {
        result.base_changes.push_back(
            {entry_of(op.other_key, copies[0], copies[1], loser_hash), false});
    }
    if (loser_side == Side::source && !source_is_written) {
        // One-way: the target keeps its own under the name, and both may differ until one of them
        // moves.
        result.base_changes.push_back({differing_entry(op.key, loser, winner, call), false});
        return {};
    }
    // The last step takes the loser's bytes from under its name. After a power cut that may be
    // there and the new names not, unless they are durable before.
    SYNCLINE_TRY(at(loser_side).flush(call));
    const TransferRequest request{
        at(winner_side), at(loser_side),        op.key,       op.key, winner,
        winner.meta,     Condition::if_version, loser.version};
    Result<Transferred> done = write_content(request, call);
    if (!done.ok()) {
        return done.status();
    }
    result.bytes += done->bytes;
    changed(result, op.key, loser_side, Action::update, &loser, &done->written);
    result.base_changes.push_back(
        {entry_of(op.key, winner_side, done->read, done->written, done->hash), false});
    return {};
}

namespace {

// Executable or not, say: what one side changed counts, and where both did, the source's.
const Bytes& merged_meta(const PlannedOp& op) {
    if (!op.source || !op.target) {
        return op.source ? op.source->meta : op.target->meta;
    }
    return op.source->meta == op.base_meta ? op.target->meta : op.source->meta;
}

// A merged content on its way from the archive.
class ArchivedReader : public BodyReader {
public:
    explicit ArchivedReader(ArchivedBody& body) : body_(body) {}
    std::uint64_t size() const override { return body_.size(); }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        return body_.read(buffer, capacity);
    }
    bool rewindable() const override { return true; }
    Status rewind() override { return body_.rewind(); }

private:
    ArchivedBody& body_;
};

} // namespace

Result<Item> Operations::write_merged(const PlannedOp& op, Side side,
                                      const CallContext& call) const {
    Result<std::unique_ptr<ArchivedBody>> body =
        bases_.archive()->get(op.merged->digest, call.stop);
    if (!body.ok()) {
        return body.status().with_context("the merged content of '" + display_key(op.key) + "'");
    }
    ArchivedReader reader(**body);
    PutRequest request;
    request.key = op.key;
    request.condition = Condition::if_absent;
    if (const std::optional<Item>& there = on(op, side)) {
        request.condition = Condition::if_version;
        request.expected_version = there->version;
    }
    request.item.key = op.key;
    request.item.kind = ItemKind::object;
    request.item.size = op.merged->size;
    request.item.mtime_ns = op.merged->mtime_ns;
    request.item.hash = op.merged->hash;
    request.item.hash_algo = HashAlgo::xxh3_128;
    request.item.meta = merged_meta(op);
    Result<Item> written = at(side).put(call, request, reader);
    if (written.ok() || !is_doubtful_write(written.status(), at(side))) {
        return written;
    }
    Result<HashedItem> there = hash_item(at(side), looking(call), op.key);
    if (there.ok() && there->item.kind == ItemKind::object && there->hash == op.merged->hash) {
        return std::move(there->item);
    }
    const bool was_looked_at = there.ok() || there.code() == Code::not_found;
    return not_done(written.status(), was_looked_at ? Status() : there.status());
}

// The merged content holds the changes of both sides, so after the first write, too, none is lost:
// what a crash leaves is a side with both and one with its own, which merge to the same.
Status Operations::merge(OpResult& result, const CallContext& call) const {
    const PlannedOp& op = result.op;
    if (bases_.archive() == nullptr || !op.merged || !(op.source || op.target) ||
        (op.differs && !op.source)) {
        return Status(Code::internal, "a merge without what was merged");
    }
    const bool source_is_written = !op.differs;
    Result<Item> target = write_merged(op, Side::target, call);
    if (!target.ok()) {
        return target.status();
    }
    result.bytes += op.merged->size;
    changed(result, op.key, Side::target, op.target ? Action::update : Action::create,
            op.target ? &*op.target : nullptr, &*target);
    if (!source_is_written) {
        result.base_changes.push_back(
            {differing_entry(op.key, *op.source, *std::move(target), call), false});
        return {};
    }
    Result<Item> source = write_merged(op, Side::source, call);
    if (!source.ok()) {
        return source.status();
    }
    result.bytes += op.merged->size;
    changed(result, op.key, Side::source, op.source ? Action::update : Action::create,
            op.source ? &*op.source : nullptr, &*source);
    result.base_changes.push_back(
        {entry_of(op.key, *std::move(source), *std::move(target), op.merged->hash), false});
    return {};
}

} // namespace syncline
