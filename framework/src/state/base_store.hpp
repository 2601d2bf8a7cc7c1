#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/base_store.hpp"

#include <array>
#include <map>
#include <memory_resource>

namespace syncline::state {

// The base of one sync in the state file. Puts and erases gather in memory, beyond a bound in a
// temporary table (which SQLite keeps in a temporary file), and reach the state file in commit(),
// in one short transaction: other syncs of the same state directory never wait for this one's
// transfers, and a failed commit can be tried again.
class SqliteBaseStore final : public BaseStore {
public:
    static Result<std::unique_ptr<SqliteBaseStore>> open(const std::filesystem::path& file,
                                                         std::int64_t sync);

    Result<std::unique_ptr<BaseCursor>> scan() override;
    Result<std::optional<BaseEntry>> find(BytesView key) override;
    Result<std::uint64_t> count() override;
    Status put(const BaseEntryView& entry) override;
    Status erase(BytesView key) override;
    Status commit() override;
    Status rollback() override;

private:
    // No entry: the key is to be erased. Keys and entries borrow from `memory_`, which is freed as
    // a whole.
    using Pending = std::pmr::map<BytesView, std::optional<BaseEntryView>>;

    SqliteBaseStore(sqlite::Database database, std::int64_t sync)
        : database_(std::move(database)), sync_(sync) {}
    Status gather(BytesView key, const BaseEntryView* entry);
    Status spill();
    Status apply();
    void forget_gathered();

    sqlite::Database database_; // before its statements: they go first
    std::int64_t sync_;
    sqlite::Statement find_;
    sqlite::RowInserter put_;
    sqlite::Statement erase_;
    sqlite::Statement find_spilled_;
    sqlite::Statement spill_put_;
    sqlite::Statement spill_erase_;
    sqlite::Statement apply_spilled_puts_;
    sqlite::Statement apply_spilled_erases_;
    sqlite::Statement forget_spilled_;

    std::pmr::monotonic_buffer_resource memory_;
    Pending pending_{&memory_};
    std::size_t gathered_bytes_ = 0;
    bool has_spilled_ = false;
    std::array<Bytes, sqlite::RowInserter::kTogether> extra_; // reused between writes
};

} // namespace syncline::state
