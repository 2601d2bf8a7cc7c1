// Carries out one planned operation: checks its preconditions, writes, and says what the base
// should remember.
#pragma once

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
    std::uint64_t bytes = 0;
    std::uint8_t losses = 0; // of Loss: what the copy did not keep
    bool stops_side =
        false; // credentials, quota or the root are the matter: no use in going on with this side
};

BaseEntry entry_of(BytesView key, Side a_side, Item a, Item b, Bytes hash);
BaseChange erasure(BytesView key);
// What both sides are known to hold when they are equal: from whichever place it is known.
BytesView agreed_hash(const PlannedOp& op);

class Operations {
public:
    Operations(Endpoint& source, Endpoint& target, RunProgress& progress,
               const ExecuteOptions& options)
        : source_(source), target_(target), progress_(progress), options_(options) {}

    void perform(OpResult& result, const CallContext& call) const; // any thread

private:
    Endpoint& at(Side side) const { return side == Side::source ? source_ : target_; }
    Status write(OpResult& result, const CallContext& call) const;
    Status write_container(OpResult& result, const CallContext& call) const;
    Status remove(OpResult& result, const CallContext& call) const;
    Status set_meta(OpResult& result, const CallContext& call) const;
    Status keep_both(OpResult& result, const CallContext& call) const;
    Status rename(OpResult& result, const CallContext& call) const;
    Status rename_container(OpResult& result, const CallContext& call) const;
    Status follow(OpResult& result, const CallContext& call) const;
    Status follow_item(OpResult& result, const CallContext& call) const;
    Status put_aside(const PlannedOp& op, const CallContext& call) const;
    Status copy_and_remove(OpResult& result, const CallContext& call) const;
    Status still_named(const PlannedOp& op, const CallContext& call) const;
    Result<Item> move_item(const PlannedOp& op, BytesView from, const CallContext& call) const;
    void follow_meta(const PlannedOp& op, Item& written, const CallContext& call) const;
    Result<Transferred> write_content(const TransferRequest& request,
                                      const CallContext& call) const;
    Status copy_loser(OpResult& result, const Item& loser, Side to, const CallContext& call,
                      Item& read, Item& written, Bytes& hash) const;

    Endpoint& source_;
    Endpoint& target_;
    RunProgress& progress_;
    const ExecuteOptions& options_;
};

} // namespace syncline
