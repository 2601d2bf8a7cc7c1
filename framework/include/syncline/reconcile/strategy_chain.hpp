// Asks a chain of conflict strategies, first to last, until one decides. The end of every chain is
// "manual": a conflict that nobody decided stays as it is. A strategy that answers what cannot be
// done passes; one that fails ends the chain, since its answer might have been the better one. Keys
// may have chains of their own by pattern.
//
// What a strategy merged is put into the archive at once, and the decision says where it is.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/reconcile/reconciler.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/state/archive_store.hpp"

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace syncline {

using Strategies = std::vector<std::unique_ptr<ConflictStrategy>>;

// The chain of the keys that a pattern covers: a filter that would exclude them.
struct PatternChain {
    KeyFilter pattern;
    Strategies strategies;
};

// The strategies that were asked about conflicts which none decided, by their last label.
struct Unresolved {
    std::set<std::string> passed;
    std::set<std::string> failed;   // which ended the chain
    std::set<std::string> deferred; // left it to a person, which ended the chain
};

class StrategyChain : public ConflictResolver {
public:
    // `strategies`: for the keys that no pattern covers. Of several patterns the last one counts.
    StrategyChain(Strategies strategies, std::string sync_name,
                  std::vector<PatternChain> by_pattern = {});

    // The sides whose items the conflicts are about; before the first resolve(). Without an archive
    // there is no base content, and nothing can be merged.
    void attach(ItemReader& source, ItemReader& target, const CallContext& call, const Clock& clock,
                ArchiveStore* archive = nullptr);

    Result<Decision> resolve(const ConflictCase& conflict) override;
    bool lacks_base_content(const BaseEntryView& base) override;

    const Unresolved& unresolved() const { return unresolved_; } // so far; resolve()'s thread

    // The largest body whose base content a strategy for this key can use; 0: none. Any thread.
    std::uint64_t base_content_limit(BytesView key) const;

    // Hears what every strategy that is asked about a key answers, in the order of the chain: for
    // people, never empty. `decided`: the chain ends there.
    using Listener = std::function<void(BytesView key, const std::string& strategy, bool decided,
                                        const std::string& answer)>;
    void listen(Listener listener) { listener_ = std::move(listener); }

private:
    const Strategies& strategies_for(BytesView key) const;
    void remember(Unresolved asked);
    Status store_merged(Decision& decision);
    Result<Bytes> free_conflict_key(const ConflictCase& conflict, Side loser,
                                    const Decision& decision);
    Strategies strategies_;
    std::vector<PatternChain> by_pattern_;
    std::string sync_name_;
    ItemReader* source_ = nullptr;
    ItemReader* target_ = nullptr;
    const Clock* clock_ = nullptr;
    ArchiveStore* archive_ = nullptr;
    Listener listener_; // may be empty
    Unresolved unresolved_;
    CallContext call_;
    std::set<Bytes> given_; // names of conflict copies in this plan, which neither side shows yet
};

// `key` with another number at the given place of its name.
Bytes with_number_at(BytesView key, std::size_t at, std::size_t size, unsigned number);

// `dir/name.conflict-3.ext` with another number; a name without the mark gets it before its
// extension. The name is shortened to 255 bytes, between characters and before the mark.
Bytes with_conflict_number(BytesView key, unsigned number);

} // namespace syncline
