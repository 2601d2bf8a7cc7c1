#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/plan_store.hpp"

namespace syncline::state {

// The plan as one table in a file of its own, written in one transaction that never ends: nothing
// is ever synced, and what does not fit into the cache goes to the file. The file goes with the
// store.
class SqlitePlanStore final : public PlanStore {
public:
    // Removes what an interrupted run left at `file`.
    static Result<std::unique_ptr<SqlitePlanStore>> create(const std::filesystem::path& file);
    ~SqlitePlanStore() override;
    SqlitePlanStore(const SqlitePlanStore&) = delete;
    SqlitePlanStore& operator=(const SqlitePlanStore&) = delete;

    Result<std::int64_t> add(const PlannedOp& op) override;
    Status replace(const PlannedOp& op) override;
    Result<PlannedOp> at(std::int64_t id) override;
    Status removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                 std::string_view reason) override;
    Status clear_for_other_kind(std::int64_t first, std::int64_t last, Side present_on) override;
    Status drop(std::int64_t first, std::int64_t last) override;
    Result<PlanCounts> counts() override;
    Status each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) override;
    Status each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) override;

private:
    // Counts and where each phase's operations are, found in one pass over the narrow columns.
    struct Survey {
        PlanCounts counts;
        std::array<std::int64_t, kPhaseCount + 1> first{};
        std::array<std::int64_t, kPhaseCount + 1> last{};
    };

    SqlitePlanStore(std::filesystem::path file, sqlite::Database database)
        : file_(std::move(file)), database_(std::move(database)) {}
    Status write(sqlite::Statement& statement, std::int64_t id, const PlannedOp& op);
    Result<const Survey*> survey();

    std::filesystem::path file_;
    sqlite::Database database_; // before its statements: they go first
    sqlite::Statement insert_;
    sqlite::Statement update_;
    sqlite::Statement select_;
    sqlite::Statement drop_;
    std::int64_t last_id_ = 0;
    bool brings_back_ = false;
    std::optional<Survey> survey_; // none: the plan changed since
    Bytes body_;                   // reused between writes
};

} // namespace syncline::state
