// Turns deletions and creations of a finished plan into renames: an item that is gone under one
// name and came under another moved, so the other side can move its own instead of copying. A pair
// is found by the item's identity, else by its content; either way it counts as renamed unchanged
// only if the content was read and is as it was, so a reused identity is never mistaken for it.
//
// Directories move as one where all below them agree. An item that both sides renamed differently
// becomes a conflict. Nothing is read, and nothing costs, where a plan deletes nothing.
//
// Threads: find_renames() runs in its caller's thread; contents are read on the pool.
#pragma once

#include "syncline/reconcile/planner.hpp"

#include <cstdint>

namespace syncline {

// A name beside `key` under which an item of a cycle waits, of the sync called `sync`.
Bytes aside_key(BytesView key, BytesView sync);
// What waits was put aside by a run of `sync` that did not come back for it, or by another sync,
// which may be about to.
enum class LeftAside : std::uint8_t { no, by_this_sync, by_another_sync };
LeftAside left_aside(BytesView key, BytesView sync);

Status find_renames(const PlanInputs& inputs, const CallContext& call);

} // namespace syncline
