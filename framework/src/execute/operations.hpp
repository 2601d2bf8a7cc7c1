// Carries out one planned operation: checks its preconditions, writes, and says what the base
// should remember.
#pragma once

#include "execute/base_keeper.hpp"
#include "execute/transfer.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"

#include <array>
#include <string>
#include <vector>

namespace syncline {

// What the base should say once the written side has flushed.
struct BaseChange {
    BaseEntry entry; // put; for an erasure only its key counts
    bool erase = false;
};

// What an operation's failure means for the others.
enum class GiveUp : std::uint8_t {
    nothing = 0,
    writing,    // that side takes no writes (full, read-only), but can be read
    everything, // credentials, the root, an open breaker: no use in going on with that side
};

// An operation and what became of it: made before it is tried, filled in place.
struct OpResult {
    OpResult() = default;
    explicit OpResult(PlannedOp&& planned) : op(std::move(planned)) {}

    PlannedOp op;
    Outcome outcome = Outcome::ok;
    Code code = Code::ok;
    std::string message;
    std::vector<BaseChange> base_changes;
    std::vector<KeptContent> kept; // of base_changes, in the archive
    Status keep_failed;            // the old content could not be archived: nothing may be written
    std::array<Bytes, 2> archived; // by Side: digest of the old content; empty: not kept
    std::string not_kept;          // why not
    bool tells_not_kept = false;
    std::array<bool, 2> intended{};    // by Side: the journal says that it is about to happen
    std::vector<JournalEntry> changes; // what was done, for the journal
    std::uint64_t bytes = 0;
    std::uint8_t losses = 0; // of Loss: what the copy did not keep
    GiveUp give_up = GiveUp::nothing;
    Side given_up = Side::target; // the side that refused, which need not be the one written
};

// Whose content the operation takes away, where it does.
inline const Bytes& lost_key(const PlannedOp& op) {
    return op.action == Action::rename ? op.other_key : op.key;
}

BaseEntry entry_of(BytesView key, Side a_side, Item a, Item b, Bytes hash);
BaseChange erasure(BytesView key);
// What both sides are known to hold when they are equal: from whichever place it is known.
BytesView agreed_hash(const PlannedOp& op);

class Operations {
public:
    Operations(Endpoint& source, Endpoint& target, RunProgress& progress,
               const ExecuteOptions& options, bool records_changes, const KeptBases& kept_bases)
        : source_(source), target_(target), progress_(progress), options_(options),
          records_changes_(records_changes), bases_(source, target, kept_bases) {}

    void perform(OpResult& result, const CallContext& call) const; // any thread

private:
    Side refused_by(const PlannedOp& op, const Status& status) const;
    Endpoint& at(Side side) const { return side == Side::source ? source_ : target_; }
    Status write(OpResult& result, const CallContext& call) const;
    Status write_container(OpResult& result, const CallContext& call) const;
    Status remove(OpResult& result, const CallContext& call) const;
    Status set_meta(OpResult& result, const CallContext& call) const;
    Status keep_both(OpResult& result, const CallContext& call) const;
    Status rename(OpResult& result, const CallContext& call) const;
    Status rename_container(OpResult& result, const CallContext& call) const;
    Status follow(OpResult& result, const CallContext& call) const;
    Status follow_container(OpResult& result, const CallContext& call) const;
    Status follow_item(OpResult& result, const CallContext& call) const;
    Status put_aside(OpResult& result, const CallContext& call) const;
    Status copy_and_remove(OpResult& result, const CallContext& call) const;
    Status still_named(const PlannedOp& op, const CallContext& call) const;
    Result<Item> move_item(const PlannedOp& op, BytesView from, const CallContext& call) const;
    void record_rename(OpResult& result, const Item& renamed) const;
    void follow_meta(const PlannedOp& op, Item& written, const CallContext& call) const;
    Status merge(OpResult& result, const CallContext& call) const;
    Result<Item> write_merged(const PlannedOp& op, Side side, const CallContext& call) const;
    Result<Transferred> write_content(const TransferRequest& request,
                                      const CallContext& call) const;
    // `before`, `after`: null where nothing was there, or is.
    void changed(OpResult& result, BytesView key, Side side, Action action, const Item* before,
                 const Item* after) const;
    BaseEntry differing_entry(BytesView key, const Item& source, const Item& target,
                              const CallContext& call) const;
    TransferRequest loser_copy(const PlannedOp& op, Side to) const; // borrows from `op`
    Status check_copy_name(const PlannedOp& op, Side to, const CallContext& call) const;
    Status copy_loser(OpResult& result, Side to, const CallContext& call, Item& read, Item& written,
                      Bytes& hash) const;

    Endpoint& source_;
    Endpoint& target_;
    RunProgress& progress_;
    const ExecuteOptions& options_;
    const bool records_changes_;
    BaseKeeper bases_;
};

} // namespace syncline
