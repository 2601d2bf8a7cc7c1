// Names that one side can hold and the other cannot. A store may take `x` and `X`, or two ways to
// write the same accented letter, for one name: writing both there would let one silently replace
// the other. A store may also have no way to hold a name at all.
//
// Costs nothing between sides that treat names alike and tell all of them apart. Otherwise the
// names are sorted by their folded form through a spill file; memory grows with the number of
// outermost names that fold together, not with the number of items.
//
// Threads: one.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/plugin/connector.hpp"
#include "syncline/state/plan_store.hpp"

#include <array>
#include <filesystem>
#include <memory>

namespace syncline {

class SpillSort;

class NameCheck {
public:
    NameCheck(const ConnectorInfo& source, const ConnectorInfo& target,
              std::filesystem::path spill_directory);
    ~NameCheck();
    NameCheck(const NameCheck&) = delete;
    NameCheck& operator=(const NameCheck&) = delete;

    // A key that a side has and that takes part.
    Status see(BytesView key, bool on_source, bool on_target);
    // When the plan is made: what would write colliding names becomes one conflict for each, and
    // creations that a side cannot hold are skipped.
    Status correct(PlanStore& plan);

private:
    struct Groups;
    Status collect(Groups& groups);
    Status find_writes(PlanStore& plan, Groups& groups);
    Status correct_collisions(PlanStore& plan, Groups& groups);
    Status skip_unrepresentable(PlanStore& plan);

    std::array<KeyRules, 2> rules_;
    std::array<std::uint32_t, 2> max_key_bytes_;
    bool folds_;
    bool limits_differ_;
    std::filesystem::path spill_directory_;
    std::unique_ptr<SpillSort> names_;
};

// A key as a store that follows `rules` looks it up. Bytes that are no UTF-8 stay as they are.
Bytes fold_key(BytesView key, const KeyRules& rules);

// Why a side with these rules cannot hold the key; empty if it can. `max_key_bytes`: 0 for no
// limit.
std::string_view why_not_held(BytesView key, const KeyRules& rules, std::uint32_t max_key_bytes);

} // namespace syncline
