// From the journal of a run to the plan that takes one side back.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/journal_store.hpp"
#include "syncline/state/plan_store.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace syncline {

// How what is there now is dealt with.
enum class TakeBack : std::uint8_t {
    undo = 1,    // only what the run left there gives way
    restore = 2, // whatever is there gives way to what was there before the run
};

// Entries must come by ascending key.
class UndoPlanner {
public:
    UndoPlanner(Endpoint& endpoint, Side side, std::int64_t run, TakeBack how,
                JournalStore& journal, ArchiveStore& archive, PlanStore& plan,
                const CallContext& call);

    Status add(const JournalEntry& entry);
    // Items that come back under the name they had before the run, whose new name goes: these
    // removals lose nothing.
    std::uint64_t moved_back() const { return moved_back_; }

private:
    Status undo(PlannedOp op, const JournalEntry& entry, std::optional<Item> now);
    Status restore(PlannedOp op, const JournalEntry& entry, std::optional<Item> now);
    Result<bool> looks_like_before(const JournalEntry& entry, const std::optional<Item>& now);
    Result<std::string> in_the_way(BytesView key);
    Status bring_back(PlannedOp op, const JournalEntry& entry, std::optional<Item> now);
    Result<Bytes> archived_of(const JournalEntry& entry);
    Status take_away(PlannedOp op, std::optional<Item> now);
    Status leave(PlannedOp op, std::string reason); // somebody changed it since
    Status cannot(PlannedOp op, std::string reason);
    Status make_parents(BytesView key);
    Status put(const PlannedOp& op);
    std::optional<Item>& here(PlannedOp& op) const {
        return side_ == Side::source ? op.source : op.target;
    }
    std::optional<Item>& past(PlannedOp& op) const {
        return side_ == Side::source ? op.target : op.source;
    }

    Endpoint& endpoint_;
    const Side side_;
    const std::int64_t run_;
    const TakeBack how_;
    JournalStore& journal_;
    ArchiveStore& archive_;
    PlanStore& plan_;
    const CallContext& call_;
    // Directories above the next key that are there or planned, outermost first.
    std::vector<Bytes> parents_;
    std::uint64_t moved_back_ = 0;
};

} // namespace syncline
