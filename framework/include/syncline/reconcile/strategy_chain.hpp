// Asks a chain of conflict strategies, first to last, until one decides. The end of every chain is
// "manual": a conflict that nobody decided stays as it is. A strategy that fails, or answers what
// cannot be done, decides nothing.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/reconcile/reconciler.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace syncline {

class StrategyChain : public ConflictResolver {
public:
    StrategyChain(std::vector<std::unique_ptr<ConflictStrategy>> strategies, std::string sync_name);

    // The sides whose items the conflicts are about; before the first resolve().
    void attach(ItemReader& source, ItemReader& target, const CallContext& call,
                const Clock& clock);

    Result<Decision> resolve(const ConflictCase& conflict) override;

    // Hears what every strategy that is asked about a key answers, in the order of the chain: for
    // people, never empty. `decided`: the chain ends there.
    using Listener = std::function<void(BytesView key, const std::string& strategy, bool decided,
                                        const std::string& answer)>;
    void listen(Listener listener) { listener_ = std::move(listener); }

private:
    Result<Bytes> free_conflict_key(const ConflictCase& conflict, Side loser,
                                    const Bytes& proposed);
    std::vector<std::unique_ptr<ConflictStrategy>> strategies_;
    std::string sync_name_;
    ItemReader* source_ = nullptr;
    ItemReader* target_ = nullptr;
    const Clock* clock_ = nullptr;
    Listener listener_; // may be empty
    CallContext call_;
    std::set<Bytes> given_; // names of conflict copies in this plan, which neither side shows yet
};

// `dir/name.conflict-3.ext` with another number; a name without the mark gets it before its
// extension.
Bytes with_conflict_number(BytesView key, unsigned number);

} // namespace syncline
