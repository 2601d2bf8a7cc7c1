#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/plan_store.hpp"

#include <array>

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
    // An operation as its row.
    struct OpRow {
        std::int64_t id = 0;
        std::int64_t action = 0;
        std::int64_t side = 0;
        std::int64_t phase = 0;
        std::int64_t kind = 0;
        std::optional<std::int64_t> sizes[2]; // none: unknown
        std::string reason;
        Bytes key;
        Bytes body;
    };

    // Counts, and where each phase's operations are.
    struct Survey {
        PlanCounts counts;
        std::array<std::int64_t, kPhaseCount + 1> first{};
        std::array<std::int64_t, kPhaseCount + 1> last{};
        double bytes = 0; // exact up to 8 PiB, and never overflows

        // Looks at the narrow columns only; false if they make no sense.
        bool add(const OpRow& row);
    };

    SqlitePlanStore(std::filesystem::path file, sqlite::Database database)
        : file_(std::move(file)), database_(std::move(database)) {}
    static void fill(OpRow& row, std::int64_t id, const PlannedOp& op);
    static void bind_row(sqlite::Statement& statement, int offset, const OpRow& row);
    Status write_added();
    Status before_change(); // of rows that are there already
    Result<const Survey*> survey();

    std::filesystem::path file_;
    sqlite::Database database_; // before its statements: they go first
    sqlite::RowInserter insert_;
    sqlite::Statement update_;
    sqlite::Statement select_;
    sqlite::Statement drop_;
    std::int64_t last_id_ = 0;
    bool brings_back_ = false;
    std::optional<Survey> survey_{Survey{}}; // kept while the plan only grows; none: to be made
    // What was added last waits here; of all rows the first `added_count_` count.
    std::array<OpRow, sqlite::RowInserter::kTogether> added_;
    std::size_t added_count_ = 0;
};

} // namespace syncline::state
