#include "syncline/reconcile/decide.hpp"

namespace syncline {

namespace {

Verdict nothing() { return {}; }

Verdict act(Action action, Side side, std::string_view reason) {
    return {Verdict::Kind::act, action, side, ConflictKind::none, reason};
}

Verdict conflict(ConflictKind kind) {
    return {Verdict::Kind::conflict, Action::conflict, Side::target, kind, {}};
}

Verdict resolved(Action action, Side side, ConflictKind kind, std::string_view reason) {
    return {Verdict::Kind::act, action, side, kind, reason};
}

// One side deleted what the other changed.
Verdict delete_vs_change(Side deleted, const Rules& rules) {
    const ConflictKind kind = deleted == Side::source ? ConflictKind::source_deleted_target_changed
                                                      : ConflictKind::source_changed_target_deleted;
    switch (rules.delete_vs_change) {
    case DeleteVsChange::keep_change:
        return resolved(Action::create, deleted, kind,
                        "changed on one side, deleted on the other: the change is kept");
    case DeleteVsChange::delete_wins:
        return resolved(Action::remove, other(deleted), kind,
                        "changed on one side, deleted on the other: delete wins");
    case DeleteVsChange::conflict:
        break;
    }
    return conflict(kind);
}

Verdict decide_two_way(const RowFacts& f, const Rules& rules) {
    using enum SideState;
    if (f.source == absent && f.target == absent) {
        return f.has_base ? act(Action::forget, Side::target, "gone from both sides") : nothing();
    }
    if (!f.has_base) {
        if (f.target == absent) {
            return act(Action::create, Side::target, "new on source");
        }
        if (f.source == absent) {
            return act(Action::create, Side::source, "new on target");
        }
        return f.equal ? act(Action::record, Side::target, "equal on both sides")
                       : conflict(ConflictKind::both_created);
    }
    if (f.source == absent) {
        return f.target == same ? act(Action::remove, Side::target, "deleted on source")
                                : delete_vs_change(Side::source, rules);
    }
    if (f.target == absent) {
        return f.source == same ? act(Action::remove, Side::source, "deleted on target")
                                : delete_vs_change(Side::target, rules);
    }
    if (f.source == same && f.target == same) {
        return nothing();
    }
    if (f.equal) {
        return act(Action::record, Side::target, "equal on both sides");
    }
    if (f.target == same) {
        return act(Action::update, Side::target, "changed on source");
    }
    if (f.source == same) {
        return act(Action::update, Side::source, "changed on target");
    }
    return conflict(ConflictKind::both_changed);
}

// The source is never written; what the target has of its own is kept.
Verdict decide_one_way(const RowFacts& f) {
    using enum SideState;
    if (f.source == absent) {
        if (!f.has_base) {
            return nothing(); // an extra of the target
        }
        if (f.target == same) {
            return act(Action::remove, Side::target, "deleted on source");
        }
        return act(Action::forget, Side::target,
                   "deleted on source, changed on target: kept there as an extra");
    }
    if (f.target == absent) {
        return act(Action::create, Side::target,
                   f.has_base ? "missing on target" : "new on source");
    }
    if (f.has_base && f.source == same && f.target == same) {
        return nothing();
    }
    if (f.equal) {
        return act(Action::record, Side::target, "equal on both sides");
    }
    if (f.has_base && f.target == same) {
        return act(Action::update, Side::target, "changed on source");
    }
    return conflict(f.has_base ? ConflictKind::both_changed : ConflictKind::both_created);
}

Verdict decide_mirror(const RowFacts& f) {
    using enum SideState;
    if (f.source == absent) {
        if (f.target == absent) {
            return f.has_base ? act(Action::forget, Side::target, "gone from both sides")
                              : nothing();
        }
        return act(Action::remove, Side::target, "not on source");
    }
    if (f.target == absent) {
        return act(Action::create, Side::target, "missing on target");
    }
    if (f.has_base && f.source == same && f.target == same) {
        return nothing();
    }
    return f.equal ? act(Action::record, Side::target, "equal on both sides")
                   : act(Action::update, Side::target, "differs from source");
}

} // namespace

Verdict decide(const RowFacts& facts, const Rules& rules) {
    if (facts.source == SideState::unknown || facts.target == SideState::unknown) {
        return nothing();
    }
    switch (rules.mode) {
    case Mode::two_way:
        return decide_two_way(facts, rules);
    case Mode::one_way:
        return decide_one_way(facts);
    case Mode::mirror:
        return decide_mirror(facts);
    }
    return nothing();
}

Verdict decide_container(const RowFacts& facts, const Rules& rules) {
    using enum SideState;
    if (facts.source == unknown || facts.target == unknown) {
        return nothing();
    }
    // A container is only there or not there, so one that is there counts as being as it was.
    RowFacts present = facts;
    present.equal = true;
    if (facts.has_base) {
        present.source = facts.source == absent ? absent : same;
        present.target = facts.target == absent ? absent : same;
    }
    return decide(present, rules);
}

} // namespace syncline
