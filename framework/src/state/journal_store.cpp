#include "state/journal_store.hpp"

#include "state/packed_item.hpp"
#include "syncline/core/failpoint.hpp"

#include <algorithm>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr std::int64_t kDoneBit = 1 << 8;
// Gathered entries that are written before anybody asks for it, so that memory stays bounded.
constexpr std::size_t kMostGatheredBytes = std::size_t{1} << 20U;
// Entries forgotten in one transaction, during which no other process can write.
constexpr const char* kForgetSome =
    "DELETE FROM journal WHERE run = ?1 AND (run, key, side) IN "
    "(SELECT run, key, side FROM journal WHERE run = ?1 LIMIT 10000)";

#define SYNCLINE_JOURNAL_COLUMNS                                                                   \
    "key, side, traits, before, after, archived, not_kept, "                                       \
    "moved_to"

// Entries on their way to the database: packed, since there may be thousands.
constexpr std::uint64_t kHasBefore = 1;
constexpr std::uint64_t kHasAfter = 2;
constexpr std::size_t kUsualItemBytes = 192;

void pack_item(const std::optional<Item>& item, Bytes& out) {
    if (item) {
        Bytes packed;
        packed.reserve(kUsualItemBytes);
        put_item(*item, packed);
        put_bytes(packed, out);
    }
}

void pack(const JournalEntry& entry, Bytes& out) {
    put_bytes(entry.key, out);
    put_number(static_cast<std::uint64_t>(entry.side), out);
    put_number(static_cast<std::uint64_t>(entry.action), out);
    put_number(entry.is_done ? 1 : 0, out);
    put_number((entry.before ? kHasBefore : 0) | (entry.after ? kHasAfter : 0), out);
    pack_item(entry.before, out);
    pack_item(entry.after, out);
    put_bytes(entry.archived, out);
    put_bytes(entry.not_kept, out);
    put_bytes(entry.moved_to, out);
}

// A packed entry, borrowed from what it was packed into.
struct PackedEntry {
    BytesView key;
    std::int64_t side;
    std::int64_t action;
    std::int64_t done;
    BytesView before; // empty: none
    BytesView after;
    BytesView archived;
    BytesView not_kept;
    BytesView moved_to;
};

PackedEntry unpack(Reader& in) {
    PackedEntry entry{};
    entry.key = in.bytes();
    entry.side = static_cast<std::int64_t>(in.number());
    entry.action = static_cast<std::int64_t>(in.number());
    entry.done = in.number() != 0 ? kDoneBit : 0;
    const std::uint64_t items = in.number();
    entry.before = (items & kHasBefore) != 0 ? in.bytes() : BytesView();
    entry.after = (items & kHasAfter) != 0 ? in.bytes() : BytesView();
    entry.archived = in.bytes();
    entry.not_kept = in.bytes();
    entry.moved_to = in.bytes();
    return entry;
}

void bind_item(Statement& statement, int parameter, BytesView packed) {
    if (packed.empty()) {
        statement.bind_null(parameter);
    } else {
        statement.bind(parameter, packed);
    }
}

Status damaged() {
    return {Code::state_corrupt,
            "the journal of this sync is damaged; restore the state file from a backup"};
}

Result<std::optional<Item>> item_in(const Statement& row, int column) {
    if (row.is_null(column)) {
        return std::optional<Item>();
    }
    Reader in(row.bytes(column));
    Item item = read_item(in);
    if (!in.read_all()) {
        return damaged();
    }
    return std::optional(std::move(item));
}

Result<JournalEntry> read_entry(const Statement& row) {
    JournalEntry entry;
    entry.key = Bytes(row.bytes(0));
    entry.side = static_cast<Side>(row.integer(1));
    const std::int64_t traits = row.integer(2);
    entry.action = static_cast<Action>(traits & 0xff);
    entry.is_done = (traits & kDoneBit) != 0;
    SYNCLINE_STATE_ASSIGN(entry.before, item_in(row, 3));
    SYNCLINE_STATE_ASSIGN(entry.after, item_in(row, 4));
    entry.archived = Bytes(row.bytes(5));
    entry.not_kept = std::string(row.bytes(6));
    entry.moved_to = Bytes(row.bytes(7));
    return entry;
}

} // namespace

Status SqliteJournalStore::open() {
    if (database_) {
        return {};
    }
    SYNCLINE_STATE_ASSIGN(Database database,
                          Database::open(state_file_, sqlite::OpenMode::read_write));
    SYNCLINE_TRY(database.execute("PRAGMA synchronous = FULL; PRAGMA cache_size = -1024;"
                                  "PRAGMA journal_size_limit = 67108864"));
    SYNCLINE_STATE_ASSIGN(find_, database.prepare("SELECT " SYNCLINE_JOURNAL_COLUMNS
                                                  " FROM journal WHERE run = ?1 AND key = ?2 "
                                                  "AND side = ?3"));
    SYNCLINE_STATE_ASSIGN(
        oldest_in_log_,
        database.prepare("SELECT id, entries FROM journal_log WHERE run = ?1 ORDER BY id LIMIT 1"));
    database_ = std::move(database);
    return {};
}

// Sorting entries into the table costs many times what appending them does, and most runs are never
// asked about: what is written waits in the log until somebody asks.
Status SqliteJournalStore::write(std::int64_t run, BytesView packed, std::size_t count) {
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(*database_));
    SYNCLINE_STATE_ASSIGN(Statement total,
                          database_->prepare("INSERT INTO journal_run (run, sync, entries) "
                                             "VALUES (?1, ?2, ?3) ON CONFLICT (run) DO "
                                             "UPDATE SET entries = entries + excluded.entries"));
    total.bind(1, run);
    total.bind(2, sync_);
    total.bind(3, static_cast<std::int64_t>(count));
    SYNCLINE_TRY(total.run());
    SYNCLINE_STATE_ASSIGN(
        Statement append,
        database_->prepare("INSERT INTO journal_log (run, entries) VALUES (?1, ?2)"));
    append.bind(1, run);
    append.bind(2, packed);
    SYNCLINE_TRY(append.run());
    written_run_ = run;
    SYNCLINE_FAILPOINT("state.before-journal-commit");
    SYNCLINE_TRY(transaction.commit());
    SYNCLINE_FAILPOINT("state.after-journal-commit");
    return {};
}

// Piece by piece, so that neither memory nor a transaction grows with the run; another process may
// do the same.
Status SqliteJournalStore::apply_log(std::int64_t run) {
    SYNCLINE_TRY(open());
    Statement& oldest = *oldest_in_log_;
    const sqlite::ResetOnExit reset(oldest);
    const auto next = [&]() -> Result<bool> {
        oldest.reset();
        oldest.bind(1, run);
        return oldest.step();
    };
    SYNCLINE_STATE_ASSIGN(bool has_more, next()); // mostly not, and then nothing is written
    while (has_more) {
        oldest.reset();
        SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(*database_));
        SYNCLINE_STATE_ASSIGN(has_more, next());
        if (!has_more) {
            return {};
        }
        SYNCLINE_TRY(apply_entries(run, oldest.bytes(1)));
        SYNCLINE_STATE_ASSIGN(Statement applied,
                              database_->prepare("DELETE FROM journal_log WHERE id = ?1"));
        applied.bind(1, oldest.integer(0));
        oldest.reset();
        SYNCLINE_TRY(applied.run());
        SYNCLINE_FAILPOINT("state.before-journal-log-commit");
        SYNCLINE_TRY(transaction.commit());
        SYNCLINE_FAILPOINT("state.after-journal-log-commit");
        SYNCLINE_STATE_ASSIGN(has_more, next());
    }
    return {};
}

Status SqliteJournalStore::apply_entries(std::int64_t run, BytesView packed) {
    std::vector<PackedEntry> entries;
    Reader in(packed);
    while (!in.at_end() && !in.is_broken()) {
        entries.push_back(unpack(in));
    }
    if (in.is_broken()) {
        return damaged();
    }
    // Several workers wrote them; rows in the order of their keys are cheaper to insert. Entries of
    // one key stay as they came.
    std::stable_sort(entries.begin(), entries.end(),
                     [](const PackedEntry& a, const PackedEntry& b) { return a.key < b.key; });
    // What was there before is what the first entry said; the rest is what the last one says.
    SYNCLINE_STATE_ASSIGN(sqlite::RowInserter put,
                          sqlite::RowInserter::prepare(
                              *database_, "INSERT INTO journal (run, " SYNCLINE_JOURNAL_COLUMNS ")",
                              9,
                              " ON CONFLICT (run, key, side) DO "
                              "UPDATE SET traits = excluded.traits, after = excluded.after"));
    SYNCLINE_STATE_ASSIGN(Statement withdraw,
                          database_->prepare("DELETE FROM journal WHERE run = ?1 AND key = ?2 AND "
                                             "side = ?3"));
    const auto bind = [run](Statement& statement, int offset, const PackedEntry& entry,
                            std::size_t) {
        statement.bind(offset + 1, run);
        statement.bind(offset + 2, entry.key);
        statement.bind(offset + 3, entry.side);
        statement.bind(offset + 4, entry.action | entry.done);
        bind_item(statement, offset + 5, entry.before);
        bind_item(statement, offset + 6, entry.after);
        statement.bind(offset + 7, entry.archived);
        statement.bind_text(offset + 8, entry.not_kept);
        statement.bind(offset + 9, entry.moved_to);
    };
    sqlite::RowBatch<PackedEntry, decltype(bind)> puts(put, bind);
    for (const PackedEntry& entry : entries) {
        if (entry.action == static_cast<std::int64_t>(Action::skip)) {
            SYNCLINE_TRY(puts.flush()); // an earlier entry may be the one that is withdrawn
            withdraw.bind(1, run);
            withdraw.bind(2, entry.key);
            withdraw.bind(3, entry.side);
            SYNCLINE_TRY(withdraw.run());
            continue;
        }
        SYNCLINE_TRY(puts.add(entry));
    }
    return puts.flush();
}

Status SqliteJournalStore::set_archived(std::int64_t run, BytesView key, Side side,
                                        BytesView digest) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(apply_log(run));
    SYNCLINE_STATE_ASSIGN(Statement update,
                          database_->prepare("UPDATE journal SET archived = ?4 WHERE run = ?1 AND "
                                             "key = ?2 AND side = ?3"));
    update.bind(1, run);
    update.bind(2, key);
    update.bind(3, static_cast<std::int64_t>(side));
    update.bind(4, digest);
    return update.run();
}

bool SqliteJournalStore::has_entries(std::int64_t run) {
    const std::lock_guard lock(mutex_);
    return written_run_ == run;
}

Status SqliteJournalStore::intend(std::int64_t run, std::span<const JournalEntry> entries) {
    Bytes packed;
    for (const JournalEntry& entry : entries) {
        pack(entry, packed);
    }
    const std::lock_guard lock(mutex_);
    return entries.empty() ? Status() : write(run, packed, entries.size());
}

Status SqliteJournalStore::add(std::int64_t run, const JournalEntry& entry) {
    for (;;) {
        {
            const std::lock_guard lock(gathering_);
            if (gathered_.count == 0 ||
                (run == gathered_.run && gathered_.packed.size() < kMostGatheredBytes)) {
                gathered_.run = run;
                pack(entry, gathered_.packed);
                ++gathered_.count;
                return {};
            }
        }
        SYNCLINE_TRY(commit());
    }
}

Status SqliteJournalStore::commit() {
    const std::lock_guard lock(mutex_);
    Gathered ready;
    {
        const std::lock_guard gathering(gathering_);
        std::swap(ready, gathered_);
    }
    if (ready.count == 0) {
        return {};
    }
    const Status written = write(ready.run, ready.packed, ready.count);
    if (!written.ok()) { // nothing that was done may be forgotten: it waits for the next commit
        const std::lock_guard gathering(gathering_);
        if (gathered_.count == 0) {
            std::swap(ready, gathered_);
        } else if (gathered_.run == ready.run) {
            gathered_.packed.insert(0, ready.packed);
            gathered_.count += ready.count;
        }
    }
    return written;
}

Result<std::optional<JournalEntry>> SqliteJournalStore::find(std::int64_t run, BytesView key,
                                                             Side side) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(apply_log(run));
    const sqlite::ResetOnExit reset(*find_);
    find_->bind(1, run);
    find_->bind(2, key);
    find_->bind(3, static_cast<std::int64_t>(side));
    SYNCLINE_STATE_ASSIGN(const bool is_there, find_->step());
    if (!is_there) {
        return std::optional<JournalEntry>();
    }
    SYNCLINE_STATE_ASSIGN(JournalEntry entry, read_entry(*find_));
    return std::optional(std::move(entry));
}

Status SqliteJournalStore::each(std::int64_t run, BytesView from,
                                const std::function<bool(JournalEntry&&)>& visit) {
    {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(apply_log(run));
    }
    // A connection of its own: the visitor may ask for other entries meanwhile.
    SYNCLINE_STATE_ASSIGN(Database database,
                          Database::open(state_file_, sqlite::OpenMode::read_write));
    SYNCLINE_STATE_ASSIGN(Statement rows,
                          database.prepare("SELECT " SYNCLINE_JOURNAL_COLUMNS
                                           " FROM journal WHERE run = ?1 AND key >= ?2 "
                                           "ORDER BY key, side"));
    rows.bind(1, run);
    rows.bind(2, from);
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row) {
            return {};
        }
        SYNCLINE_STATE_ASSIGN(JournalEntry entry, read_entry(rows));
        if (!visit(std::move(entry))) {
            return {};
        }
    }
}

Status SqliteJournalStore::each_run(const std::function<bool(std::int64_t run)>& visit) {
    std::vector<std::int64_t> runs; // at most as many as the limits keep
    {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(open());
        SYNCLINE_STATE_ASSIGN(Statement rows,
                              database_->prepare("SELECT run FROM journal_run WHERE sync = ?1 "
                                                 "ORDER BY run DESC"));
        rows.bind(1, sync_);
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                break;
            }
            runs.push_back(rows.integer(0));
        }
    }
    for (const std::int64_t run : runs) {
        if (!visit(run)) {
            break;
        }
    }
    return {};
}

// Whose entries are too old, or too many together with those of newer runs.
Result<std::vector<std::int64_t>> SqliteJournalStore::runs_beyond(const JournalLimits& limits,
                                                                  std::int64_t current_run) {
    SYNCLINE_STATE_ASSIGN(
        Statement rows,
        database_->prepare(
            "SELECT j.run, j.entries, r.started_wall_ns, "
            "(SELECT started_wall_ns FROM run WHERE id = ?2) FROM journal_run j "
            "LEFT JOIN run r ON r.id = j.run WHERE j.sync = ?1 ORDER BY j.run DESC"));
    rows.bind(1, sync_);
    rows.bind(2, current_run);
    std::vector<std::int64_t> beyond;
    std::uint64_t entries = 0;
    std::size_t runs = 0;
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row) {
            return beyond;
        }
        const std::int64_t run = rows.integer(0);
        entries += static_cast<std::uint64_t>(rows.integer(1));
        ++runs;
        const bool is_old =
            !rows.is_null(3) && rows.integer(2) < rows.integer(3) - limits.max_age_ns;
        if (run != current_run &&
            (entries > limits.max_entries || runs > limits.max_runs || is_old)) {
            beyond.push_back(run);
        }
    }
}

Status SqliteJournalStore::forget_entries(std::int64_t run) {
    SYNCLINE_STATE_ASSIGN(Statement log,
                          database_->prepare("DELETE FROM journal_log WHERE run = ?1"));
    log.bind(1, run);
    SYNCLINE_TRY(log.run());
    SYNCLINE_STATE_ASSIGN(Statement forget, database_->prepare(kForgetSome));
    do {
        forget.bind(1, run);
        SYNCLINE_TRY(forget.run());
    } while (sqlite3_changes(database_->handle()) > 0);
    SYNCLINE_STATE_ASSIGN(Statement last,
                          database_->prepare("DELETE FROM journal_run WHERE run = ?1"));
    last.bind(1, run);
    return last.run();
}

Status SqliteJournalStore::prune(const JournalLimits& limits, std::int64_t current_run) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(const std::vector<std::int64_t> beyond, runs_beyond(limits, current_run));
    for (const std::int64_t run : beyond) {
        SYNCLINE_TRY(forget_entries(run));
    }
    SYNCLINE_STATE_ASSIGN(
        Statement oldest,
        database_->prepare(
            "SELECT id FROM run WHERE sync = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2"));
    oldest.bind(1, sync_);
    oldest.bind(2, static_cast<std::int64_t>(std::max<std::size_t>(limits.max_runs, 1)));
    SYNCLINE_STATE_ASSIGN(const bool has_more, oldest.step());
    if (!has_more) {
        return {};
    }
    const std::int64_t last_forgotten = oldest.integer(0);
    oldest.reset();
    for (const char* sql :
         {"DELETE FROM note WHERE run IN (SELECT id FROM run WHERE sync = ?1 AND id <= ?2)",
          "DELETE FROM run WHERE sync = ?1 AND id <= ?2"}) {
        SYNCLINE_STATE_ASSIGN(Statement forget, database_->prepare(sql));
        forget.bind(1, sync_);
        forget.bind(2, last_forgotten);
        SYNCLINE_TRY(forget.run());
    }
    return {};
}

} // namespace syncline::state
