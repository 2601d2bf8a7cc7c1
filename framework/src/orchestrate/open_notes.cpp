#include "orchestrate/open_notes.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace syncline {

namespace {

constexpr std::size_t kLatestRuns = 50; // to look for a finished one in

// One that looked at the sync's items, or took over what an earlier one had left. One that was
// killed did not get to note all of its failures.
bool tells_what_is_open(const RunRecord& run) {
    const std::string command = reported(run, "command");
    return run.finished_wall_ns != 0 && command != "undo" && command != "restore";
}

} // namespace

std::string reported(const RunRecord& run, const char* name) {
    const nlohmann::json json = nlohmann::json::parse(run.report, nullptr, false);
    return json.is_object() && json.contains(name) && json[name].is_string()
               ? json[name].get<std::string>()
               : std::string();
}

Result<OpenNotes> open_notes(RunStore& runs) {
    Result<std::vector<RunRecord>> latest = runs.latest(kLatestRuns);
    if (!latest.ok()) {
        return latest.status();
    }
    OpenNotes open;
    const auto told = std::ranges::find_if(*latest, tells_what_is_open);
    if (told == latest->end()) {
        return open;
    }
    Result<std::vector<RunNote>> notes = runs.notes(told->id);
    if (!notes.ok()) {
        return notes.status();
    }
    std::erase_if(*notes, [](const RunNote& note) {
        return note.outcome != Outcome::conflicted && note.outcome != Outcome::failed;
    });
    open.run = std::move(*told);
    open.notes = *std::move(notes);
    return open;
}

} // namespace syncline
