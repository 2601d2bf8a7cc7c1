// The little of SQLite that the state needs, with owners for its handles and a Status for each of
// its errors. A connection and its statements belong to one thread at a time.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <sqlite3.h>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::sqlite {

// What `code` means for the caller: which file, what happened, what to do.
Status status_of(sqlite3* database, int code);
Status status_of(sqlite3* database, int code, const std::string& file); // of one that is not open

class Statement {
public:
    Statement() = default;
    explicit Statement(sqlite3_stmt* statement) : statement_(statement) {}

    // Parameters count from 1. Bytes are borrowed until the next step that ends or reset(); empty
    // ones are an empty blob, never NULL. An error shows at the next step().
    void bind(int parameter, std::int64_t value) {
        note(sqlite3_bind_int64(get(), parameter, value));
    }
    void bind(int parameter, BytesView value) {
        note(sqlite3_bind_blob64(get(), parameter, value.empty() ? "" : value.data(), value.size(),
                                 SQLITE_STATIC));
    }
    void bind_text(int parameter, std::string_view value) {
        note(sqlite3_bind_text64(get(), parameter, value.empty() ? "" : value.data(), value.size(),
                                 SQLITE_STATIC, SQLITE_UTF8));
    }
    void bind_null(int parameter) { note(sqlite3_bind_null(get(), parameter)); }

    // True: a row is there. False: the end; the statement is reset.
    Result<bool> step();
    // For statements without rows.
    Status run();
    void reset() { sqlite3_reset(get()); }

    // Columns count from 0; bytes live until the next step() or reset().
    std::int64_t integer(int column) const { return sqlite3_column_int64(get(), column); }
    double real(int column) const { return sqlite3_column_double(get(), column); }
    bool is_null(int column) const { return sqlite3_column_type(get(), column) == SQLITE_NULL; }
    BytesView bytes(int column) const {
        const void* data = sqlite3_column_blob(get(), column);
        const int size = sqlite3_column_bytes(get(), column);
        return data == nullptr
                   ? BytesView()
                   : BytesView(static_cast<const char*>(data), static_cast<std::size_t>(size));
    }

private:
    struct Finalize {
        void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
    };
    sqlite3_stmt* get() const { return statement_.get(); }
    void note(int code) {
        if (code != SQLITE_OK) {
            bind_error_ = code;
        }
    }

    std::unique_ptr<sqlite3_stmt, Finalize> statement_;
    int bind_error_ = SQLITE_OK;
};

class Database;

// Inserts rows of one table, many with one statement: starting a statement costs SQLite about as
// much as a row does.
class RowInserter {
public:
    // Rows that one statement takes.
    static constexpr std::size_t kTogether = 16;

    RowInserter() = default;
    // `head` VALUES (...), (...) `tail`, each row of `columns` parameters.
    static Result<RowInserter> prepare(Database& database, std::string_view head, int columns,
                                       std::string_view tail = {});

    // Writes `rows`, as many together as go. bind(statement, offset, row, slot) binds one, its
    // first column as parameter `offset + 1`; what it binds lives until insert() returns or, made
    // for the purpose, until the same `slot` (below kTogether) is bound again.
    template <class Rows, class Bind>
    Status insert(const Rows& rows, Bind bind) {
        std::size_t done = 0;
        for (const std::size_t size = rows.size(); done < size;) {
            const bool is_many = size - done >= kTogether;
            Statement& statement = is_many ? many_ : one_;
            for (std::size_t slot = 0; slot < (is_many ? kTogether : 1); ++slot) {
                bind(statement, static_cast<int>(slot) * columns_, rows[done++], slot);
            }
            if (Status status = statement.run(); !status.ok()) {
                return status;
            }
        }
        return {};
    }

private:
    Statement many_;
    Statement one_;
    int columns_ = 0;
};

// Gathers rows for an inserter, and inserts them as they become enough; what they borrow lives
// until then. flush() inserts the rest.
template <class Row, class Bind>
class RowBatch {
public:
    RowBatch(RowInserter& inserter, Bind bind) : inserter_(inserter), bind_(std::move(bind)) {
        rows_.reserve(RowInserter::kTogether);
    }

    Status add(Row row) {
        rows_.push_back(std::move(row));
        return rows_.size() < RowInserter::kTogether ? Status() : flush();
    }
    Status flush() {
        Status written = inserter_.insert(rows_, bind_);
        rows_.clear();
        return written;
    }

private:
    RowInserter& inserter_;
    Bind bind_;
    std::vector<Row> rows_;
};

// Ends a statement's read when a function leaves, however it leaves.
class ResetOnExit {
public:
    explicit ResetOnExit(Statement& statement) : statement_(statement) {}
    ~ResetOnExit() { statement_.reset(); }
    ResetOnExit(const ResetOnExit&) = delete;
    ResetOnExit& operator=(const ResetOnExit&) = delete;

private:
    Statement& statement_;
};

enum class OpenMode {
    read_only,  // leaves the file and its log as they are, whatever is in them
    read_write, // the file must exist
};

class Database {
public:
    static Result<Database> open(const std::filesystem::path& file, OpenMode mode);

    Status execute(const char* sql);
    Result<Statement> prepare(std::string_view sql);
    Result<std::int64_t> query_integer(std::string_view sql);
    sqlite3* handle() const { return database_.get(); }

private:
    struct Close {
        void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
    };
    explicit Database(sqlite3* database) : database_(database) {}

    std::unique_ptr<sqlite3, Close> database_;
};

// A write transaction, rolled back unless committed. Takes the write lock at once, because a lock
// asked for later could be refused for good (another writer came between).
class Transaction {
public:
    static Result<Transaction> begin(Database& database);
    static Transaction adopt(Database& database) {
        return Transaction(database);
    } // one that was begun already
    Transaction(Transaction&& from) noexcept : database_(std::exchange(from.database_, nullptr)) {}
    Transaction& operator=(Transaction&&) = delete;
    ~Transaction();

    Status commit();

private:
    explicit Transaction(Database& database) : database_(&database) {}
    Database* database_;
};

// Assigns the value of a Result or leaves the function with its error. `target` may be a
// declaration, and a declaration cannot stand in parentheses.
// NOLINTBEGIN(bugprone-macro-parentheses)
#define SYNCLINE_STATE_CONCAT_(a, b) a##b
#define SYNCLINE_STATE_CONCAT(a, b) SYNCLINE_STATE_CONCAT_(a, b)
#define SYNCLINE_STATE_ASSIGN(target, expression)                                                  \
    auto SYNCLINE_STATE_CONCAT(result_, __LINE__) = (expression);                                  \
    if (!SYNCLINE_STATE_CONCAT(result_, __LINE__).ok()) {                                          \
        return SYNCLINE_STATE_CONCAT(result_, __LINE__).status();                                  \
    }                                                                                              \
    target = *std::move(SYNCLINE_STATE_CONCAT(result_, __LINE__))
// NOLINTEND(bugprone-macro-parentheses)

} // namespace syncline::sqlite
