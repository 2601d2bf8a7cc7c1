#pragma once

#include "state/sqlite.hpp"
#include "syncline/state/run_store.hpp"

#include <mutex>

namespace syncline::state {

// One connection for what is written now and then, apart from the base's so that nothing here makes
// base entries durable before their time. Its users share it and take the lock for each call.
struct SharedConnection {
    SharedConnection(sqlite::Database opened, std::int64_t sync_id)
        : database(std::move(opened)), sync(sync_id) {}

    std::mutex mutex;
    sqlite::Database database;
    std::int64_t sync;
};

Result<std::shared_ptr<SharedConnection>> open_shared(const std::filesystem::path& file,
                                                      std::int64_t sync);

class SqliteRunStore final : public RunStore {
public:
    explicit SqliteRunStore(std::shared_ptr<SharedConnection> shared)
        : shared_(std::move(shared)) {}

    Result<std::int64_t> begin(std::int64_t wall_ns) override;
    Status note(std::int64_t run, const RunNote& note) override;
    Status finish(const RunRecord& record) override;
    Result<std::vector<RunRecord>> latest(std::size_t at_most) override;
    Status each(const std::function<bool(RunRecord&&)>& visit) override;
    Result<std::optional<RunRecord>> find(std::int64_t run) override;
    Result<std::vector<RunNote>> notes(std::int64_t run) override;
    Result<std::vector<ItemHistory>> history_of(BytesView key, std::size_t at_most) override;

private:
    std::shared_ptr<SharedConnection> shared_;
    std::optional<sqlite::Statement> note_; // prepared by the first note
};

class SqliteIdentityStore final : public IdentityStore {
public:
    explicit SqliteIdentityStore(std::shared_ptr<SharedConnection> shared)
        : shared_(std::move(shared)) {}

    Result<std::optional<SyncIdentity>> load() override;
    Status save(const SyncIdentity& identity) override;

private:
    std::shared_ptr<SharedConnection> shared_;
};

} // namespace syncline::state
