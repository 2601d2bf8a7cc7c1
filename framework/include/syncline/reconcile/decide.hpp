// The decision matrix: what one row means, given what is known of both sides. Pure, total, and
// small enough to be tested exhaustively.
#pragma once

#include "syncline/reconcile/rules.hpp"
#include "syncline/state/plan_store.hpp"

namespace syncline {

enum class SideState : std::uint8_t {
    absent,
    same,    // content as in the base
    changed, // content differs from the base, or there is no base
    unknown, // could not be read: neither present nor absent
};

struct RowFacts {
    bool has_base = false;
    SideState source = SideState::absent;
    SideState target = SideState::absent;
    bool equal = false; // both present, and of equal content
};

struct Verdict {
    enum class Kind : std::uint8_t { nothing, act, conflict };
    Kind kind = Kind::nothing;
    Action action = Action::record; // act
    Side side = Side::target;       // act: the side that is written
    ConflictKind conflict = ConflictKind::none;
    std::string_view reason;
};

// For objects and links.
Verdict decide(const RowFacts& facts, const Rules& rules);
// For containers, which have no content: present or not.
Verdict decide_container(const RowFacts& facts, const Rules& rules);

} // namespace syncline
