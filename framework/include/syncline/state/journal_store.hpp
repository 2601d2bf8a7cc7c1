// What each run did to each item: what was there before, what it put there, and where the old
// content is kept. By it a person sees what a run did, gets an old content back, or undoes the run.
//
// One entry per run, key and side. Before the only copy of a content goes, its entry is written as
// intended, so that a run that was cut short leaves no content that nobody can find.
//
// Threads: any.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/state/plan_store.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>

namespace syncline {

struct JournalEntry {
    Bytes key;
    Side side = Side::target; // the side that was written
    // create, update, remove or set_meta; skip forgets what was intended: it was not done
    Action action = Action::update;
    bool is_done = false;       // false: intended; whether it happened is not known
    std::optional<Item> before; // as it was, without key and id; none: nothing was there
    std::optional<Item> after;  // as written, kind and version only; none: nothing, or not known
    Bytes archived;             // digest of the content before; empty: not kept
    std::string not_kept;       // why it was not, for people
    Bytes moved_to;             // the key that the item before was renamed to; empty: it was not
};

struct JournalLimits {
    std::size_t max_runs = 1000;           // of a sync; older ones are forgotten, their reports too
    std::uint64_t max_entries = 2'000'000; // of a sync
    std::int64_t max_age_ns = std::int64_t{30} * 86'400'000'000'000LL; // entries; runs stay
};

class JournalStore {
public:
    virtual ~JournalStore() = default;

    // Durable on return.
    virtual Status intend(std::int64_t run, std::span<const JournalEntry> entries) = 0;
    // Gathered in memory; durable with commit(). Of several entries for a key and side the first
    // tells what was there before, the last what is there now.
    virtual Status add(std::int64_t run, const JournalEntry& entry) = 0;
    virtual Status commit() = 0;

    // What an entry says was there before is in the archive by now. Durable on return.
    virtual Status set_archived(std::int64_t run, BytesView key, Side side, BytesView digest) = 0;

    // Whether this object has written any for the run. Costs nothing.
    virtual bool has_entries(std::int64_t run) = 0;
    virtual Result<std::optional<JournalEntry>> find(std::int64_t run, BytesView key,
                                                     Side side) = 0;
    // The committed entries of a run by ascending key, from the first that is not below `from`;
    // source before target. `visit` returns false to stop.
    virtual Status each(std::int64_t run, BytesView from,
                        const std::function<bool(JournalEntry&&)>& visit) = 0;
    // The runs that have entries, newest first.
    virtual Status each_run(const std::function<bool(std::int64_t run)>& visit) = 0;

    // Forgets what is older or more than the limits allow, oldest runs first; never `current_run`.
    virtual Status prune(const JournalLimits& limits, std::int64_t current_run) = 0;
};

} // namespace syncline
