#include "syncline/state/state.hpp"

#include "state/archive_store.hpp"
#include "state/base_store.hpp"
#include "state/files.hpp"
#include "state/journal_store.hpp"
#include "state/migrations.hpp"
#include "state/plan_store.hpp"
#include "state/run_store.hpp"
#include "state/sync_lock.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline {
namespace {

using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Statement;
namespace fs = std::filesystem;

class SqliteSyncState final : public SyncState {
public:
    SqliteSyncState(std::unique_ptr<state::SqliteBaseStore> base,
                    std::shared_ptr<state::SharedConnection> shared, const fs::path& directory,
                    fs::path plan_file, const Clock& clock)
        : base_(std::move(base)), runs_(shared), identity_(shared),
          archive_(directory / "state.db", directory / "archive", shared->sync, clock),
          journal_(directory / "state.db", shared->sync), plan_file_(std::move(plan_file)) {}

    BaseStore& base() override { return *base_; }
    RunStore& runs() override { return runs_; }
    IdentityStore& identity() override { return identity_; }
    ArchiveStore& archive() override { return archive_; }
    JournalStore& journal() override { return journal_; }

    Result<std::unique_ptr<PlanStore>> new_plan() override {
        SYNCLINE_STATE_ASSIGN(std::unique_ptr<PlanStore> plan,
                              state::SqlitePlanStore::create(plan_file_));
        return plan;
    }

private:
    std::unique_ptr<state::SqliteBaseStore> base_;
    state::SqliteRunStore runs_;
    state::SqliteIdentityStore identity_;
    state::FileArchiveStore archive_;
    state::SqliteJournalStore journal_;
    fs::path plan_file_;
};

class SqliteStateDirectory final : public StateDirectory {
public:
    SqliteStateDirectory(fs::path directory, const Clock& clock)
        : directory_(std::move(directory)), clock_(clock) {}

    Result<std::unique_ptr<SyncLock>> lock(const std::string& sync_name) override {
        return state::acquire_sync_lock(
            directory_ / "locks" / (state::file_stem_of(sync_name) + ".lock"), sync_name);
    }

    Result<std::unique_ptr<SyncState>> open_sync(const std::string& sync_name) override {
        const fs::path file = directory_ / "state.db";
        SYNCLINE_STATE_ASSIGN(const std::int64_t sync, id_of(file, sync_name));
        SYNCLINE_STATE_ASSIGN(auto base, state::SqliteBaseStore::open(file, sync));
        SYNCLINE_STATE_ASSIGN(auto shared, state::open_shared(file, sync));
        return std::unique_ptr<SyncState>(std::make_unique<SqliteSyncState>(
            std::move(base), std::move(shared), directory_,
            directory_ / ("plan-" + state::file_stem_of(sync_name) + ".db"), clock_));
    }

    Result<std::vector<std::string>> sync_names() override {
        SYNCLINE_STATE_ASSIGN(Database database,
                              Database::open(directory_ / "state.db", OpenMode::read_write));
        SYNCLINE_STATE_ASSIGN(Statement rows, database.prepare("SELECT name FROM sync"));
        std::vector<std::string> names;
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return names;
            }
            names.emplace_back(rows.bytes(0));
        }
    }

    Result<Bytes> plan_key() override { return state::read_or_make_key(directory_ / "plan.key"); }

private:
    static Result<std::int64_t> id_of(const fs::path& file, const std::string& sync_name) {
        SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, OpenMode::read_write));
        SYNCLINE_STATE_ASSIGN(Statement find,
                              database.prepare("SELECT id FROM sync WHERE name = ?1"));
        for (int attempt = 0; attempt < 2; ++attempt) {
            find.bind(1, BytesView(sync_name));
            SYNCLINE_STATE_ASSIGN(const bool is_known, find.step());
            if (is_known) {
                return find.integer(0);
            }
            SYNCLINE_STATE_ASSIGN(
                Statement insert,
                database.prepare("INSERT OR IGNORE INTO sync (name) VALUES (?1)"));
            insert.bind(1, BytesView(sync_name));
            SYNCLINE_FAILPOINT("state.before-add-sync");
            SYNCLINE_TRY(insert.run());
            SYNCLINE_FAILPOINT("state.after-add-sync");
        }
        return Status(Code::internal, "a sync that was just added to the state is not there");
    }

    fs::path directory_;
    const Clock& clock_;
};

Status remove_if_there(const fs::path& file) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT) {
        return state::status_of_errno(errno, "remove", file);
    }
    return {};
}

Status remove_with_logs(const fs::path& file, bool and_itself) {
    for (const char* suffix : {"-journal", "-wal", "-shm"}) {
        SYNCLINE_TRY(remove_if_there(file.native() + suffix));
    }
    return and_itself ? remove_if_there(file) : Status();
}

// Finishes a new file under another name and renames it, so that the state file is never half made:
// what a kill leaves of a first transaction could not be looked at without changing it.
Status make_state_file(const fs::path& directory, const fs::path& file) {
    const fs::path fresh = file.native() + ".new";
    SYNCLINE_TRY(remove_with_logs(fresh, true));
    SYNCLINE_TRY(state::open_private_file(fresh, O_EXCL).status());
    {
        SYNCLINE_STATE_ASSIGN(Database database, Database::open(fresh, OpenMode::read_write));
        SYNCLINE_TRY(database.execute("PRAGMA synchronous = FULL"));
        SYNCLINE_TRY(state::migrate(database, state::migrations()));
        // Last, so that all of it is in the file and nothing in a log.
        SYNCLINE_STATE_ASSIGN(Statement to_wal, database.prepare("PRAGMA journal_mode = WAL"));
        SYNCLINE_TRY(to_wal.step().status());
        if (to_wal.bytes(0) != "wal") {
            return {Code::not_supported, "the file system of '" + display_key(directory.native()) +
                                             "' cannot share memory between processes, which the "
                                             "state file needs; choose another "
                                             "state directory"};
        }
    }
    // A log without its file would be taken for the new file's.
    SYNCLINE_TRY(remove_with_logs(file, false));
    SYNCLINE_FAILPOINT("state.before-create");
    if (::rename(fresh.c_str(), file.c_str()) != 0) {
        return state::status_of_errno(errno, "create", file);
    }
    SYNCLINE_FAILPOINT("state.after-create");
    return state::sync_directory(directory);
}

// SQLite gives its shared memory and its log the mode of the file they belong to. Where that could
// only be read for a while they stay as they were made then, and nobody could write any more.
// Called before anything opens the file, with the lock that creators and upgraders take; but others
// may have it open, so the files are made writable and not removed.
Status make_logs_writable(const fs::path& file) {
    for (const char* suffix : {"-wal", "-shm"}) {
        const fs::path log = file.native() + suffix;
        struct stat found {};
        if (::lstat(log.c_str(), &found) == 0 && S_ISREG(found.st_mode) &&
            (found.st_mode & S_IWUSR) == 0 && ::chmod(log.c_str(), 0600) != 0) {
            return state::status_of_errno(errno, "write", log);
        }
    }
    return {};
}

// Whether there is something in the file; an empty one is as good as none.
Result<bool> has_content(const fs::path& file) {
    struct stat found {};
    if (::stat(file.c_str(), &found) != 0) {
        return errno == ENOENT ? Result<bool>(false) : state::status_of_errno(errno, "open", file);
    }
    if (!S_ISREG(found.st_mode)) {
        return state::status_of_errno(S_ISDIR(found.st_mode) ? EISDIR : EINVAL, "use as state file",
                                      file);
    }
    return found.st_size > 0;
}

} // namespace

Result<std::unique_ptr<StateDirectory>> open_state_directory(const std::filesystem::path& given,
                                                             const Clock& clock) {
    // Absolute, so that neither a later chdir() nor a name that looks like a URI changes what it
    // means.
    std::error_code error;
    const fs::path directory = fs::absolute(given, error);
    if (error || given.empty()) {
        return state::status_of_errno(error ? error.value() : ENOENT, "use as state directory",
                                      given);
    }
    SYNCLINE_TRY(state::make_private_directory(directory));
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
        return state::status_of_errno(errno, "write to the state directory", directory);
    }
    SYNCLINE_TRY(state::make_private_directory(directory / "locks"));

    // One at a time creates and upgrades. Held for milliseconds, so waiting is right.
    const fs::path lock_file = directory / "locks" / "open.lock";
    SYNCLINE_STATE_ASSIGN(const state::FileDescriptor lock, state::open_private_file(lock_file, 0));
    while (::flock(lock.get(), LOCK_EX) != 0) {
        if (errno != EINTR) {
            return state::status_of_errno(errno, "lock", lock_file);
        }
    }

    const fs::path file = directory / "state.db";
    std::int64_t version = 0;
    SYNCLINE_STATE_ASSIGN(const bool is_there, has_content(file));
    if (is_there) {
        // Before SQLite does, which leaves files behind that are as hard to write as this one.
        if (::faccessat(AT_FDCWD, file.c_str(), R_OK | W_OK, AT_EACCESS) != 0) {
            return state::status_of_errno(errno, "read and write the state file", file);
        }
        SYNCLINE_TRY(make_logs_writable(file));
        // Looks before anything writes: a file that cannot be used stays as it is, byte for byte.
        SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, OpenMode::read_only));
        SYNCLINE_TRY(state::check_schema(database, state::migrations()));
        SYNCLINE_STATE_ASSIGN(version, database.query_integer("PRAGMA user_version"));
    }
    if (version == 0) {
        SYNCLINE_TRY(make_state_file(directory, file));
    } else if (version < static_cast<std::int64_t>(state::migrations().size())) {
        SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, OpenMode::read_write));
        SYNCLINE_TRY(database.execute("PRAGMA synchronous = FULL"));
        SYNCLINE_TRY(state::migrate(database, state::migrations()));
    } else {
        SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, OpenMode::read_only));
        SYNCLINE_TRY(state::check_tables(database));
    }
    return std::unique_ptr<StateDirectory>(
        std::make_unique<SqliteStateDirectory>(directory, clock));
}

} // namespace syncline
