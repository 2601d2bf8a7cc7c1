// Carries out one planned operation: checks its preconditions, writes, and says what the base
// should remember.
#pragma once

#include "execute/base_keeper.hpp"
#include "execute/transfer.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"

#include <string>
#include <vector>

namespace syncline {

// What the base should say once the written side has flushed.
struct BaseChange {
    BaseEntry entry; // put; for an erasure only its key counts
    bool erase = false;
};

// An operation and what became of it: made before it is tried, filled in place.
struct OpResult {
    explicit OpResult(PlannedOp&& planned) : op(std::move(planned)) {}

    PlannedOp op;
    Outcome outcome = Outcome::ok;
    Code code = Code::ok;
    std::string message;
    std::vector<BaseChange> base_changes;
    std::vector<KeptContent> kept; // of base_changes, in the archive
    std::uint64_t bytes = 0;
    bool stops_side =
        false; // credentials, quota or the root are the matter: no use in going on with this side
};

class Operations {
public:
    Operations(Endpoint& source, Endpoint& target, RunProgress& progress,
               const ExecuteOptions& options, const KeptBases& kept_bases)
        : source_(source), target_(target), progress_(progress), options_(options),
          keeper_(source, target, kept_bases) {}

    void perform(OpResult& result, const CallContext& call) const; // any thread

private:
    Endpoint& at(Side side) const { return side == Side::source ? source_ : target_; }
    Status write(OpResult& result, const CallContext& call) const;
    Status write_container(OpResult& result, const CallContext& call) const;
    Status remove(OpResult& result, const CallContext& call) const;
    Status set_meta(OpResult& result, const CallContext& call) const;
    Status keep_both(OpResult& result, const CallContext& call) const;
    Status merge(OpResult& result, const CallContext& call) const;
    Result<Item> write_merged(const PlannedOp& op, Side side, const CallContext& call) const;
    Result<Transferred> write_content(const TransferRequest& request,
                                      const CallContext& call) const;
    Status copy_loser(OpResult& result, const Item& loser, Side to, const CallContext& call,
                      Item& read, Item& written, Bytes& hash) const;

    Endpoint& source_;
    Endpoint& target_;
    RunProgress& progress_;
    const ExecuteOptions& options_;
    BaseKeeper keeper_;
};

} // namespace syncline
