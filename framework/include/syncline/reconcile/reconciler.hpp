// From rows to a plan. The reconciler takes the rows of the three-way join by ascending key,
// decides each by the matrix and writes operations to the plan. It is pure: it reads no clock, no
// disk and no side; what it needs to know arrives with the row or is asked of the ConflictResolver.
//
// A row can change what an earlier one meant: a changed item below a deleted container, or a
// container where the other side has an object of the same name (`a` and `a/` are not adjacent:
// `a-b` lies between). Such rows are kept as open frames on a stack, whose depth is bounded by the
// length of a key, and the operations they gave rise to, a contiguous range of the plan, are
// corrected when the frame closes.
//
// Threads: one.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/reconcile/decide.hpp"
#include "syncline/state/base_store.hpp"
#include "syncline/state/plan_store.hpp"

#include <memory>

namespace syncline {

struct Row {
    BytesView key;
    const BaseEntryView* base = nullptr; // null: none
    const ItemView* source = nullptr;    // null: absent
    const ItemView* target = nullptr;
};

struct ConflictCase {
    ConflictKind kind = ConflictKind::both_changed;
    BytesView key;
    const BaseEntryView* base = nullptr;
    const Item* source = nullptr; // null: absent
    const Item* target = nullptr;
};

// Decides conflicts: in a run, the chain of strategy plugins. keep_both comes back with the loser's
// key free on both sides, merge with what was merged in the archive.
class ConflictResolver {
public:
    virtual ~ConflictResolver() = default;
    virtual Result<Decision> resolve(const ConflictCase& conflict) = 0;
    // Whether an unchanged item's content should be kept for later merges, and is not yet.
    virtual bool lacks_base_content(const BaseEntryView&) { return false; }
};

class Reconciler {
public:
    // `mtime_granularity_ns`: the coarser of both sides; 0 if one of them keeps no mtime.
    Reconciler(const Rules& rules, std::int64_t mtime_granularity_ns, ConflictResolver& resolver,
               PlanStore& plan);
    ~Reconciler();
    Reconciler(const Reconciler&) = delete;
    Reconciler& operator=(const Reconciler&) = delete;

    // `moved`: a version token differs from the base's or is missing there, so the base entry needs
    // refreshing even if the content is the same.
    Status on_row(const Row& row, const RowFacts& facts, bool moved);
    // A key that the rules exclude: never touched, and a container that holds it is never removed.
    Status on_excluded(const Row& row);
    Status finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace syncline
