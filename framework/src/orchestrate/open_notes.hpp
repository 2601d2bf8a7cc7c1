// What the last run left open. A run over some of a sync's items takes the rest of it over, so that
// the latest finished run always knows all.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/state/run_store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace syncline {

// What the report of a run says under a name; empty if it says nothing.
std::string reported(const RunRecord& run, const char* name);

struct OpenNotes {
    std::optional<RunRecord> run; // none has finished yet
    std::vector<RunNote> notes;   // its conflicts and failures
};
Result<OpenNotes> open_notes(RunStore& runs);

} // namespace syncline
