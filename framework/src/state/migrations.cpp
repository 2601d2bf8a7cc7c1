#include "state/migrations.hpp"

#include "syncline/core/failpoint.hpp"
#include "syncline/core/text.hpp"

#include <array>
#include <string>

namespace syncline::state {
namespace {

// Tokens, keys and the names of syncs are any bytes, so they are blobs. `traits` packs kind, hash
// algorithm and flags: a row that is read by the million is cheaper with few columns. A NULL size
// or mtime is not known.
constexpr const char* kFirst = R"sql(
    CREATE TABLE sync (
        id INTEGER PRIMARY KEY,
        name BLOB NOT NULL UNIQUE,
        source_scope BLOB,
        target_scope BLOB
    );
    CREATE TABLE base (
        sync INTEGER NOT NULL,
        key BLOB NOT NULL,
        traits INTEGER NOT NULL,
        size INTEGER,
        mtime_ns INTEGER,
        source_version BLOB NOT NULL,
        target_version BLOB NOT NULL,
        hash BLOB NOT NULL,
        extra BLOB NOT NULL,
        PRIMARY KEY (sync, key)
    ) WITHOUT ROWID;
    CREATE TABLE run (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        sync INTEGER NOT NULL,
        started_wall_ns INTEGER NOT NULL,
        finished_wall_ns INTEGER NOT NULL DEFAULT 0,
        exit_code INTEGER NOT NULL DEFAULT -1,
        planned INTEGER NOT NULL DEFAULT 0,
        ok INTEGER NOT NULL DEFAULT 0,
        skipped INTEGER NOT NULL DEFAULT 0,
        conflicted INTEGER NOT NULL DEFAULT 0,
        failed INTEGER NOT NULL DEFAULT 0,
        pending INTEGER NOT NULL DEFAULT 0,
        report TEXT NOT NULL DEFAULT ''
    );
    CREATE INDEX run_of_sync ON run (sync, id);
    CREATE TABLE note (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        outcome INTEGER NOT NULL,
        key BLOB NOT NULL,
        action TEXT NOT NULL,
        code TEXT NOT NULL,
        message TEXT NOT NULL,
        source_version BLOB NOT NULL,
        target_version BLOB NOT NULL,
        attempts INTEGER NOT NULL
    );
    CREATE INDEX note_of_run ON note (run, id);
)sql";

// Going back: which contents the archive holds, who needs them whatever their age, and what runs
// did. `entries` of a run is at most too high, since an entry may be written twice.
constexpr const char* kGoingBack = R"sql(
    CREATE TABLE archived (
        digest BLOB PRIMARY KEY,
        content_hash BLOB NOT NULL,
        size INTEGER NOT NULL,
        used_wall_ns INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX archived_by_content_hash ON archived (content_hash);
    CREATE INDEX archived_by_age ON archived (used_wall_ns);
    CREATE TABLE pin (
        sync INTEGER NOT NULL,
        name BLOB NOT NULL,
        digest BLOB NOT NULL,
        PRIMARY KEY (sync, name)
    ) WITHOUT ROWID;
    CREATE INDEX pin_of_digest ON pin (digest);
    CREATE TABLE journal_run (
        run INTEGER PRIMARY KEY,
        sync INTEGER NOT NULL,
        entries INTEGER NOT NULL
    );
    CREATE INDEX journal_run_of_sync ON journal_run (sync, run);
    CREATE TABLE journal (
        run INTEGER NOT NULL,
        key BLOB NOT NULL,
        side INTEGER NOT NULL,
        traits INTEGER NOT NULL,
        before BLOB,
        after BLOB,
        archived BLOB NOT NULL,
        not_kept TEXT NOT NULL,
        moved_to BLOB NOT NULL,
        PRIMARY KEY (run, key, side)
    ) WITHOUT ROWID;
)sql";

// Under which names the sides have what both renamed.
constexpr const char* kNewNames = R"sql(
    ALTER TABLE note ADD COLUMN source_key BLOB NOT NULL DEFAULT x'';
    ALTER TABLE note ADD COLUMN target_key BLOB NOT NULL DEFAULT x'';
)sql";

// Entries as they were written, until somebody asks for those of the run: only then they are sorted
// into `journal`.
constexpr const char* kJournalLog = R"sql(
    CREATE TABLE journal_log (
        id INTEGER PRIMARY KEY,
        run INTEGER NOT NULL,
        entries BLOB NOT NULL
    );
    CREATE INDEX journal_log_of_run ON journal_log (run);
)sql";

constexpr std::array<const char*, 4> kMigrations{kFirst, kGoingBack, kNewNames, kJournalLog};

Status corrupt(const sqlite::Database& database, const std::string& what,
               const std::string& advice) {
    const std::string file = sqlite3_db_filename(database.handle(), "main");
    return Status(Error{Code::state_corrupt,
                        "state file '" + display_key(file) + "': " + what +
                            "; it was left as it is; " + advice,
                        {{"file", file}},
                        -1,
                        0});
}

} // namespace

std::span<const char* const> migrations() { return kMigrations; }

Status check_schema(sqlite::Database& database, std::span<const char* const> known) {
    // Reads header and schema, which finds what is no database, a file cut short and a damaged
    // schema.
    SYNCLINE_STATE_ASSIGN(const std::int64_t tables,
                          database.query_integer("SELECT count(*) FROM sqlite_schema"));
    SYNCLINE_STATE_ASSIGN(const std::int64_t application,
                          database.query_integer("PRAGMA application_id"));
    SYNCLINE_STATE_ASSIGN(const std::int64_t version,
                          database.query_integer("PRAGMA user_version"));
    const bool is_empty = tables == 0 && version == 0;
    if (application != kApplicationId && !(is_empty && application == 0)) {
        return corrupt(database, "not written by syncline", "choose another state directory");
    }
    const auto newest = static_cast<std::int64_t>(known.size());
    if (version > newest) {
        return corrupt(database,
                       "written by a newer syncline (schema " + std::to_string(version) +
                           ", this one knows " + std::to_string(newest) + ")",
                       "use that version, or another state directory");
    }
    if (version < 0) {
        return corrupt(database, "impossible schema " + std::to_string(version),
                       "restore it from a backup");
    }
    return {};
}

Status check_tables(sqlite::Database& database) {
    for (const char* query :
         {"SELECT id, name, source_scope, target_scope FROM sync",
          "SELECT sync, key, traits, size, mtime_ns, source_version, "
          "target_version, hash, extra FROM base",
          "SELECT id, sync, started_wall_ns, finished_wall_ns, exit_code, "
          "planned, ok, skipped, conflicted, failed, "
          "pending, report FROM run",
          "SELECT id, run, outcome, key, action, code, message, "
          "source_version, target_version, source_key, target_key, attempts FROM note",
          "SELECT digest, content_hash, size, used_wall_ns FROM archived",
          "SELECT sync, name, digest FROM pin", "SELECT run, sync, entries FROM journal_run",
          "SELECT run, key, side, traits, before, after, archived, not_kept, moved_to "
          "FROM journal",
          "SELECT id, run, entries FROM journal_log"}) {
        const Status status = database.prepare(query).status();
        if (status.code() == Code::internal) { // SQLite's "no such table" or "no such column"
            return corrupt(database, "damaged, a part of its schema is missing",
                           "restore it from a backup");
        }
        SYNCLINE_TRY(status);
    }

    // SQLite notices missing pages by itself, but takes half a page for a whole one. While a log is
    // there, a last page that was not written to its end is normal, and the log has it.
    const std::filesystem::path file = sqlite3_db_filename(database.handle(), "main");
    std::error_code error;
    const std::uintmax_t log_size = std::filesystem::file_size(file.native() + "-wal", error);
    if (!error && log_size > 0) {
        return {};
    }
    SYNCLINE_STATE_ASSIGN(const std::int64_t page_size, database.query_integer("PRAGMA page_size"));
    const std::uintmax_t size = std::filesystem::file_size(file, error);
    if (!error && size % static_cast<std::uintmax_t>(page_size) != 0) {
        return corrupt(database, "damaged, its end is missing", "restore it from a backup");
    }
    return {};
}

Status migrate(sqlite::Database& database, std::span<const char* const> known) {
    for (;;) {
        SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(database));
        // Inside the transaction, because another process may migrate the same file.
        SYNCLINE_STATE_ASSIGN(const std::int64_t version,
                              database.query_integer("PRAGMA user_version"));
        if (version >= static_cast<std::int64_t>(known.size())) {
            return {};
        }
        SYNCLINE_TRY(database.execute(known[static_cast<std::size_t>(version)]));
        const std::string mark = "PRAGMA application_id = " + std::to_string(kApplicationId) +
                                 "; PRAGMA user_version = " + std::to_string(version + 1);
        SYNCLINE_TRY(database.execute(mark.c_str()));
        SYNCLINE_FAILPOINT("state.before-migration-commit");
        SYNCLINE_TRY(transaction.commit());
        SYNCLINE_FAILPOINT("state.after-migration-commit");
    }
}

} // namespace syncline::state
