#include "orchestrate/keeping.hpp"

#include "syncline/core/log.hpp"

namespace syncline {

Keeping keeping_of(SyncState& state, Archiving archiving, SyncReport& report) {
    Keeping keeping;
    keeping.run = report.run_id;
    keeping.archive = archiving == Archiving::off ? nullptr : &state.archive();
    keeping.journal = &state.journal();
    keeping.fetches = archiving == Archiving::all;
    keeping.not_kept = [&report](const PlannedOp& op, const std::string& why) {
        ++report.not_archived_count;
        if (report.not_archived.size() < kReportedItems) {
            report.not_archived.push_back({op.key, op.side, why});
        }
    };
    return keeping;
}

void tidy_history(SyncState& state, std::int64_t run, const Keeping& keeping) {
    // A run that changes nothing leaves it to others, but not all of them may.
    constexpr std::int64_t kAtLeastEvery = 64;
    if (!state.journal().has_entries(run) && run % kAtLeastEvery != 0) {
        return;
    }
    Status tidied = keeping.archive != nullptr ? keeping.archive->prune() : Status();
    if (tidied.ok()) {
        tidied = state.journal().prune({}, run);
    }
    if (!tidied.ok()) {
        log(LogLevel::warning, "archive", "old contents and runs stay: " + tidied.message());
    }
}

} // namespace syncline
