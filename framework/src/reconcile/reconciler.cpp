#include "syncline/reconcile/reconciler.hpp"

#include "reconcile/phase_of.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/meta.hpp"

#include <string>
#include <vector>

namespace syncline {

namespace {

PlannedOp make_op(const Row& row, Action action, Side side, Phase phase, std::string_view reason) {
    PlannedOp op;
    op.key = row.key;
    op.action = action;
    op.side = side;
    op.phase = phase;
    op.reason = reason;
    const auto keep = [](const ItemView* item, std::optional<Item>& into) {
        if (item != nullptr) {
            into = to_item(*item);
            into->key.clear();
        }
    };
    keep(row.source, op.source);
    keep(row.target, op.target);
    if (row.base != nullptr) {
        op.has_base = true;
        op.base_hash = row.base->differs ? BytesView() : row.base->hash;
        op.base_meta = row.base->meta;
        op.base_source_id = row.base->source_id;
        op.base_target_id = row.base->target_id;
    }
    op.kind = row.source != nullptr   ? row.source->kind
              : row.target != nullptr ? row.target->kind
                                      : row.base->kind;
    return op;
}

const std::optional<Item>& on(const PlannedOp& op, Side side) {
    return side == Side::source ? op.source : op.target;
}

SideState state_of(const RowFacts& facts, Side side) {
    return side == Side::source ? facts.source : facts.target;
}

bool present(SideState state) { return state == SideState::same || state == SideState::changed; }

struct Frame {
    enum class Kind : std::uint8_t {
        object,            // an object of one side; its container namesake may follow
        deleted_container, // gone from `side`, still on the other
        kind_differs,      // `side` has an object where the other has a container
    };
    Kind kind = Kind::object;
    Bytes prefix; // ends in '/'
    Side side = Side::source;
    std::int64_t own = 0;   // the operation of the object or container itself; 0: none
    std::int64_t first = 0; // the first operation below the container
    bool object_changed = false;
    bool survivors = false; // something below is new or changed
    // Below there is something excluded, or that cannot take part: it stays, and so does this.
    bool left_out = false;
    bool unreadable = false; // something below is, now
    bool in_base = false;    // the container was agreed on before
    // An extra of a one-way target has no operation of its own; should the source have a container
    // of the same name, this one holds the conflict.
    std::shared_ptr<const PlannedOp> extra;

    bool hidden() const { return left_out || unreadable; }
};

} // namespace

struct Reconciler::Impl {
    Impl(const Rules& r, std::int64_t granularity, ConflictResolver& c, PlanStore& p)
        : rules(r), mtime_granularity_ns(granularity), resolver(c), plan(p) {}

    const Rules& rules;
    std::int64_t mtime_granularity_ns;
    ConflictResolver& resolver;
    PlanStore& plan;

    std::vector<Frame> frames;
    std::int64_t last_id = 0;

    // The object row directly before, in case the next key continues its key.
    Bytes pending_key;
    Frame pending;
    bool has_pending = false;

    Result<std::int64_t> add(const PlannedOp& op) {
        Result<std::int64_t> id = plan.add(op);
        if (id.ok()) {
            last_id = *id;
        }
        return id;
    }

    Status close_passed(BytesView key) {
        while (!frames.empty()) {
            const Frame& top = frames.back();
            if (key.starts_with(top.prefix) || key < BytesView(top.prefix)) {
                return {};
            }
            SYNCLINE_TRY(close_top());
        }
        return {};
    }

    Status close_top() {
        Frame frame = std::move(frames.back());
        frames.pop_back();
        switch (frame.kind) {
        case Frame::Kind::object:
            return {};
        case Frame::Kind::deleted_container:
            return close_deleted(frame);
        case Frame::Kind::kind_differs:
            return close_kind_differs(frame);
        }
        return {};
    }

    bool inside(Frame::Kind kind) const {
        for (const Frame& frame : frames) {
            if (frame.kind == kind) {
                return true;
            }
        }
        return false;
    }

    // The container frame that the current row lies in directly, if any. Object frames do not
    // count: rows between `a` and `a/` are not below it.
    Frame* enclosing() {
        for (auto frame = frames.rbegin(); frame != frames.rend(); ++frame) {
            if (frame->kind != Frame::Kind::object) {
                return &*frame;
            }
        }
        return nullptr;
    }

    void mark(bool Frame::*what) {
        if (Frame* frame = enclosing()) {
            frame->*what = true;
        }
    }

    Status close_deleted(const Frame& frame) {
        const Side here = other(frame.side);
        Frame* outer = enclosing();
        const bool outermost = outer == nullptr || outer->kind != Frame::Kind::deleted_container;
        if (outer != nullptr) {
            outer->survivors |= frame.survivors;
            outer->left_out |= frame.left_out;
            outer->unreadable |= frame.unreadable;
        }
        if (!frame.survivors && !frame.hidden()) {
            return {};
        }
        if (rules.mode != Mode::two_way) {
            // The source is never written: what cannot go stays as an extra of the target.
            Result<PlannedOp> own = plan.at(frame.own);
            if (!own.ok()) {
                return own.status();
            }
            own->action = Action::forget;
            own->phase = Phase::bookkeeping;
            own->reason = "not empty: kept on target as an extra";
            return plan.replace(*own);
        }
        constexpr std::string_view kept =
            "deleted on one side, but it holds changed or new items on the other";
        const auto restore_own = [&] {
            return plan.removals_to_creations(
                frame.own, frame.own, here,
                frame.survivors ? kept
                                : "deleted on one side, but it holds excluded items on the other");
        };
        if (!frame.survivors) {
            // What cannot be read now may be read by the next run, which decides then.
            return frame.unreadable ? plan.drop(frame.own, frame.own) : restore_own();
        }
        switch (rules.deleted_container) {
        case DeletedContainer::restore_changed:
            return restore_own();
        case DeletedContainer::restore_all:
            return outermost ? plan.removals_to_creations(frame.own, last_id, here, kept)
                             : Status();
        case DeletedContainer::conflict:
            return outermost ? deleted_container_conflict(frame) : Status();
        }
        return {};
    }

    Status deleted_container_conflict(const Frame& frame) {
        const Side here = other(frame.side);
        Result<PlannedOp> own = plan.at(frame.own);
        if (!own.ok()) {
            return own.status();
        }
        const ConflictKind kind = frame.side == Side::source
                                      ? ConflictKind::source_deleted_target_changed
                                      : ConflictKind::source_changed_target_deleted;
        Result<Decision> decision = resolve(*own, kind);
        if (!decision.ok()) {
            return decision.status();
        }
        const bool keep_here =
            decision->action ==
            (here == Side::source ? DecisionAction::keep_source : DecisionAction::keep_target);
        const bool keep_deletion =
            decision->action ==
            (here == Side::source ? DecisionAction::keep_target : DecisionAction::keep_source);
        if (keep_here) {
            return plan.removals_to_creations(frame.own, last_id, here, decision->reason);
        }
        if (keep_deletion && !frame.hidden()) {
            return plan.clear_for_other_kind(frame.own, last_id, here);
        }
        SYNCLINE_TRY(plan.drop(frame.own + 1, last_id));
        return unresolved(*own, kind, decision->reason);
    }

    Result<Decision> resolve(const PlannedOp& op, ConflictKind kind,
                             const BaseEntryView* base = nullptr) {
        Item source;
        Item target;
        ConflictCase conflict;
        conflict.kind = kind;
        conflict.key = op.key;
        conflict.base = base;
        const auto fill = [&](const std::optional<Item>& from, Item& into) -> const Item* {
            if (!from) {
                return nullptr;
            }
            into = *from;
            into.key = op.key;
            return &into;
        };
        conflict.source = fill(op.source, source);
        conflict.target = fill(op.target, target);
        return resolver.resolve(conflict);
    }

    Status unresolved(PlannedOp op, ConflictKind kind, std::string_view reason) {
        op.action = Action::conflict;
        op.phase = Phase::none;
        op.conflict = kind;
        op.reason = reason;
        return plan.replace(op);
    }

    Status close_kind_differs(const Frame& frame) {
        const Side object_side = frame.side;
        const Side container_side = other(frame.side);
        Result<PlannedOp> own = plan.at(frame.own);
        if (!own.ok()) {
            return own.status();
        }
        const bool container_changed = frame.survivors || !frame.in_base;
        enum class Winner : std::uint8_t { object, container, nobody };
        Winner winner = Winner::nobody;
        std::string reason;
        if (rules.mode == Mode::mirror) {
            winner = object_side == Side::source ? Winner::object : Winner::container;
            reason = "differs from source";
        } else {
            if (frame.object_changed != container_changed) {
                winner = frame.object_changed ? Winner::object : Winner::container;
                reason = winner == Winner::object ? "replaced by a file or link on the other side"
                                                  : "replaced by a directory on the other side";
            }
            const Side winning_side = winner == Winner::object ? object_side : container_side;
            if (rules.mode == Mode::one_way && winning_side == Side::target) {
                winner = Winner::nobody; // a change of the target is a conflict
            }
        }
        if (winner == Winner::nobody) {
            Result<Decision> decision = resolve_kind_differs(*own, object_side);
            if (!decision.ok()) {
                return decision.status();
            }
            reason = decision->reason;
            if (decision->action == DecisionAction::keep_source ||
                decision->action == DecisionAction::keep_target) {
                const Side kept =
                    decision->action == DecisionAction::keep_source ? Side::source : Side::target;
                if (rules.mode == Mode::one_way && kept == Side::target) {
                    SYNCLINE_TRY(drop_below(frame));
                    own->action = Action::skip;
                    own->side = Side::target;
                    own->phase = Phase::none;
                    own->conflict = ConflictKind::kind_differs;
                    own->reason = reason;
                    return plan.replace(*own);
                }
                winner = kept == object_side ? Winner::object : Winner::container;
            }
        }
        if (winner == Winner::object && frame.hidden()) {
            winner = Winner::nobody;
            reason = "the directory that would give way holds items that are excluded or could not "
                     "be read";
        }
        switch (winner) {
        case Winner::object:
            if (last_id >= frame.first) {
                SYNCLINE_TRY(plan.clear_for_other_kind(frame.first, last_id, container_side));
            }
            own->action = Action::create;
            own->side = container_side;
            own->phase = Phase::write_content;
            own->conflict = ConflictKind::none;
            own->reason = reason;
            return plan.replace(*own);
        case Winner::container:
            if (last_id >= frame.first) {
                SYNCLINE_TRY(
                    plan.removals_to_creations(frame.first, last_id, container_side, reason));
            }
            own->action = Action::remove;
            own->side = object_side;
            own->phase = Phase::clear_content;
            own->conflict = ConflictKind::none;
            own->reason = reason;
            return plan.replace(*own);
        case Winner::nobody:
            break;
        }
        SYNCLINE_TRY(drop_below(frame));
        return unresolved(*own, ConflictKind::kind_differs, reason);
    }

    Result<Decision> resolve_kind_differs(const PlannedOp& own, Side object_side) {
        PlannedOp both = own;
        Item container;
        container.kind = ItemKind::container;
        container.key = own.key + '/';
        (object_side == Side::source ? both.target : both.source) = container;
        return resolve(both, ConflictKind::kind_differs);
    }

    Status drop_below(const Frame& frame) {
        return last_id >= frame.first ? plan.drop(frame.first, last_id) : Status();
    }

    // ---- rows ----

    Status remember_object_rows(BytesView key) {
        if (has_pending) {
            has_pending = false;
            if (key.starts_with(pending_key) && key.size() > pending_key.size() &&
                static_cast<unsigned char>(key[pending_key.size()]) <= '/') {
                pending.prefix = pending_key + '/';
                frames.push_back(pending);
            }
        }
        return {};
    }

    // The first row at or below `a/` while `a` is open: do the sides hold different kinds?
    Status meet_namesake(const Row& row, const RowFacts& facts) {
        if (frames.empty()) {
            return {};
        }
        Frame& frame = frames.back();
        if (frame.kind != Frame::Kind::object || !row.key.starts_with(frame.prefix)) {
            return {};
        }
        const Side container_side = other(frame.side);
        const SideState there = state_of(facts, container_side);
        if (there == SideState::unknown) {
            // What looked deleted there may be anything.
            const std::int64_t own = frame.own;
            frames.pop_back();
            return own != 0 ? plan.drop(own, own) : Status();
        }
        if (!present(there)) {
            frames.pop_back();
            return {};
        }
        if (frame.extra != nullptr) {
            Result<std::int64_t> id = add(*frame.extra);
            if (!id.ok()) {
                return id.status();
            }
            frame.own = *id;
        }
        frame.kind = Frame::Kind::kind_differs;
        frame.first = last_id + 1;
        frame.in_base = facts.has_base;
        return {};
    }

    Status on_row(const Row& row, const RowFacts& facts, bool moved) {
        SYNCLINE_TRY(remember_object_rows(row.key));
        if (!frames.empty()) {
            SYNCLINE_TRY(close_passed(row.key));
            SYNCLINE_TRY(meet_namesake(row, facts));
        }
        if (facts.source == SideState::unknown || facts.target == SideState::unknown) {
            return on_unknown(row);
        }
        if (is_container_key(row.key)) {
            return on_container(row, facts);
        }
        return on_object(row, facts, moved);
    }

    Status on_unknown(const Row& row) {
        const auto takes_no_part = [](const ItemView* item) {
            return item != nullptr &&
                   (item->kind == ItemKind::unsupported || (item->losses & kMountPoint) != 0);
        };
        mark(takes_no_part(row.source) || takes_no_part(row.target) ? &Frame::left_out
                                                                    : &Frame::unreadable);
        const auto report = [&](const ItemView* item, Side side) -> Status {
            if (item == nullptr || !(item->unreadable || item->kind == ItemKind::unsupported)) {
                return {};
            }
            const bool is_mount = (item->losses & kMountPoint) != 0;
            PlannedOp op =
                make_op(row, Action::skip, side, Phase::none,
                        is_mount ? "another file system is mounted there; it takes no part"
                        : item->unreadable
                            ? "could not be read"
                            : "of a kind that cannot be synchronised (a socket, pipe or device)");
            op.unreadable = item->unreadable && !is_mount;
            return add(op).status();
        };
        SYNCLINE_TRY(report(row.source, Side::source));
        return report(row.target, Side::target);
    }

    // Below a container that one side lacks, everything is judged as in a two-way sync and
    // corrected when the frame closes.
    const Rules& rules_here() {
        static const Rules two_way;
        return inside(Frame::Kind::kind_differs) ? two_way : rules;
    }

    Status on_container(const Row& row, const RowFacts& facts) {
        const bool in_kind_frame = inside(Frame::Kind::kind_differs);
        const Verdict verdict = decide_container(facts, in_kind_frame ? rules_here() : rules);
        if (verdict.kind == Verdict::Kind::nothing) {
            if (!facts.has_base && rules.mode == Mode::one_way && present(facts.target)) {
                mark(&Frame::survivors); // an extra
            }
            return {};
        }
        const PlannedOp op = make_op(row, verdict.action, verdict.side,
                                     phase_of(verdict.action, ItemKind::container), verdict.reason);
        Result<std::int64_t> id = add(op);
        if (!id.ok()) {
            return id.status();
        }
        if (verdict.action == Action::create) {
            if (!facts.has_base) {
                mark(&Frame::survivors);
            }
        } else if (verdict.action == Action::remove && !in_kind_frame) {
            Frame frame;
            frame.kind = Frame::Kind::deleted_container;
            frame.prefix = row.key;
            frame.side = other(verdict.side);
            frame.own = *id;
            frame.first = *id + 1;
            frame.in_base = facts.has_base;
            frames.push_back(std::move(frame));
        }
        return {};
    }

    Status on_object(const Row& row, const RowFacts& facts, bool moved) {
        const Verdict verdict = decide(facts, rules_here());
        std::int64_t id = 0;
        switch (verdict.kind) {
        case Verdict::Kind::nothing:
            if (!facts.has_base && rules.mode == Mode::one_way && present(facts.target) &&
                !present(facts.source)) {
                mark(&Frame::survivors); // an extra
                break;
            }
            if (moved && present(facts.source) && present(facts.target)) {
                return row.base != nullptr && row.base->differs
                           ? settle_differing(row)
                           : settle_equal(row, "content as it was");
            }
            if (!present(facts.source) || !present(facts.target)) {
                break;
            }
            if (row.base != nullptr && facts.source == SideState::same &&
                facts.target == SideState::same && resolver.lacks_base_content(*row.base)) {
                return add(make_op(row, Action::record, Side::target, Phase::bookkeeping,
                                   "its content is kept for merges"))
                    .status();
            }
            return {};
        case Verdict::Kind::conflict: {
            mark(&Frame::survivors);
            Result<std::int64_t> added = on_conflict(row, verdict.conflict);
            if (!added.ok()) {
                return added.status();
            }
            id = *added;
            break;
        }
        case Verdict::Kind::act: {
            if (verdict.action == Action::record) {
                return settle_equal(row, verdict.reason);
            }
            if (verdict.action == Action::create || verdict.action == Action::update) {
                mark(&Frame::survivors);
            }
            if (verdict.action == Action::forget && present(facts.target)) {
                mark(&Frame::survivors); // kept as an extra
            }
            PlannedOp op = make_op(row, verdict.action, verdict.side, Phase::none, verdict.reason);
            op.phase = phase_of(op.action, op.kind);
            op.conflict = verdict.conflict;
            Result<std::int64_t> added = add(op);
            if (!added.ok()) {
                return added.status();
            }
            id = *added;
            break;
        }
        }
        // Only where one side lacks the object can it have a container of the same name.
        if (present(facts.source) != present(facts.target)) {
            has_pending = true;
            pending_key = row.key;
            pending = Frame();
            pending.side = present(facts.source) ? Side::source : Side::target;
            pending.object_changed = state_of(facts, pending.side) == SideState::changed;
            pending.own = id;
            if (id == 0) {
                pending.extra = std::make_shared<const PlannedOp>(make_op(
                    row, Action::skip, Side::target, Phase::none, "an extra of the target"));
            }
        }
        return {};
    }

    // Equal content: only metadata may have to travel, and the base be refreshed.
    Status settle_equal(const Row& row, std::string_view reason) {
        PlannedOp op = make_op(row, Action::record, Side::target, Phase::bookkeeping, reason);
        const std::optional<Side> stale = side_with_older_meta(row);
        if (stale) {
            op.action = Action::set_meta;
            op.side = *stale;
            op.phase = Phase::write_content;
            op.reason = "only the time or the permissions differ";
        }
        return add(op).status();
    }

    // What may differ is as it was: only the tokens in the base are refreshed.
    Status settle_differing(const Row& row) {
        PlannedOp op = make_op(row, Action::record, Side::target, Phase::bookkeeping,
                               "both contents as they were");
        op.differs = true;
        return add(op).status();
    }

    // The side whose mtime and metadata should become those of the other; none if they are equal.
    // Symmetric.
    std::optional<Side> side_with_older_meta(const Row& row) const {
        const ItemView& s = *row.source;
        const ItemView& t = *row.target;
        const bool times_known =
            mtime_granularity_ns > 0 && s.mtime_ns != kUnknownTime && t.mtime_ns != kUnknownTime;
        const std::int64_t gap = times_known ? (s.mtime_ns > t.mtime_ns ? s.mtime_ns - t.mtime_ns
                                                                        : t.mtime_ns - s.mtime_ns)
                                             : 0;
        const bool times_differ = times_known && gap >= mtime_granularity_ns;
        if (!times_differ && same_meta(s.meta, t.meta)) {
            return std::nullopt;
        }
        if (rules.mode != Mode::two_way) {
            return Side::target;
        }
        if (times_differ) {
            return s.mtime_ns > t.mtime_ns ? Side::target : Side::source;
        }
        if (row.base != nullptr) {
            const bool source_kept = same_meta(s.meta, row.base->meta);
            if (source_kept != same_meta(t.meta, row.base->meta)) {
                return source_kept ? Side::source : Side::target;
            }
        }
        return s.meta > t.meta ? Side::target : Side::source;
    }

    Result<std::int64_t> on_conflict(const Row& row, ConflictKind kind) {
        const bool both = row.source != nullptr && row.target != nullptr;
        if (both && row.source->kind != row.target->kind) {
            kind = ConflictKind::kind_differs;
        }
        PlannedOp op = make_op(row, Action::conflict, Side::target, Phase::none, {});
        op.conflict = kind;
        Result<Decision> decision = resolve(op, kind, row.base);
        if (!decision.ok()) {
            return decision.status();
        }
        op.reason = decision->reason;
        switch (decision->action) {
        case DecisionAction::keep_source:
            keep(op, Side::source);
            break;
        case DecisionAction::keep_target:
            keep(op, Side::target);
            break;
        case DecisionAction::keep_both:
            op.action = Action::keep_both;
            op.side = decision->source_key.empty() ? Side::target : Side::source;
            op.other_key =
                decision->source_key.empty() ? decision->target_key : decision->source_key;
            op.differs = rules.mode != Mode::two_way;
            break;
        case DecisionAction::skip:
            op.action = Action::skip;
            break;
        case DecisionAction::merge:
            op.action = Action::merge;
            op.merged = MergedContent{decision->merged_digest, content_hash(decision->merged),
                                      decision->merged.size(), decision->merged_wall_ns};
            op.differs = rules.mode != Mode::two_way;
            break;
        case DecisionAction::defer:
        case DecisionAction::decline:
            break;
        }
        if (op.action != Action::conflict && op.action != Action::skip) {
            op.phase = phase_of(op.action, op.kind);
        }
        return add(op);
    }

    // Turns the conflict into what makes the other side like `winner`.
    void keep(PlannedOp& op, Side winner) const {
        const Side loser = other(winner);
        if (rules.mode != Mode::two_way && loser == Side::source) {
            op.action = Action::record; // the source is never written: the sides may differ until
                                        // one of them moves
            op.differs = true;
            return;
        }
        op.side = loser;
        if (!on(op, winner)) {
            op.action = Action::remove;
            op.kind = on(op, loser)->kind;
        } else {
            op.action = on(op, loser) ? Action::update : Action::create;
            op.kind = on(op, winner)->kind;
        }
    }

    Status on_excluded(const Row& row) {
        SYNCLINE_TRY(remember_object_rows(row.key));
        SYNCLINE_TRY(close_passed(row.key));
        if (row.source != nullptr || row.target != nullptr) {
            mark(&Frame::left_out);
        }
        if (row.base == nullptr) {
            return {};
        }
        return add(make_op(row, Action::forget, Side::target, Phase::bookkeeping,
                           "excluded by the rules"))
            .status();
    }

    Status finish() {
        has_pending = false;
        while (!frames.empty()) {
            SYNCLINE_TRY(close_top());
        }
        return {};
    }
};

Reconciler::Reconciler(const Rules& rules, std::int64_t mtime_granularity_ns,
                       ConflictResolver& resolver, PlanStore& plan)
    : impl_(std::make_unique<Impl>(rules, mtime_granularity_ns, resolver, plan)) {}
Reconciler::~Reconciler() = default;

Status Reconciler::on_row(const Row& row, const RowFacts& facts, bool moved) {
    return impl_->on_row(row, facts, moved);
}
Status Reconciler::on_excluded(const Row& row) { return impl_->on_excluded(row); }
Status Reconciler::finish() { return impl_->finish(); }

} // namespace syncline
