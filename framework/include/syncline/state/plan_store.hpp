// The list of operations that one run would do: written by the planner in key order, corrected by
// ranges where a later item changes what an earlier one means, shown, guarded, then read phase by
// phase by the executor. It is a spool on disk, so that memory does not depend on its length, and
// need not survive a crash.
//
// Threads: one at a time, but where it says otherwise.
#pragma once

#include "syncline/core/conflict_kind.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace syncline {

enum class Action : std::uint8_t {
    create = 1,    // write `side` from the other side; nothing is there
    update = 2,    // write `side` from the other side over what is there
    remove = 3,    // remove from `side`
    set_meta = 4,  // make mtime and metadata of `side` those of the other side; content is equal
    keep_both = 5, // the item of `side` lost: it goes to `other_key` on both sides, the winner
                   // takes its key
    record = 6,    // both sides agree (or were decided to differ): base only
    forget = 7,    // gone from both sides (or from the rules): base only
    conflict = 8,  // unresolved: nothing is touched
    skip = 9,      // unknown, unsupported or not representable: nothing is touched
    rename = 10,   // the item that `side` calls `other_key` becomes `key`, as on the other side
    follow = 11, // part of another rename and not counted by itself: an item that moves along with
                 // its directory (from `other_key` to `key`), or one that waits aside in a cycle
    merge = 12,  // both sides changed and were merged: the result is written to both
};
inline constexpr std::size_t kActionNumbers = 13; // and 0, which is none

// Executed in this order; containers before content when creating, after it when removing. Renames
// come after the containers they lead into, and before the content that takes their old names.
enum class Phase : std::uint8_t {
    clear_content = 1,    // content that gives way to another kind of item
    clear_containers = 2, // containers that do; deepest first
    conflict_copies = 3,
    create_containers = 4, // parents first
    rename_containers = 5, // whole, with all they hold; and what is made below those. Parents first
    rename_chains = 6,     // where one name is another's old one: one after the other, as planned
    rename_items = 7,
    write_content = 8,
    remove_content = 9,
    remove_containers = 10, // deepest first
    bookkeeping = 11,       // record and forget
    none = 12,              // conflict and skip: nothing to do
};
inline constexpr std::size_t kPhaseCount = 12;

std::string_view name_of(Action action);

enum class Outcome : std::uint8_t { pending = 0, ok = 1, skipped = 2, conflicted = 3, failed = 4 };
std::string_view name_of(Outcome outcome);

// What a strategy made of both sides. Its bytes wait in the archive.
struct MergedContent {
    Bytes digest; // where the archive has it
    Bytes hash;   // XXH3-128, as the base keeps it
    std::uint64_t size = 0;
    std::int64_t mtime_ns = kUnknownTime; // of both sides, once it is written
};

struct PlannedOp {
    std::int64_t id = 0; // given by add(); ascending in key order
    Bytes key;
    Action action = Action::skip;
    Side side = Side::target; // the side that is written; for skip, the side that is unknown
    Phase phase = Phase::none;
    ItemKind kind = ItemKind::object;
    ConflictKind conflict = ConflictKind::none; // also set when a conflict was decided
    bool differs = false; // record: let the sides differ; keep_both, merge: write the target only;
                          // rename: the content changed as well, so it is copied and the old one
                          // removed
    bool unreadable =
        false; // skip: could not be read (rather than: of a kind that cannot be synchronised)
    std::optional<Item> source; // as listed when planned. Their keys are `key` and left empty, but
    std::optional<Item> target; // for a conflict of two new names, which are there
    Bytes base_hash;            // content both agreed on, if known (HashAlgo::xxh3_128)
    Bytes base_meta;
    Bytes base_source_id; // who the item was on each side, if known
    Bytes base_target_id;
    bool has_base = false;
    std::optional<MergedContent> merged; // merge
    Bytes other_key; // keep_both: where the loser goes; rename, follow: the old name
    Bytes via_key;   // rename: where the item waits already, because its old name is taken by now;
                     // follow that puts an item aside: the name that it will get
    std::string reason; // for people: the rule that fired, the strategy that decided
};

struct PlanCounts {
    std::array<std::uint64_t, kActionNumbers> actions{}; // by Action, indexed by its number
    std::array<std::uint64_t, kPhaseCount + 1> phases{}; // by Phase
    std::array<std::uint64_t, 2>
        removals{};           // by Side: objects, links and containers that would be removed
    std::uint64_t bytes = 0;  // content to write
    bool brings_back = false; // may create what the base knows: deleted on one side, and kept
};

// An operation as the plan keeps it, on its way to the thread that carries it out.
struct PackedOp {
    std::int64_t id = 0;
    BytesView key;
    Action action = Action::skip;
    std::uint64_t content = 0; // bytes to write; kUnknownSize: not known
    BytesView bytes;
};

class PlanStore {
public:
    virtual ~PlanStore() = default;
    virtual Result<std::int64_t> add(const PlannedOp& op) = 0;
    virtual Status replace(const PlannedOp& op) = 0; // by op.id
    virtual Result<PlannedOp> at(std::int64_t id) = 0;

    // Corrections over the operations with first <= id <= last; others in the range stay.
    // Turns removals from `from` into creations on the other side (the item stays and comes back
    // there).
    virtual Status removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                         std::string_view reason) = 0;
    // Turns creations on `on` into removals, and existing removals on the other side too, in the
    // clearing phases.
    virtual Status clear_for_other_kind(std::int64_t first, std::int64_t last, Side present_on) = 0;
    virtual Status drop(std::int64_t first, std::int64_t last) = 0;

    virtual Result<PlanCounts> counts() = 0;

    // The operations of one phase by ascending key (descending for the phases that go deepest
    // first). `visit` returns false to stop. The operation borrows nothing and may be moved from.
    virtual Status each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) = 0;
    // The same in ascending order for any phase, which leaves unpacking to whoever needs the
    // operation. It borrows until `visit` returns.
    virtual Status each_packed(Phase phase, const std::function<bool(const PackedOp&)>& visit) = 0;
    // Any thread, at any time.
    virtual Status unpack(std::int64_t id, BytesView bytes, PlannedOp& op) const = 0;
    virtual Status each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) = 0;
};

} // namespace syncline
