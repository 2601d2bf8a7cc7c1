#include "orchestrate/plan_recheck.hpp"

#include "syncline/core/meta.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/pool/task_group.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

namespace syncline {

namespace {

constexpr std::size_t kWindowOps = 1024; // looked at before the plan is corrected
constexpr std::size_t kTaskOps = 64;

// One side of an operation, as it is now.
struct Look {
    std::optional<Item> item; // none: absent
    Status error;             // it could not be looked at
};

struct Checked {
    PlannedOp op;
    std::array<Look, 2> now;
};

const std::optional<Item>& planned_on(const PlannedOp& op, Side side) {
    return side == Side::source ? op.source : op.target;
}

// A rename finds the item of the side it writes under the old name; what both sides renamed is
// under its new names.
const Bytes& planned_key(const PlannedOp& op, Side side) {
    const std::optional<Item>& item = planned_on(op, side);
    return item && !item->key.empty()                       ? item->key
           : op.action == Action::rename && side == op.side ? op.other_key
                                                            : op.key;
}

Look look_at(ItemReader& side, BytesView key, const CallContext& call) {
    Look look;
    Result<Item> there = side.stat(call, key);
    if (there.ok()) {
        look.item = *std::move(there);
    } else if (there.code() != Code::not_found) {
        look.error = there.status();
    }
    return look;
}

// Where a side knows no versions, only what can be seen tells.
bool is_as_planned(const std::optional<Item>& planned, const std::optional<Item>& now) {
    if (!planned || !now) {
        return !planned && !now;
    }
    if (planned->kind != now->kind || planned->unreadable != now->unreadable) {
        return false;
    }
    if (planned->kind == ItemKind::container) {
        return true;
    }
    if (!planned->version.empty()) {
        return planned->version == now->version;
    }
    return planned->size != kUnknownSize && planned->size == now->size &&
           planned->mtime_ns != kUnknownTime && planned->mtime_ns == now->mtime_ns;
}

class Recheck {
public:
    Recheck(const RecheckInputs& in, const CallContext& call)
        : in_(in), call_(call), tasks_(in.pool, in.lane) {}

    Status run() {
        for (std::int64_t id = 1; id <= in_.last_id;) {
            SYNCLINE_TRY(read_window(id));
            SYNCLINE_TRY(look());
            for (const Checked& checked : window_) {
                SYNCLINE_TRY(judge(checked));
            }
        }
        return {};
    }

private:
    Status read_window(std::int64_t& id) {
        window_.clear();
        for (; id <= in_.last_id && window_.size() < kWindowOps; ++id) {
            Result<PlannedOp> op = in_.plan.at(id);
            if (!op.ok()) {
                return op.status();
            }
            if (op->action != Action::skip) { // unknown then, and left alone whatever it is now
                window_.push_back({*std::move(op), {}});
            }
        }
        return {};
    }

    Status look() {
        Status submitted;
        for (std::size_t first = 0; first < window_.size() && submitted.ok(); first += kTaskOps) {
            const std::size_t end = std::min(first + kTaskOps, window_.size());
            submitted = tasks_.submit(
                [this, first, end] {
                    for (std::size_t i = first; i < end; ++i) {
                        Checked& checked = window_[i];
                        checked.now[0] =
                            look_at(in_.source, planned_key(checked.op, Side::source), call_);
                        checked.now[1] =
                            look_at(in_.target, planned_key(checked.op, Side::target), call_);
                    }
                },
                call_.stop);
        }
        const Status done = tasks_.wait();
        SYNCLINE_TRY(submitted);
        SYNCLINE_TRY(done);
        if (call_.stop.stop_requested()) {
            return Status(Code::cancelled,
                          "interrupted while checking the plan; nothing was changed");
        }
        return {};
    }

    Status judge(const Checked& checked) {
        const PlannedOp& op = checked.op;
        for (const Side side : {Side::source, Side::target}) {
            const Look& now = checked.now[static_cast<std::size_t>(side)];
            switch (now.error.code()) {
            case Code::ok:
                continue;
            case Code::circuit_open:
            case Code::rate_limited:
            case Code::root_missing:
            case Code::unauthenticated:
                return now.error; // says nothing about the item
            default:
                return leave(op, Outcome::failed, now.error.code(),
                             "cannot be looked at on " + std::string(name_of(side)) + ": " +
                                 now.error.message());
            }
        }
        const bool moved[] = {!is_as_planned(op.source, checked.now[0].item),
                              !is_as_planned(op.target, checked.now[1].item)};
        if (!moved[0] && !moved[1]) {
            return op.action == Action::merge ? check_merged(op) : Status();
        }
        if (op.action == Action::rename && is_renamed(checked, moved[0])) {
            return {}; // the executor meets it as done, or leaves it
        }
        Result<bool> settled = sides_agree(checked);
        if (!settled.ok()) {
            return settled.status();
        }
        if (Bytes hash; !*settled && is_done(checked, hash)) {
            return record(checked, std::move(hash));
        }
        if (*settled) {
            return leave(op, Outcome::skipped, Code::ok, "nothing to do: both sides agree by now");
        }
        const Side side = moved[0] ? Side::source : Side::target;
        const auto& now = checked.now[static_cast<std::size_t>(side)].item;
        std::string what = !now                    ? " is gone from "
                           : !planned_on(op, side) ? " is there by now on "
                                                   : " changed on ";
        what += moved[0] && moved[1] ? "both sides" : std::string(name_of(side));
        return leave(op, Outcome::pending, Code::conflict,
                     "'" + display_key(planned_key(op, side)) + "'" + what +
                         " after the plan was made, so it is left; make a new plan");
    }

    // Whether source and target are, for this key, what the base says was agreed on: the operation
    // was carried out already, or something else settled the matter.
    Result<bool> sides_agree(const Checked& checked) {
        std::array<Look, 2> now = checked.now;
        Look& written = now[static_cast<std::size_t>(checked.op.side)];
        if (checked.op.action == Action::rename && !written.item) { // under its new name already?
            written = look_at(checked.op.side == Side::source ? in_.source : in_.target,
                              checked.op.key, call_);
        }
        const auto& [source, target] = now;
        Result<std::optional<BaseEntry>> entry = in_.base.find(checked.op.key);
        if (!entry.ok()) {
            return entry.status();
        }
        if (!source.item && !target.item) {
            return !entry->has_value();
        }
        if (!source.item || !target.item || !entry->has_value()) {
            return false;
        }
        const BaseEntry& base = **entry;
        const auto is_as_agreed = [&](ItemReader& side, const Item& item, BytesView token) {
            if (item.kind != base.kind && !base.differs) {
                return false;
            }
            if (item.kind == ItemKind::container || (!token.empty() && item.version == token)) {
                return true;
            }
            // Written so shortly before that the base kept no token.
            if (base.hash.empty() || base.hash_algo != HashAlgo::xxh3_128 ||
                item.size != base.size) {
                return false;
            }
            const Result<HashedItem> content = hash_item(side, call_, checked.op.key);
            return content.ok() && content->hash == base.hash;
        };
        return is_as_agreed(in_.source, *source.item, base.source_version) &&
               is_as_agreed(in_.target, *target.item, base.target_version);
    }

    // Whether a run that was cut short renamed it, and did not get to record that.
    bool is_renamed(const Checked& checked, bool source_moved) {
        const Side side = checked.op.side;
        const auto at = static_cast<std::size_t>(side);
        if ((side == Side::target) == source_moved || checked.now[at].item) {
            return false;
        }
        const Look renamed =
            look_at(side == Side::source ? in_.source : in_.target, checked.op.key, call_);
        return renamed.item && renamed.item->kind == checked.op.kind;
    }

    // Whether the sides have the same now, which the base does not know: what a run that was cut
    // short did, and did not get to record.
    bool is_done(const Checked& checked, Bytes& hash) {
        const auto& [source, target] = checked.now;
        if (!source.item || !target.item) {
            return !source.item && !target.item;
        }
        const Item& here = *source.item;
        const Item& there = *target.item;
        if (here.kind != there.kind || here.unreadable || there.unreadable ||
            here.key != there.key || !same_meta(here.meta, there.meta)) {
            return false;
        }
        if (here.kind == ItemKind::container) {
            return true;
        }
        if (here.size != there.size) {
            return false;
        }
        Result<HashedItem> read = hash_item(in_.source, call_, checked.op.key);
        Result<HashedItem> other = hash_item(in_.target, call_, checked.op.key);
        if (!read.ok() || !other.ok() || read->hash != other->hash ||
            read->item.version != here.version || other->item.version != there.version) {
            return false;
        }
        hash = std::move(read->hash);
        return true;
    }

    Status record(const Checked& checked, Bytes hash) {
        PlannedOp op = checked.op;
        const bool was_told = op.action != Action::record && op.action != Action::forget;
        op.source = checked.now[0].item;
        op.target = checked.now[1].item;
        op.action = op.source ? Action::record : Action::forget;
        op.phase = Phase::bookkeeping;
        op.differs = false;
        op.base_hash = std::move(hash);
        if (op.source) {
            op.kind = op.source->kind;
        }
        SYNCLINE_TRY(in_.plan.replace(op));
        return was_told ? in_.left(checked.op, Outcome::skipped, Code::ok,
                                   "nothing to do: both sides agree by now")
                        : Status();
    }

    // What the strategies made of both sides waits in the archive, which keeps nothing for ever.
    Status check_merged(const PlannedOp& op) {
        const Result<bool> kept = in_.archive.touch(op.merged->digest);
        if (!kept.ok()) {
            return kept.status();
        }
        return *kept ? Status()
                     : leave(op, Outcome::pending, Code::not_found,
                             "what was merged for '" + display_key(op.key) +
                                 "' is not kept any more; make a new plan");
    }

    Status leave(const PlannedOp& op, Outcome outcome, Code code, std::string message) {
        SYNCLINE_TRY(in_.plan.drop(op.id, op.id));
        const bool counted = op.action != Action::record && op.action != Action::forget;
        return counted ? in_.left(op, outcome, code, std::move(message)) : Status();
    }

    const RecheckInputs& in_;
    const CallContext& call_;
    std::vector<Checked> window_;
    TaskGroup tasks_; // last: it waits for those that use everything above
};

} // namespace

Status recheck_plan(const RecheckInputs& inputs, const CallContext& call) {
    return Recheck(inputs, call).run();
}

} // namespace syncline
