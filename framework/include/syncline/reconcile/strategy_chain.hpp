// Asks a chain of conflict strategies, first to last, until one decides. The end of every chain is
// "manual": a conflict that nobody decided stays as it is. A strategy that fails, or answers what
// cannot be done, decides nothing.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/reconcile/reconciler.hpp"

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

private:
    Result<Bytes> free_conflict_key(const ConflictCase& conflict, Side loser,
                                    const Bytes& proposed);
    std::vector<std::unique_ptr<ConflictStrategy>> strategies_;
    std::string sync_name_;
    ItemReader* source_ = nullptr;
    ItemReader* target_ = nullptr;
    const Clock* clock_ = nullptr;
    CallContext call_;
    std::set<Bytes> given_; // names of conflict copies in this plan, which neither side shows yet
};

// `dir/name.conflict-3.ext` with another number; a name without the mark gets it before its
// extension. The name is shortened to 255 bytes, between characters and before the mark.
Bytes with_conflict_number(BytesView key, unsigned number);

} // namespace syncline
