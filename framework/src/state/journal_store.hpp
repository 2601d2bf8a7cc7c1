#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/journal_store.hpp"

#include <filesystem>
#include <mutex>
#include <optional>
#include <vector>

namespace syncline::state {

// The journal in the state file, on a connection of its own that is opened by the first use.
class SqliteJournalStore final : public JournalStore {
public:
    SqliteJournalStore(std::filesystem::path state_file, std::int64_t sync)
        : state_file_(std::move(state_file)), sync_(sync) {}

    Status intend(std::int64_t run, std::span<const JournalEntry> entries) override;
    Status add(std::int64_t run, const JournalEntry& entry) override;
    Status commit() override;
    Status set_archived(std::int64_t run, BytesView key, Side side, BytesView digest) override;
    bool has_entries(std::int64_t run) override;
    Result<std::optional<JournalEntry>> find(std::int64_t run, BytesView key, Side side) override;
    Status each(std::int64_t run, BytesView from,
                const std::function<bool(JournalEntry&&)>& visit) override;
    Status each_run(const std::function<bool(std::int64_t run)>& visit) override;
    Status prune(const JournalLimits& limits, std::int64_t current_run) override;

private:
    Status open();
    Status write(std::int64_t run, BytesView packed, std::size_t count);
    Status apply_log(std::int64_t run); // so that the table has all of the run
    Status apply_entries(std::int64_t run, BytesView packed);
    Result<std::vector<std::int64_t>> runs_beyond(const JournalLimits& limits,
                                                  std::int64_t current_run);
    Status forget_entries(std::int64_t run);

    struct Gathered {
        std::int64_t run = 0;
        Bytes packed;
        std::size_t count = 0;
    };

    const std::filesystem::path state_file_;
    const std::int64_t sync_;
    std::mutex mutex_; // of the database, held while it is written; guards what follows it
    std::optional<sqlite::Database> database_;
    std::optional<sqlite::Statement> find_;
    std::optional<sqlite::Statement> oldest_in_log_;
    std::int64_t written_run_ = 0; // the last that entries were written for
    std::mutex gathering_;         // taken after mutex_, for moments only
    Gathered gathered_;            // guarded by gathering_
};

} // namespace syncline::state
