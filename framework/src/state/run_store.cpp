#include "state/run_store.hpp"

#include "syncline/core/failpoint.hpp"

#include <algorithm>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

// Writes what is durable when it returns. Notes are not: they become so with the run's end, which
// syncs the same log.
class DurableWrites {
public:
    explicit DurableWrites(Database& database) : database_(database) {}
    ~DurableWrites() { (void)database_.execute("PRAGMA synchronous = NORMAL"); }
    DurableWrites(const DurableWrites&) = delete;
    DurableWrites& operator=(const DurableWrites&) = delete;

    Status run(Statement& statement) {
        SYNCLINE_TRY(database_.execute("PRAGMA synchronous = FULL"));
        return statement.run();
    }

private:
    Database& database_;
};

std::int64_t signed_of(std::uint64_t count) { return static_cast<std::int64_t>(count); }
std::uint64_t unsigned_of(std::int64_t count) { return static_cast<std::uint64_t>(count); }

#define SYNCLINE_NOTE_COLUMNS                                                                      \
    "outcome, key, action, code, message, source_version, target_version, source_key, "            \
    "target_key, attempts"

// From SYNCLINE_NOTE_COLUMNS.
RunNote note_of(const Statement& row) {
    RunNote note;
    note.outcome = static_cast<Outcome>(row.integer(0));
    note.key = Bytes(row.bytes(1));
    note.action = std::string(row.bytes(2));
    note.code = std::string(row.bytes(3));
    note.message = std::string(row.bytes(4));
    note.source_version = Bytes(row.bytes(5));
    note.target_version = Bytes(row.bytes(6));
    note.source_key = Bytes(row.bytes(7));
    note.target_key = Bytes(row.bytes(8));
    note.attempts = static_cast<std::uint32_t>(row.integer(9));
    return note;
}

} // namespace

Result<std::shared_ptr<SharedConnection>> open_shared(const std::filesystem::path& file,
                                                      std::int64_t sync) {
    SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, sqlite::OpenMode::read_write));
    SYNCLINE_TRY(database.execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -256;"
                                  "PRAGMA journal_size_limit = 67108864"));
    return std::make_shared<SharedConnection>(std::move(database), sync);
}

Result<std::int64_t> SqliteRunStore::begin(std::int64_t wall_ns) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(
        Statement insert,
        shared_->database.prepare("INSERT INTO run (sync, started_wall_ns) VALUES (?1, ?2)"));
    insert.bind(1, shared_->sync);
    insert.bind(2, wall_ns);
    // Durable, so that power loss cannot make an id come twice.
    SYNCLINE_FAILPOINT("state.before-run-begin");
    SYNCLINE_TRY(DurableWrites(shared_->database).run(insert));
    SYNCLINE_FAILPOINT("state.after-run-begin");
    return sqlite3_last_insert_rowid(shared_->database.handle());
}

Status SqliteRunStore::note(std::int64_t run, const RunNote& note) {
    const std::lock_guard lock(shared_->mutex);
    if (!note_) {
        SYNCLINE_STATE_ASSIGN(
            note_,
            shared_->database.prepare("INSERT INTO note (run, " SYNCLINE_NOTE_COLUMNS
                                      ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)"));
    }
    note_->bind(1, run);
    note_->bind(2, static_cast<std::int64_t>(note.outcome));
    note_->bind(3, note.key);
    note_->bind_text(4, note.action);
    note_->bind_text(5, note.code);
    note_->bind_text(6, note.message);
    note_->bind(7, note.source_version);
    note_->bind(8, note.target_version);
    note_->bind(9, note.source_key);
    note_->bind(10, note.target_key);
    note_->bind(11, std::int64_t{note.attempts});
    return note_->run();
}

Status SqliteRunStore::finish(const RunRecord& record) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(
        Statement update,
        shared_->database.prepare(
            "UPDATE run SET finished_wall_ns = ?3, exit_code = ?4, planned = ?5, ok = ?6, "
            "skipped = ?7, conflicted = ?8, failed = ?9, pending = ?10, report = ?11 "
            "WHERE id = ?1 AND sync = ?2"));
    update.bind(1, record.id);
    update.bind(2, shared_->sync);
    update.bind(3, record.finished_wall_ns);
    update.bind(4, std::int64_t{record.exit_code});
    update.bind(5, signed_of(record.outcomes.planned));
    update.bind(6, signed_of(record.outcomes.ok));
    update.bind(7, signed_of(record.outcomes.skipped));
    update.bind(8, signed_of(record.outcomes.conflicted));
    update.bind(9, signed_of(record.outcomes.failed));
    update.bind(10, signed_of(record.outcomes.pending));
    update.bind_text(11, record.report);
    SYNCLINE_FAILPOINT("state.before-run-finish");
    SYNCLINE_TRY(DurableWrites(shared_->database).run(update));
    SYNCLINE_FAILPOINT("state.after-run-finish");
    if (sqlite3_changes(shared_->database.handle()) == 0) {
        return {Code::not_found, "no run " + std::to_string(record.id) + " of this sync"};
    }
    return {};
}

namespace {

#define SYNCLINE_SELECT_RUN                                                                        \
    "SELECT id, started_wall_ns, finished_wall_ns, exit_code, planned, ok, skipped, conflicted, "  \
    "failed, pending, report FROM run WHERE sync = ?1 "

RunRecord read_record(const Statement& row) {
    RunRecord record;
    record.id = row.integer(0);
    record.started_wall_ns = row.integer(1);
    record.finished_wall_ns = row.integer(2);
    record.exit_code = static_cast<int>(row.integer(3));
    record.outcomes.planned = unsigned_of(row.integer(4));
    record.outcomes.ok = unsigned_of(row.integer(5));
    record.outcomes.skipped = unsigned_of(row.integer(6));
    record.outcomes.conflicted = unsigned_of(row.integer(7));
    record.outcomes.failed = unsigned_of(row.integer(8));
    record.outcomes.pending = unsigned_of(row.integer(9));
    record.report = std::string(row.bytes(10));
    return record;
}

} // namespace

Status SqliteRunStore::each(const std::function<bool(RunRecord&&)>& visit) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(Statement rows,
                          shared_->database.prepare(SYNCLINE_SELECT_RUN "ORDER BY id DESC"));
    rows.bind(1, shared_->sync);
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row || !visit(read_record(rows))) {
            return {};
        }
    }
}

Result<std::optional<RunRecord>> SqliteRunStore::find(std::int64_t run) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(Statement row,
                          shared_->database.prepare(SYNCLINE_SELECT_RUN "AND id = ?2"));
    row.bind(1, shared_->sync);
    row.bind(2, run);
    SYNCLINE_STATE_ASSIGN(const bool is_there, row.step());
    return is_there ? std::optional(read_record(row)) : std::nullopt;
}

Result<std::vector<RunRecord>> SqliteRunStore::latest(std::size_t at_most) {
    std::vector<RunRecord> records;
    if (at_most > 0) {
        SYNCLINE_TRY(each([&](RunRecord&& record) {
            records.push_back(std::move(record));
            return records.size() < at_most;
        }));
    }
    return records;
}

Result<std::vector<RunNote>> SqliteRunStore::notes(std::int64_t run) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(Statement rows,
                          shared_->database.prepare("SELECT " SYNCLINE_NOTE_COLUMNS
                                                    " FROM note WHERE run = ?1 ORDER BY id"));
    rows.bind(1, run);
    std::vector<RunNote> notes;
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row) {
            return notes;
        }
        notes.push_back(note_of(rows));
    }
}

Result<std::vector<ItemHistory>> SqliteRunStore::history_of(BytesView key, std::size_t at_most) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(Statement rows,
                          shared_->database.prepare(
                              "SELECT " SYNCLINE_NOTE_COLUMNS
                              ", run.id, started_wall_ns FROM note JOIN run ON run.id = note.run "
                              "WHERE run.sync = ?1 AND key = ?2 ORDER BY note.id DESC LIMIT ?3"));
    rows.bind(1, shared_->sync);
    rows.bind(2, key);
    rows.bind(3, static_cast<std::int64_t>(std::min<std::size_t>(at_most, INT64_MAX)));
    std::vector<ItemHistory> found;
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row) {
            return found;
        }
        found.push_back({rows.integer(10), rows.integer(11), note_of(rows)});
    }
}

Result<std::optional<SyncIdentity>> SqliteIdentityStore::load() {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(
        Statement row,
        shared_->database.prepare("SELECT source_scope, target_scope FROM sync WHERE id = ?1 "
                                  "AND source_scope IS NOT NULL AND target_scope IS NOT NULL"));
    row.bind(1, shared_->sync);
    SYNCLINE_STATE_ASSIGN(const bool is_there, row.step());
    if (!is_there) {
        return std::optional<SyncIdentity>();
    }
    return std::optional(SyncIdentity{Bytes(row.bytes(0)), Bytes(row.bytes(1))});
}

Status SqliteIdentityStore::save(const SyncIdentity& identity) {
    const std::lock_guard lock(shared_->mutex);
    SYNCLINE_STATE_ASSIGN(
        Statement update,
        shared_->database.prepare(
            "UPDATE sync SET source_scope = ?2, target_scope = ?3 WHERE id = ?1"));
    update.bind(1, shared_->sync);
    update.bind(2, identity.source_scope);
    update.bind(3, identity.target_scope);
    SYNCLINE_FAILPOINT("state.before-identity");
    SYNCLINE_TRY(DurableWrites(shared_->database).run(update));
    SYNCLINE_FAILPOINT("state.after-identity");
    return {};
}

} // namespace syncline::state
