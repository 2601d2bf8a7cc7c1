// The state directory: one SQLite file with everything that must survive (bases, runs, identities),
// the archive of contents beside it, a lock per sync, and a spool per running plan.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/base_store.hpp"
#include "syncline/state/journal_store.hpp"
#include "syncline/state/plan_store.hpp"
#include "syncline/state/run_store.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace syncline {

// Held from before planning to after the last commit. The kernel releases it when its owner dies,
// however it dies.
class SyncLock {
public:
    virtual ~SyncLock() = default;
};

// The state of one sync. Created by StateDirectory; must not outlive it.
class SyncState {
public:
    virtual ~SyncState() = default;
    virtual BaseStore& base() = 0;
    virtual RunStore& runs() = 0;
    virtual IdentityStore& identity() = 0;
    virtual ArchiveStore& archive() = 0;
    virtual JournalStore& journal() = 0;
    // A fresh, empty spool; at most one at a time per sync and process.
    virtual Result<std::unique_ptr<PlanStore>> new_plan() = 0;
};

class StateDirectory {
public:
    virtual ~StateDirectory() = default;
    // `name` says what must not be in two hands at once. Fails with Code::lock_held, naming the
    // process that holds it.
    virtual Result<std::unique_ptr<SyncLock>> lock(const std::string& name) = 0;
    virtual Result<std::unique_ptr<SyncState>> open_sync(const std::string& sync_name) = 0;
    // The syncs that were opened before, in no order.
    virtual Result<std::vector<std::string>> sync_names() = 0;
    // 32 random bytes that are this directory's alone, made when first asked for: with them a plan
    // that comes back from a file shows whether it is the one that was written.
    virtual Result<Bytes> plan_key() = 0;
};

// Creates the directory (0700) and the file if need be and upgrades an older schema. A corrupt
// file, or one with a newer schema, is Code::state_corrupt and left untouched. `clock` tells how
// old archived contents are; it outlives the directory.
Result<std::unique_ptr<StateDirectory>> open_state_directory(const std::filesystem::path& directory,
                                                             const Clock& clock = system_clock());

} // namespace syncline
