#include "reconcile/renames.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/state/rename_index.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace syncline {

namespace {

constexpr std::size_t kPairsAtOnce = 256;
constexpr std::string_view kAsidePrefix = ".syncline-aside-";
constexpr std::size_t kTagDigits = 8; // say whose it is
constexpr std::size_t kAsideDigits = kTagDigits + 8;
constexpr std::string_view kDigits = "0123456789abcdef";

const std::optional<Item>& on(const PlannedOp& op, Side side) {
    return side == Side::source ? op.source : op.target;
}
std::optional<Item>& on(PlannedOp& op, Side side) {
    return side == Side::source ? op.source : op.target;
}

const Bytes& base_id(const PlannedOp& op, Side side) {
    return side == Side::source ? op.base_source_id : op.base_target_id;
}

Bytes tag_of(BytesView sync) { return to_hex(content_hash(sync)).substr(0, kTagDigits); }

bool is_left_alone(Code code) { return code == Code::circuit_open || code == Code::rate_limited; }

// A content to be read: what it turned out to be.
struct Reading {
    Side side = Side::source;
    Bytes key;
    Bytes version; // as planned; another one says nothing about the plan
    Bytes hash;    // empty: not readable, or moved
    Status left_alone;
};

class RenameFinder {
public:
    RenameFinder(const PlanInputs& in, const CallContext& call)
        : in_(in), call_(call), tasks_(in.pool, in.lane) {}

    Status run() {
        const Result<PlanCounts> counts = in_.plan.counts();
        if (!counts.ok()) {
            return counts.status();
        }
        const auto count = [&](Action action) {
            return counts->actions[static_cast<std::size_t>(action)];
        };
        const bool something_goes = count(Action::remove) > 0 || count(Action::update) > 0 ||
                                    (in_.rules.mode == Mode::two_way && count(Action::forget) > 0);
        const bool something_comes = count(Action::create) > 0 || count(Action::update) > 1;
        if (!something_goes || !something_comes) {
            return {};
        }
        Result<std::unique_ptr<RenameIndex>> index = make_rename_index();
        if (!index.ok()) {
            return index.status();
        }
        index_ = *std::move(index);
        SYNCLINE_TRY(gather_gone());
        if (gone_ == 0) {
            return {};
        }
        SYNCLINE_TRY(gather_come());
        if (come_ == 0) {
            return {};
        }
        SYNCLINE_TRY(pair_by_id());
        SYNCLINE_TRY(settle_renamed_twice());
        SYNCLINE_TRY(pair_by_content());
        SYNCLINE_TRY(index_->drop_blocked());
        if (!in_.separable) {
            SYNCLINE_TRY(move_whole_containers());
        }
        SYNCLINE_TRY(index_->each_plain([this](const RenamePair& pair) { return plain(pair); }));
        if (in_.separable) {
            return {};
        }
        return index_->each_chain([this](const std::vector<RenamePair>& pairs, bool is_cycle) {
            return chain(pairs, is_cycle);
        });
    }

private:
    // An update can be taken apart into what goes and what comes only where a run that is cut short
    // in between is healed by the rules: a name that is missing on one side and changed on the
    // other must be made again.
    bool updates_take_part() const {
        return in_.rules.mode != Mode::two_way ||
               in_.rules.delete_vs_change == DeleteVsChange::keep_change;
    }

    // An update that brought another item than the one that was there.
    bool brings_another(const PlannedOp& op) const {
        const Side from = other(op.side);
        return op.action == Action::update && op.conflict == ConflictKind::none &&
               updates_take_part() && !base_id(op, from).empty() && !on(op, from)->id.empty() &&
               on(op, from)->id != base_id(op, from) && on(op, op.side)->kind == on(op, from)->kind;
    }

    RenameEnd gone_end(const PlannedOp& op) const {
        RenameEnd end;
        end.op = op.id;
        end.side = op.side;
        end.kind = on(op, op.side)->kind;
        end.key = op.key;
        end.size = on(op, op.side)->size;
        end.is_update = op.action == Action::update;
        // Decided deletions are somebody's will and not half of a rename, and what has no version
        // could not be moved on a condition.
        end.is_bound = op.conflict != ConflictKind::none ||
                       (end.kind != ItemKind::container && on(op, op.side)->version.empty());
        if (!end.is_bound) {
            end.id = base_id(op, other(op.side));
            end.hash = known_hash(op);
        }
        return end;
    }

    // Of what goes. A mirror deletes whatever is there, so only what is read counts.
    BytesView known_hash(const PlannedOp& op) const {
        return in_.rules.mode == Mode::mirror ? BytesView() : BytesView(op.base_hash);
    }

    Status gather_gone() {
        Status added;
        const auto add = [&](PlannedOp&& op) {
            if (op.action == Action::remove || brings_another(op)) {
                added = index_->add_gone(gone_end(op));
                ++gone_;
            } else if (op.action == Action::forget && in_.rules.mode == Mode::two_way &&
                       !op.base_source_id.empty() && !op.base_target_id.empty()) {
                added = index_->add_forgotten(op.id, op.kind, op.key, op.base_source_id,
                                              op.base_target_id);
                ++gone_;
            }
            return added.ok();
        };
        for (const Phase phase : {Phase::remove_content, Phase::remove_containers,
                                  Phase::write_content, Phase::bookkeeping}) {
            SYNCLINE_TRY(in_.plan.each(phase, add));
            SYNCLINE_TRY(added);
        }
        return {};
    }

    Status gather_come() {
        Status added;
        const auto add = [&](PlannedOp&& op) {
            const bool is_update = brings_another(op);
            if ((op.action != Action::create || op.conflict != ConflictKind::none) && !is_update) {
                return true;
            }
            const Item& item = *on(op, other(op.side));
            RenameEnd end;
            end.op = op.id;
            end.side = op.side;
            end.kind = item.kind;
            end.key = op.key;
            end.size = item.size;
            end.id = item.id;
            end.is_update = is_update;
            if (item.hash_algo == HashAlgo::xxh3_128) {
                end.hash = item.hash;
            }
            bool wanted = op.phase == Phase::create_containers;
            if (!wanted) {
                const Result<bool> could = index_->could_match(end);
                added = could.status();
                wanted = could.ok() && *could;
            }
            if (wanted && added.ok()) {
                added = index_->add_come(end);
                ++come_;
            }
            return added.ok();
        };
        for (const Phase phase : {Phase::create_containers, Phase::write_content}) {
            SYNCLINE_TRY(in_.plan.each(phase, add));
            SYNCLINE_TRY(added);
        }
        return {};
    }

    // ---- contents ----

    Status read(std::vector<Reading>& readings) {
        Status submitted;
        for (Reading& reading : readings) {
            submitted = tasks_.submit([this, &reading] { read_one(reading); }, call_.stop);
            if (!submitted.ok()) {
                break;
            }
        }
        const Status done = tasks_.wait(); // whatever else: they write to what is the caller's
        SYNCLINE_TRY(submitted);
        SYNCLINE_TRY(done);
        if (call_.stop.stop_requested()) {
            return Status(Code::cancelled, "interrupted while planning; nothing was changed");
        }
        for (const Reading& reading : readings) {
            SYNCLINE_TRY(reading.left_alone);
        }
        return {};
    }

    void read_one(Reading& reading) const { // on a worker
        ItemReader& side = reading.side == Side::source ? in_.source : in_.target;
        Result<HashedItem> hashed = hash_item(side, call_, reading.key);
        in_.progress.compared();
        if (hashed.ok() && hashed->item.version == reading.version) {
            reading.hash = std::move(hashed->hash);
        } else if (is_left_alone(hashed.code())) {
            reading.left_alone = hashed.status();
        }
    }

    static Reading reading_of(const PlannedOp& op, Side side) {
        Reading reading;
        reading.side = side;
        reading.key = op.key;
        reading.version = on(op, side)->version;
        return reading;
    }

    // Two ends of one rename, and the contents that prove it.
    struct Candidate {
        RenamePair pair;
        PlannedOp gone;
        PlannedOp come;
        std::size_t come_reading = SIZE_MAX;
        std::size_t gone_reading = SIZE_MAX;
    };

    Status pair_by_id() {
        for (;;) {
            const Result<std::vector<RenamePair>> pairs = index_->next_by_id(kPairsAtOnce);
            if (!pairs.ok() || pairs->empty()) {
                return pairs.status();
            }
            std::vector<Candidate> candidates;
            std::vector<Reading> readings;
            for (const RenamePair& pair : *pairs) {
                Candidate candidate;
                candidate.pair = pair;
                SYNCLINE_TRY(load(pair.gone, candidate.gone));
                SYNCLINE_TRY(load(pair.come, candidate.come));
                if (candidate.gone.kind == ItemKind::container) {
                    SYNCLINE_TRY(index_->add_pair(pair));
                    continue;
                }
                const Side from = other(candidate.come.side);
                const Item& now = *on(candidate.come, from);
                const Item& before = *on(candidate.gone, candidate.gone.side);
                if (now.size == before.size || now.size == kUnknownSize ||
                    before.size == kUnknownSize) {
                    candidate.come_reading = readings.size();
                    readings.push_back(reading_of(candidate.come, from));
                    if (known_hash(candidate.gone).empty()) {
                        candidate.gone_reading = readings.size();
                        readings.push_back(reading_of(candidate.gone, candidate.gone.side));
                    }
                }
                candidates.push_back(std::move(candidate));
            }
            SYNCLINE_TRY(read(readings));
            for (Candidate& candidate : candidates) {
                SYNCLINE_TRY(judge(candidate, readings));
            }
        }
    }

    Status judge(Candidate& candidate, std::vector<Reading>& readings) {
        if (candidate.come_reading != SIZE_MAX) {
            const Bytes& now = readings[candidate.come_reading].hash;
            const BytesView before = candidate.gone_reading == SIZE_MAX
                                         ? known_hash(candidate.gone)
                                         : BytesView(readings[candidate.gone_reading].hash);
            if (now.empty() || before.empty()) {
                return {}; // not proven: copied and deleted as planned
            }
            SYNCLINE_TRY(index_->set_come_hash(candidate.pair.come, now));
            candidate.pair.same = now == before;
        } else {
            candidate.pair.same = false;
        }
        const bool is_update =
            candidate.gone.action == Action::update || candidate.come.action == Action::update;
        return candidate.pair.same || !is_update ? index_->add_pair(candidate.pair) : Status();
    }

    Status pair_by_content() {
        for (const bool is_gone : {true, false}) {
            for (;;) {
                const Result<std::vector<std::int64_t>> ops =
                    is_gone ? index_->next_gone_without_hash(kPairsAtOnce)
                            : index_->next_come_without_hash(kPairsAtOnce);
                if (!ops.ok()) {
                    return ops.status();
                }
                if (ops->empty()) {
                    break;
                }
                std::vector<Reading> readings;
                for (const std::int64_t id : *ops) {
                    PlannedOp op;
                    SYNCLINE_TRY(load(id, op));
                    readings.push_back(reading_of(op, is_gone ? op.side : other(op.side)));
                }
                SYNCLINE_TRY(read(readings));
                for (std::size_t i = 0; i < readings.size(); ++i) {
                    if (!readings[i].hash.empty()) {
                        SYNCLINE_TRY(is_gone ? index_->set_gone_hash((*ops)[i], readings[i].hash)
                                             : index_->set_come_hash((*ops)[i], readings[i].hash));
                    }
                }
            }
        }
        return index_->pair_by_hash();
    }

    // ---- what it means for the plan ----

    Status load(std::int64_t id, PlannedOp& op) {
        Result<PlannedOp> found = in_.plan.at(id);
        if (!found.ok()) {
            return found.status();
        }
        op = *std::move(found);
        return {};
    }

    Status drop(std::int64_t id) { return in_.plan.drop(id, id); }

    static std::string renamed_on(const PlannedOp& op) {
        return "renamed on " + std::string(name_of(other(op.side)));
    }

    // The creation becomes the rename; what it knows of the side that is written comes from `gone`.
    PlannedOp rename_of(const PlannedOp& gone, PlannedOp come) const {
        come.action = Action::rename;
        come.phase = Phase::rename_items;
        come.other_key = gone.key;
        on(come, come.side) = on(gone, gone.side);
        come.base_hash = known_hash(gone);
        come.base_meta = gone.base_meta;
        come.base_source_id = gone.base_source_id;
        come.base_target_id = gone.base_target_id;
        come.has_base = gone.has_base;
        come.conflict = ConflictKind::none;
        come.reason = renamed_on(come);
        return come;
    }

    Status plain(const RenamePair& pair) {
        PlannedOp gone;
        PlannedOp come;
        SYNCLINE_TRY(load(pair.gone, gone));
        SYNCLINE_TRY(load(pair.come, come));
        PlannedOp op = rename_of(gone, std::move(come));
        if (!pair.same) {
            op.differs = true;
            op.phase = Phase::write_content;
            op.reason = "renamed and changed on " + std::string(name_of(other(op.side)));
        }
        SYNCLINE_TRY(in_.plan.replace(op));
        return drop(pair.gone);
    }

    // Operations in an order of their own come after all others; so do their places in the plan.
    Status chain(const std::vector<RenamePair>& pairs, bool is_cycle) {
        Bytes aside;
        if (is_cycle) {
            PlannedOp first;
            SYNCLINE_TRY(load(pairs.back().gone, first));
            aside = aside_key(first.key, in_.sync);
            PlannedOp op = rename_of(first, first);
            op.action = Action::follow;
            op.phase = Phase::rename_chains;
            op.key = aside;
            PlannedOp last;
            SYNCLINE_TRY(load(pairs.back().come, last));
            op.via_key = last.key;
            op.reason = "waits until its new name is free";
            SYNCLINE_TRY(in_.plan.add(op).status());
        }
        for (const RenamePair& pair : pairs) {
            PlannedOp gone;
            PlannedOp come;
            SYNCLINE_TRY(load(pair.gone, gone));
            SYNCLINE_TRY(load(pair.come, come));
            PlannedOp op = rename_of(gone, std::move(come));
            op.phase = Phase::rename_chains;
            if (is_cycle && &pair == &pairs.back()) {
                op.via_key = aside;
            }
            SYNCLINE_TRY(in_.plan.add(op).status());
        }
        // Only now, because an update is one pair's end and another one's beginning.
        for (const RenamePair& pair : pairs) {
            SYNCLINE_TRY(drop(pair.come));
        }
        const std::int64_t last = pairs.back().gone;
        return is_cycle ? Status() : vacated(last);
    }

    // The name at the end of a chain: nothing is there any more once the chain was carried out.
    Status vacated(std::int64_t id) {
        PlannedOp op;
        SYNCLINE_TRY(load(id, op));
        if (op.action == Action::remove) {
            return drop(id);
        }
        op.action = Action::create;
        on(op, op.side).reset();
        op.has_base = false;
        op.base_hash.clear();
        op.reason = "new on " + std::string(name_of(other(op.side))) + ", under a name that moved";
        return in_.plan.replace(op);
    }

    // ---- directories ----

    Status move_whole_containers() {
        for (;;) {
            const Result<std::optional<RenamePair>> next = index_->next_whole_container();
            if (!next.ok() || !*next) {
                return next.status();
            }
            const RenamePair& container = **next;
            std::uint64_t items = 0;
            SYNCLINE_TRY(index_->each_below(container, [&](const RenamePair& pair) {
                ++items;
                return follows(pair);
            }));
            PlannedOp gone;
            PlannedOp come;
            SYNCLINE_TRY(load(container.gone, gone));
            SYNCLINE_TRY(load(container.come, come));
            PlannedOp op = rename_of(gone, std::move(come));
            op.phase = Phase::rename_containers;
            op.reason = renamed_on(op) +
                        (items == 0 ? "" : ", with " + display_count(items, "item") + " below it");
            SYNCLINE_TRY(in_.plan.replace(op));
            SYNCLINE_TRY(left_behind(std::move(gone)));
            SYNCLINE_TRY(index_->each_container_below(
                container.come, [this](std::int64_t id) { return defer(id); }));
            SYNCLINE_TRY(index_->forget_below(container));
        }
    }

    Status follows(const RenamePair& pair) {
        PlannedOp gone;
        PlannedOp come;
        SYNCLINE_TRY(load(pair.gone, gone));
        SYNCLINE_TRY(load(pair.come, come));
        const bool is_container = come.kind == ItemKind::container;
        PlannedOp op = rename_of(gone, std::move(come));
        op.action = Action::follow;
        op.phase = is_container ? Phase::rename_containers : Phase::rename_items;
        op.reason = "moves along with its directory";
        SYNCLINE_TRY(in_.plan.replace(op));
        return is_container ? left_behind(std::move(gone)) : drop(pair.gone);
    }

    // Should the directory not move as one after all, what remains of it goes at the end.
    Status left_behind(PlannedOp gone) {
        gone.action = Action::follow;
        gone.reason = "moved";
        return in_.plan.replace(gone);
    }

    // Made before it, they would stand in the way of the directory that is to be moved there.
    Status defer(std::int64_t id) {
        PlannedOp op;
        SYNCLINE_TRY(load(id, op));
        if (op.phase != Phase::create_containers) {
            return {};
        }
        op.phase = Phase::rename_containers;
        return in_.plan.replace(op);
    }

    // ---- renamed on both sides ----

    struct Twice {
        PlannedOp gone;
        PlannedOp from_source; // creates on the target what the source renamed
        PlannedOp from_target;
    };

    Status settle_renamed_twice() {
        for (;;) {
            const Result<std::vector<RenamedTwice>> found =
                index_->next_renamed_twice(kPairsAtOnce);
            if (!found.ok() || found->empty()) {
                return found.status();
            }
            std::vector<Twice> items(found->size());
            std::vector<Reading> readings;
            for (std::size_t i = 0; i < items.size(); ++i) {
                SYNCLINE_TRY(load((*found)[i].gone, items[i].gone));
                SYNCLINE_TRY(load((*found)[i].from_source, items[i].from_source));
                SYNCLINE_TRY(load((*found)[i].from_target, items[i].from_target));
                readings.push_back(reading_of(items[i].from_source, Side::source));
                readings.push_back(reading_of(items[i].from_target, Side::target));
            }
            SYNCLINE_TRY(read(readings));
            for (std::size_t i = 0; i < items.size(); ++i) {
                const Bytes& hash = readings[2 * i].hash;
                // One that was changed as well is kept under both names.
                if (!hash.empty() && hash == readings[2 * i + 1].hash) {
                    SYNCLINE_TRY(settle(items[i], hash));
                }
            }
        }
    }

    Status settle(Twice& twice, const Bytes& hash) {
        Item source = *twice.from_source.source;
        Item target = *twice.from_target.target;
        source.key = twice.from_source.key;
        target.key = twice.from_target.key;
        for (Item* item : {&source, &target}) {
            item->hash = hash;
            item->hash_algo = HashAlgo::xxh3_128;
        }
        ConflictCase conflict;
        conflict.kind = ConflictKind::rename_rename;
        conflict.key = twice.gone.key;
        conflict.source = &source;
        conflict.target = &target;
        const Result<Decision> decision = in_.conflicts.resolve(conflict);
        if (!decision.ok()) {
            return decision.status();
        }
        if (decision->action == DecisionAction::keep_both) {
            return {}; // under both names, as planned
        }
        SYNCLINE_TRY(index_->bind_come(twice.from_source.id));
        SYNCLINE_TRY(index_->bind_come(twice.from_target.id));
        if (decision->action == DecisionAction::keep_source) {
            return take_name(twice.from_source, twice.from_target, hash, decision->reason);
        }
        if (decision->action == DecisionAction::keep_target) {
            return take_name(twice.from_target, twice.from_source, hash, decision->reason);
        }
        SYNCLINE_TRY(drop(twice.from_source.id));
        SYNCLINE_TRY(drop(twice.from_target.id));
        PlannedOp& op = twice.gone;
        const bool is_skipped = decision->action == DecisionAction::skip;
        op.action = is_skipped ? Action::skip : Action::conflict;
        op.phase = Phase::none;
        op.conflict = ConflictKind::rename_rename;
        op.reason = "'" + display_key(source.key) + "' on source, '" + display_key(target.key) +
                    "' on target: " + decision->reason;
        op.source = std::move(source);
        op.target = std::move(target);
        return in_.plan.replace(op);
    }

    // The side that lost gives its item the name that the other side chose.
    Status take_name(const PlannedOp& winner, const PlannedOp& loser, const Bytes& hash,
                     const std::string& reason) {
        PlannedOp op = winner;
        op.action = Action::rename;
        op.phase = Phase::rename_items;
        op.other_key = loser.key;
        on(op, op.side) = on(loser, op.side);
        op.base_hash = hash;
        op.conflict = ConflictKind::rename_rename;
        op.reason = reason;
        SYNCLINE_TRY(in_.plan.replace(op));
        return drop(loser.id);
    }

    const PlanInputs& in_;
    CallContext call_;
    std::unique_ptr<RenameIndex> index_;
    std::uint64_t gone_ = 0;
    std::uint64_t come_ = 0;
    TaskGroup tasks_; // last: it waits for those that use everything above
};

} // namespace

Bytes aside_key(BytesView key, BytesView sync) {
    static thread_local std::mt19937_64 numbers{std::random_device{}()};
    Bytes aside(key.substr(0, key.rfind('/') + 1));
    aside += kAsidePrefix;
    aside += tag_of(sync);
    std::uint64_t number = numbers();
    for (std::size_t n = kTagDigits; n < kAsideDigits; ++n, number >>= 4U) {
        aside += kDigits[number & 15U];
    }
    return aside;
}

LeftAside left_aside(BytesView key, BytesView sync) {
    const BytesView name = key.substr(key.rfind('/') + 1);
    if (name.size() != kAsidePrefix.size() + kAsideDigits || !name.starts_with(kAsidePrefix) ||
        name.find_first_not_of(kDigits, kAsidePrefix.size()) != BytesView::npos) {
        return LeftAside::no;
    }
    return name.substr(kAsidePrefix.size()).starts_with(tag_of(sync)) ? LeftAside::by_this_sync
                                                                      : LeftAside::by_another_sync;
}

Status find_renames(const PlanInputs& inputs, const CallContext& call) {
    return RenameFinder(inputs, call).run();
}

} // namespace syncline
