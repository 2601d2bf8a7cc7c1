// What the last run left for a person: conflicts, and items that failed. It is what that run noted;
// a run over some keys notes again what it leaves open, so the latest finished run knows all of it.
//
// Threads: each function in its caller's thread. Nothing is locked: who resolves runs a sync over
// the keys (RunControl::selection), which is.
#pragma once

#include "syncline/core/clock.hpp"
#include "syncline/core/item.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syncline {

struct Inbox {
    std::int64_t run_id = 0; // 0: there was no run yet
    std::int64_t run_wall_ns = 0;
    Mode mode = Mode::two_way; // of that run
    std::string source;        // for people
    std::string target;
    std::vector<RunNote> conflicts; // ascending by key
    std::vector<RunNote> failures;
};

// Code::not_found with what to do if the two places were never synchronised.
Result<Inbox> read_inbox(PluginRegistry& plugins, const SyncSpec& spec, const Clock& clock);

// The keys that a decision about this conflict concerns: its own, and the new names of what both
// sides renamed. Empty if the note does not tell them, as notes of earlier versions do not.
std::vector<Bytes> keys_of(const RunNote& conflict);

// One side of a conflict as it is now.
struct ConflictSide {
    std::optional<Item> item;     // no value: it is not there
    std::optional<Bytes> content; // of objects and links up to the limit
    bool moved = false;           // it is another version than the run saw
    Bytes renamed_to;             // both sides renamed it: its key here; else empty
};

struct ConflictView {
    ConflictSide source;
    ConflictSide target;
    std::optional<BaseEntry> base;
    std::optional<Bytes> base_content; // if it is kept
};

// `limit_bytes`: larger contents are left out.
Result<ConflictView> look_at_conflict(const RunServices& services, const SyncSpec& spec,
                                      const RunNote& note, std::uint64_t limit_bytes);

} // namespace syncline
