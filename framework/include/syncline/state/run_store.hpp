// The history of runs: when each began and ended, what became of its operations, which conflicts
// and failures it left.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/state/plan_store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace syncline {

struct Outcomes {
    std::uint64_t planned = 0;
    std::uint64_t ok = 0;
    std::uint64_t skipped = 0;
    std::uint64_t conflicted = 0;
    std::uint64_t failed = 0;
    std::uint64_t pending = 0;
    bool add_up() const { return planned == ok + skipped + conflicted + failed + pending; }
};

struct RunRecord {
    std::int64_t id = 0; // unique per state directory
    std::int64_t started_wall_ns = 0;
    std::int64_t finished_wall_ns = 0; // 0: did not finish
    int exit_code = -1;
    Outcomes outcomes;
    std::string report; // JSON, as printed by -o json
};

// One item that is worth remembering beyond its run: a failure (dead letter), a conflict, a skipped
// item.
struct RunNote {
    Outcome outcome = Outcome::failed;
    Bytes key;
    std::string action;
    std::string code; // name_of(Code), or the kind of a conflict
    std::string message;
    Bytes source_version;
    Bytes target_version;
    Bytes source_key; // what both sides renamed: its name there; else empty
    Bytes target_key;
    std::uint32_t attempts = 1;
};

// What a past run remembered of an item.
struct ItemHistory {
    std::int64_t run = 0;
    std::int64_t started_wall_ns = 0;
    RunNote note;
};

class RunStore {
public:
    virtual ~RunStore() = default;
    virtual Result<std::int64_t> begin(std::int64_t wall_ns) = 0;
    virtual Status note(std::int64_t run, const RunNote& note) = 0;
    virtual Status finish(const RunRecord& record) = 0; // by record.id; durable on return
    virtual Result<std::vector<RunRecord>> latest(std::size_t at_most) = 0; // newest first
    // Newest first, one in memory at a time. `visit` returns false to stop, and calls nothing here.
    virtual Status each(const std::function<bool(RunRecord&&)>& visit) = 0;
    virtual Result<std::optional<RunRecord>> find(std::int64_t run) = 0;
    virtual Result<std::vector<RunNote>> notes(std::int64_t run) = 0;
    // Of all runs of the sync, newest first.
    virtual Result<std::vector<ItemHistory>> history_of(BytesView key, std::size_t at_most) = 0;
};

// What is kept with a sync beside its base: which places it joined, so that another disk under the
// same path is noticed.
struct SyncIdentity {
    Bytes source_scope;
    Bytes target_scope;
};

class IdentityStore {
public:
    virtual ~IdentityStore() = default;
    virtual Result<std::optional<SyncIdentity>> load() = 0;
    virtual Status save(const SyncIdentity& identity) = 0;
};

} // namespace syncline
