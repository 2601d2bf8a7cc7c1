#include "syncline/core/text.hpp"
#include "syncline/orchestrate/going_back.hpp"
#include "syncline/state/state.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace syncline {

namespace {

constexpr std::string_view kBetween = " <-> ";
constexpr std::size_t kNamedSyncs = 5;

// Whether the run is one of the sync's, or, without a number, whether it has run at all.
Result<bool> has_run(SyncState& state, std::optional<std::int64_t> run) {
    if (run) {
        const Result<std::optional<RunRecord>> record = state.runs().find(*run);
        return record.ok() ? Result<bool>(record->has_value()) : record.status();
    }
    const Result<std::vector<RunRecord>> latest = state.runs().latest(1);
    return latest.ok() ? Result<bool>(!latest->empty()) : latest.status();
}

Status none_known(const std::filesystem::path& state_directory, std::optional<std::int64_t> run) {
    const std::string where = display_key(state_directory.native());
    return {Code::not_found, run ? "no run " + std::to_string(*run) + " is known in '" + where +
                                       "'; name the sync's two sides and see 'syncline history'"
                                 : "no sync is known in '" + where +
                                       "'; name its two sides, or its state with --state"};
}

} // namespace

Status find_place(const std::filesystem::path& state_directory, std::optional<std::int64_t> of_run,
                  const Clock& clock, SyncPlace& into) {
    std::error_code error;
    if (!std::filesystem::exists(state_directory / "state.db", error)) {
        return none_known(state_directory, of_run); // and leave no trace
    }
    Result<std::unique_ptr<StateDirectory>> directory =
        open_state_directory(state_directory, clock);
    if (!directory.ok()) {
        return directory.status();
    }
    const Result<std::vector<std::string>> names = (*directory)->sync_names();
    if (!names.ok()) {
        return names.status();
    }
    std::vector<std::string> found;
    for (const std::string& name : *names) {
        Result<std::unique_ptr<SyncState>> state = (*directory)->open_sync(name);
        if (!state.ok()) {
            return state.status();
        }
        const Result<bool> meant = has_run(**state, of_run);
        if (!meant.ok()) {
            return meant.status();
        }
        if (*meant) {
            found.push_back(name);
        }
    }
    if (found.empty()) {
        return none_known(state_directory, of_run);
    }
    const std::size_t between = found[0].find(kBetween);
    if (found.size() > 1 || between == std::string::npos ||
        found[0].find(kBetween, between + 1) != std::string::npos) {
        std::string all;
        std::sort(found.begin(), found.end());
        for (std::size_t i = 0; i < std::min(found.size(), kNamedSyncs); ++i) {
            all += (i == 0 ? ": " : "; ") + display_line(found[i]);
        }
        return {Code::invalid_argument, display_count(found.size(), "sync") +
                                            " could be meant; name the two sides of one" + all +
                                            (found.size() > kNamedSyncs ? "; ..." : "")};
    }
    into.source = found[0].substr(0, between);
    into.target = found[0].substr(between + kBetween.size());
    into.state_directory = state_directory;
    return {};
}

} // namespace syncline
