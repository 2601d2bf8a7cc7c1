#include "state/sqlite.hpp"

#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>

namespace syncline::sqlite {
namespace {

// How long one connection waits for another one's write transaction; those last as long as writing
// one batch.
constexpr int kBusyTimeoutMs = 30'000;

struct Meaning {
    Code code;
    std::string_view what;
    std::string_view advice; // empty: none that is known to help
};

constexpr Meaning kDiskFull{Code::quota_exceeded, "disk full",
                            "free some space there and run again"};

Meaning meaning_of(int code, int system_error) {
    if (system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG) {
        return kDiskFull;
    }
    if (code == SQLITE_READONLY_DBMOVED) {
        return {Code::io, "the file was removed or replaced while in use", "run again"};
    }
    switch (code & 0xff) {
    case SQLITE_FULL:
        return kDiskFull;
    case SQLITE_READONLY:
        return {Code::read_only, "cannot be written",
                "make it writable or choose another state directory"};
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return {Code::state_corrupt, "damaged or not a state file; it was left as it is",
                "restore it from a backup, or move it away: the next run then starts anew and "
                "deletes nothing"};
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return {Code::locked, "in use by another process for too long", "run again later"};
    case SQLITE_CANTOPEN:
        if (system_error == EROFS) {
            return {Code::read_only, "is on a read-only file system",
                    "choose another state directory"};
        }
        if (system_error == EACCES || system_error == EPERM) {
            return {Code::permission_denied, "cannot be opened", "check who owns it and its mode"};
        }
        return {Code::io, "cannot be opened",
                "check that its directory exists, is accessible and has room"};
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return {Code::permission_denied, "access denied", "check who owns it and its mode"};
    case SQLITE_IOERR:
        return {Code::io, "reading or writing failed", "check the disk and run again"};
    case SQLITE_NOMEM:
        return {Code::out_of_memory, "out of memory", ""};
    case SQLITE_TOOBIG:
        return {Code::too_large, "a value is too large to be kept", ""};
    case SQLITE_INTERRUPT:
        return {Code::cancelled, "interrupted", ""};
    default:
        return {Code::internal, "unexpected error", ""};
    }
}

// The number of the system call that failed. SQLite passes it on for most statements but not for
// COMMIT; then the files themselves still know it.
int system_error_of(sqlite3* database) {
    int error = sqlite3_system_errno(database);
    if (error == 0) {
        sqlite3_file_control(database, "main", SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    sqlite3_file* log = nullptr;
    if (error == 0 &&
        sqlite3_file_control(database, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) == SQLITE_OK &&
        log != nullptr && log->pMethods != nullptr) {
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &error);
    }
    return error;
}

} // namespace

Status status_of(sqlite3* database, int code) {
    const char* name = database != nullptr ? sqlite3_db_filename(database, "main") : nullptr;
    return status_of(database, code, name != nullptr ? name : "");
}

Status status_of(sqlite3* database, int code, const std::string& file) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) {
        return {};
    }
    const int primary = code & 0xff;
    // The system's error number is kept from earlier calls; only these codes come from a failed
    // system call.
    const bool from_system =
        primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN || primary == SQLITE_FULL;
    const int system_error = from_system && database != nullptr ? system_error_of(database) : 0;
    const Meaning meaning = meaning_of(code, system_error);

    std::string message = "state file '" + display_key(file) + "': ";
    message += meaning.what;
    message += " (";
    message += database != nullptr && sqlite3_extended_errcode(database) == code
                   ? sqlite3_errmsg(database)
                   : sqlite3_errstr(code);
    if (system_error != 0) {
        message += ", ";
        message += std::strerror(system_error);
    }
    message += ")";
    if (!meaning.advice.empty()) {
        message += "; ";
        message += meaning.advice;
    }
    return Status(Error{meaning.code, std::move(message), {{"file", file}}, -1, 0});
}

Result<bool> Statement::step() {
    if (bind_error_ != SQLITE_OK) {
        const int code = std::exchange(bind_error_, SQLITE_OK);
        return status_of(sqlite3_db_handle(get()), code);
    }
    const int code = sqlite3_step(get());
    if (code == SQLITE_ROW) {
        return true;
    }
    if (code == SQLITE_DONE) {
        sqlite3_reset(get());
        return false;
    }
    // Before the reset, which is allowed to change what the connection says about the error.
    Status status = status_of(sqlite3_db_handle(get()), code);
    sqlite3_reset(get());
    return status;
}

Status Statement::run() {
    const Result<bool> row = step();
    if (row.ok() && *row) {
        reset();
    }
    return row.status();
}

Result<RowInserter> RowInserter::prepare(Database& database, std::string_view head, int columns,
                                         std::string_view tail) {
    std::string row = "(?";
    for (int column = 1; column < columns; ++column) {
        row += ",?";
    }
    row += ')';
    std::string sql = std::string(head) + " VALUES " + row;
    RowInserter made;
    made.columns_ = columns;
    SYNCLINE_STATE_ASSIGN(made.one_, database.prepare(sql + std::string(tail)));
    for (std::size_t more = 1; more < kTogether; ++more) {
        sql += ',' + row;
    }
    SYNCLINE_STATE_ASSIGN(made.many_, database.prepare(sql += tail));
    return made;
}

Result<Database> Database::open(const std::filesystem::path& file, OpenMode mode) {
    // Nobody reads these statistics, and counting takes a lock of the process for every allocation.
    // Refused, without harm, where somebody else in the process uses SQLite already.
    static const int kUncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    (void)kUncounted;
    sqlite3* handle = nullptr;
    const int flags = (mode == OpenMode::read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
                      SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
    Database database(handle);
    if (code != SQLITE_OK) {
        return status_of(handle, code, file.native()); // not open, so it knows no name
    }
    sqlite3_busy_timeout(handle, kBusyTimeoutMs);
    // A damaged schema must not make functions run, and damage should be found rather than guessed
    // around.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    if (mode == OpenMode::read_only) {
        // Closing the last connection would otherwise carry the log over into the file.
        sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    } else if (sqlite3_db_readonly(handle, "main") == 1) {
        return status_of(handle, SQLITE_READONLY); // SQLite falls back to reading without saying so
    }
    return database;
}

Status Database::execute(const char* sql) {
    return status_of(handle(), sqlite3_exec(handle(), sql, nullptr, nullptr, nullptr));
}

Result<Statement> Database::prepare(std::string_view sql) {
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v3(handle(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) {
        return status_of(handle(), code);
    }
    return Statement(statement);
}

Result<std::int64_t> Database::query_integer(std::string_view sql) {
    SYNCLINE_STATE_ASSIGN(Statement statement, prepare(sql));
    SYNCLINE_STATE_ASSIGN(const bool has_row, statement.step());
    return has_row ? statement.integer(0) : std::int64_t{0};
}

Result<Transaction> Transaction::begin(Database& database) {
    SYNCLINE_TRY(database.execute("BEGIN IMMEDIATE"));
    return Transaction(database);
}

Status Transaction::commit() {
    SYNCLINE_TRY(database_->execute("COMMIT"));
    database_ = nullptr;
    return {};
}

Transaction::~Transaction() {
    // Some errors have ended the transaction already.
    if (database_ != nullptr && sqlite3_get_autocommit(database_->handle()) == 0) {
        sqlite3_exec(database_->handle(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
}

} // namespace syncline::sqlite
