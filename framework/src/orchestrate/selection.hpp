// A run over some keys only: they are looked up on both sides and in the base, and go through the
// same matrix, preconditions and records as a listing would.
//
// Threads: as what it stands in for.
#pragma once

#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/sync_run.hpp"
#include "syncline/reconcile/reconciler.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/base_store.hpp"

#include <set>

namespace syncline {

// Stands in for a side's listing.
class SelectedItems final : public ItemLister {
public:
    // `keys`: ascending, each once; outlive it, as the endpoint does.
    SelectedItems(Endpoint& side, const std::vector<Bytes>& keys) : side_(side), keys_(keys) {}
    const ConnectorInfo& info() const override { return side_.info(); }
    const std::string& location() const override { return side_.location(); }
    Result<std::unique_ptr<ItemStream>> list(const CallContext& call) override;

private:
    Endpoint& side_;
    const std::vector<Bytes>& keys_;
};

// Stands in for the base while planning; nothing is written through it.
class SelectedBase final : public BaseStore {
public:
    SelectedBase(BaseStore& base, const std::vector<Bytes>& keys) : base_(base), keys_(keys) {}
    Result<std::unique_ptr<BaseCursor>> scan() override;
    Result<std::optional<BaseEntry>> find(BytesView key) override { return base_.find(key); }
    Result<std::uint64_t> count() override { return base_.count(); }
    Status put(const BaseEntryView&) override { return read_only(); }
    Status erase(BytesView) override { return read_only(); }
    Status commit() override { return read_only(); }
    Status rollback() override { return read_only(); }

private:
    static Status read_only() { return Status(Code::internal, "a plan does not write the base"); }
    BaseStore& base_;
    const std::vector<Bytes>& keys_;
};

// Decides as a person did, and only what that person saw.
class PersonsDecision final : public ConflictResolver {
public:
    // `chain`: asked for Take::both.
    PersonsDecision(const Selection& selection, ConflictResolver& chain, ArchiveStore& archive,
                    std::int64_t now_wall_ns)
        : selection_(selection), chain_(chain), archive_(archive), now_wall_ns_(now_wall_ns) {}

    Result<Decision> resolve(const ConflictCase& conflict) override;
    bool decided(BytesView key) const { return decided_.count(Bytes(key)) != 0; }

private:
    Result<Decision> take(const ConflictCase& conflict);

    const Selection& selection_;
    ConflictResolver& chain_;
    ArchiveStore& archive_;
    std::int64_t now_wall_ns_;
    std::set<Bytes> decided_; // keys that were conflicts
};

} // namespace syncline
