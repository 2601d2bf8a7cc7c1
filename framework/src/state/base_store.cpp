#include "state/base_store.hpp"

#include "state/packing.hpp"
#include "syncline/core/failpoint.hpp"

#include <array>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

// Order of the columns in every statement of this file, after `key`. In the pending table, traits
// are NULL in a row that says that the key is to be erased.
#define SYNCLINE_BASE_COLUMNS "traits, size, mtime_ns, source_version, target_version, hash, extra"

enum Column : int { kKey, kTraits, kSize, kMtime, kSourceVersion, kTargetVersion, kHash, kExtra };

constexpr std::int64_t kDiffersBit = 1 << 24;
constexpr std::int64_t kHasExtraBit = 1 << 25;

// Room for some 20,000 entries of ordinary size, twice what an executor gathers between two
// commits.
constexpr std::size_t kMostGatheredBytes = 8 << 20;
// What a node of the map takes apart from the bytes it borrows.
constexpr std::size_t kNodeBytes =
    sizeof(std::pair<const BytesView, std::optional<BaseEntryView>>) + 4 * sizeof(void*);

constexpr std::array kByteFields{
    &BaseEntryView::key,       &BaseEntryView::source_version, &BaseEntryView::target_version,
    &BaseEntryView::source_id, &BaseEntryView::target_id,      &BaseEntryView::hash,
    &BaseEntryView::meta};

std::size_t bytes_in(const BaseEntryView& entry) {
    std::size_t size = 0;
    for (const auto field : kByteFields) {
        size += (entry.*field).size();
    }
    return size;
}

// So that the entry borrows from `to`, which has room for them.
void copy_bytes(BaseEntryView& entry, char* to) {
    for (const auto field : kByteFields) {
        BytesView& bytes = entry.*field;
        bytes.copy(to, bytes.size());
        bytes = BytesView(to, bytes.size());
        to += bytes.size();
    }
}

bool has_extra(const BaseEntryView& entry) {
    return !entry.source_id.empty() || !entry.target_id.empty() || !entry.meta.empty();
}

std::int64_t pack_traits(const BaseEntryView& entry) {
    return static_cast<std::int64_t>(entry.kind) | static_cast<std::int64_t>(entry.hash_algo) << 8 |
           (entry.differs ? kDiffersBit : 0) | (has_extra(entry) ? kHasExtraBit : 0);
}

void read_entry(const Statement& row, BaseEntryView& entry) {
    const std::int64_t traits = row.integer(kTraits);
    entry.key = row.bytes(kKey);
    entry.source_version = row.bytes(kSourceVersion);
    entry.target_version = row.bytes(kTargetVersion);
    entry.hash = row.bytes(kHash);
    if ((traits & kHasExtraBit) != 0) {
        Reader extra(row.bytes(kExtra));
        entry.source_id = extra.bytes();
        entry.target_id = extra.bytes();
        entry.meta = extra.bytes();
    } else {
        entry.source_id = {};
        entry.target_id = {};
        entry.meta = {};
    }
    // NULL reads as 0, so only a 0 has to be looked at twice.
    entry.size = static_cast<std::uint64_t>(row.integer(kSize));
    if (entry.size == 0 && row.is_null(kSize)) {
        entry.size = kUnknownSize;
    }
    entry.mtime_ns = row.integer(kMtime);
    if (entry.mtime_ns == 0 && row.is_null(kMtime)) {
        entry.mtime_ns = kUnknownTime;
    }
    entry.hash_algo = static_cast<HashAlgo>((traits >> 8) & 0xffff);
    entry.kind = static_cast<ItemKind>(traits & 0xff);
    entry.differs = (traits & kDiffersBit) != 0;
}

// The key and its columns in their order, the parameters after `offset`. `extra` holds what they
// borrow.
void bind_entry(Statement& statement, int offset, const BaseEntryView& entry, Bytes& extra) {
    statement.bind(offset + 1 + kKey, entry.key);
    statement.bind(offset + 1 + kTraits, pack_traits(entry));
    if (entry.size == kUnknownSize) {
        statement.bind_null(offset + 1 + kSize);
    } else {
        statement.bind(offset + 1 + kSize, static_cast<std::int64_t>(entry.size));
    }
    if (entry.mtime_ns == kUnknownTime) {
        statement.bind_null(offset + 1 + kMtime);
    } else {
        statement.bind(offset + 1 + kMtime, entry.mtime_ns);
    }
    statement.bind(offset + 1 + kSourceVersion, entry.source_version);
    statement.bind(offset + 1 + kTargetVersion, entry.target_version);
    statement.bind(offset + 1 + kHash, entry.hash);
    extra.clear();
    if (has_extra(entry)) {
        put_bytes(entry.source_id, extra);
        put_bytes(entry.target_id, extra);
        put_bytes(entry.meta, extra);
    }
    statement.bind(offset + 1 + kExtra, extra);
}

class Cursor final : public BaseCursor {
public:
    explicit Cursor(Statement statement) : statement_(std::move(statement)) {}

    Result<bool> next(BaseEntryView& entry) override {
        if (at_end_) {
            return false; // one more step would begin again
        }
        Result<bool> has_row = statement_.step();
        if (has_row.ok() && *has_row) {
            read_entry(statement_, entry);
        } else {
            at_end_ = true;
        }
        return has_row;
    }

private:
    Statement statement_;
    bool at_end_ = false;
};

} // namespace

Result<std::unique_ptr<SqliteBaseStore>> SqliteBaseStore::open(const std::filesystem::path& file,
                                                               std::int64_t sync) {
    SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, sqlite::OpenMode::read_write));
    SYNCLINE_TRY(database.execute(
        "PRAGMA synchronous = FULL;"
        "PRAGMA cache_size = -2048;"
        "PRAGMA journal_size_limit = 67108864;"
        "CREATE TEMP TABLE spilled (key BLOB PRIMARY KEY, traits INTEGER, size INTEGER,"
        "  mtime_ns INTEGER, source_version BLOB, target_version BLOB, hash BLOB,"
        "  extra BLOB) WITHOUT ROWID;"
        "PRAGMA temp.cache_size = -2048"));
    std::unique_ptr<SqliteBaseStore> store(new SqliteBaseStore(std::move(database), sync));
    Database& db = store->database_;
    SYNCLINE_STATE_ASSIGN(store->find_, db.prepare("SELECT key, " SYNCLINE_BASE_COLUMNS
                                                   " FROM base WHERE sync = ?1 AND key = ?2"));
    SYNCLINE_STATE_ASSIGN(
        store->put_,
        sqlite::RowInserter::prepare(
            db, "INSERT OR REPLACE INTO base (key, " SYNCLINE_BASE_COLUMNS ", sync)", 2 + kExtra));
    SYNCLINE_STATE_ASSIGN(store->erase_,
                          db.prepare("DELETE FROM base WHERE sync = ?1 AND key = ?2"));
    SYNCLINE_STATE_ASSIGN(store->find_spilled_, db.prepare("SELECT key, " SYNCLINE_BASE_COLUMNS
                                                           " FROM temp.spilled WHERE key = ?1"));
    SYNCLINE_STATE_ASSIGN(
        store->spill_put_,
        db.prepare("INSERT OR REPLACE INTO temp.spilled (key, " SYNCLINE_BASE_COLUMNS
                   ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
    SYNCLINE_STATE_ASSIGN(store->spill_erase_,
                          db.prepare("INSERT OR REPLACE INTO temp.spilled (key) VALUES (?1)"));
    SYNCLINE_STATE_ASSIGN(
        store->apply_spilled_puts_,
        db.prepare("INSERT OR REPLACE INTO base (sync, key, " SYNCLINE_BASE_COLUMNS ") "
                   "SELECT ?1, key, " SYNCLINE_BASE_COLUMNS
                   " FROM temp.spilled WHERE traits IS NOT NULL ORDER BY key"));
    SYNCLINE_STATE_ASSIGN(store->apply_spilled_erases_,
                          db.prepare("DELETE FROM base WHERE sync = ?1 AND key IN "
                                     "(SELECT key FROM temp.spilled WHERE traits IS NULL)"));
    SYNCLINE_STATE_ASSIGN(store->forget_spilled_, db.prepare("DELETE FROM temp.spilled"));
    return store;
}

Result<std::unique_ptr<BaseCursor>> SqliteBaseStore::scan() {
    SYNCLINE_STATE_ASSIGN(Statement statement,
                          database_.prepare("SELECT key, " SYNCLINE_BASE_COLUMNS
                                            " FROM base WHERE sync = ?1 ORDER BY key"));
    statement.bind(1, sync_);
    return std::unique_ptr<BaseCursor>(std::make_unique<Cursor>(std::move(statement)));
}

Result<std::optional<BaseEntry>> SqliteBaseStore::find(BytesView key) {
    if (const auto gathered = pending_.find(key); gathered != pending_.end()) {
        return gathered->second ? std::optional(to_entry(*gathered->second)) : std::nullopt;
    }
    BaseEntryView view;
    if (has_spilled_) {
        const sqlite::ResetOnExit reset(find_spilled_);
        find_spilled_.bind(1, key);
        SYNCLINE_STATE_ASSIGN(const bool is_there, find_spilled_.step());
        if (is_there) {
            if (find_spilled_.is_null(kTraits)) {
                return std::optional<BaseEntry>();
            }
            read_entry(find_spilled_, view);
            return std::optional(to_entry(view));
        }
    }
    const sqlite::ResetOnExit reset(find_);
    find_.bind(1, sync_);
    find_.bind(2, key);
    SYNCLINE_STATE_ASSIGN(const bool is_there, find_.step());
    if (!is_there) {
        return std::optional<BaseEntry>();
    }
    read_entry(find_, view);
    return std::optional(to_entry(view));
}

Result<std::uint64_t> SqliteBaseStore::count() {
    SYNCLINE_STATE_ASSIGN(Statement statement,
                          database_.prepare("SELECT count(*) FROM base WHERE sync = ?1"));
    statement.bind(1, sync_);
    SYNCLINE_TRY(statement.step().status());
    return static_cast<std::uint64_t>(statement.integer(0));
}

Status SqliteBaseStore::put(const BaseEntryView& entry) { return gather(entry.key, &entry); }

Status SqliteBaseStore::erase(BytesView key) { return gather(key, nullptr); }

Status SqliteBaseStore::gather(BytesView key, const BaseEntryView* entry) {
    BaseEntryView owned;
    if (entry != nullptr) {
        owned = *entry;
    }
    owned.key = key;
    const std::size_t size = bytes_in(owned);
    if (gathered_bytes_ + size + kNodeBytes > kMostGatheredBytes && !pending_.empty()) {
        SYNCLINE_TRY(spill());
    }
    copy_bytes(owned, static_cast<char*>(memory_.allocate(size, 1)));
    // Keys come in order more often than not. A key stays where a first entry of it put it.
    const bool is_last = pending_.empty() || pending_.rbegin()->first < owned.key;
    pending_.insert_or_assign(is_last ? pending_.end() : pending_.lower_bound(owned.key), owned.key,
                              entry != nullptr ? std::optional(owned) : std::nullopt);
    gathered_bytes_ += size + kNodeBytes;
    return {};
}

void SqliteBaseStore::forget_gathered() {
    pending_.clear();
    memory_.release();
    gathered_bytes_ = 0;
}

Status SqliteBaseStore::spill() {
    // Concerns the temporary database only: a deferred transaction does not touch the state file.
    SYNCLINE_TRY(database_.execute("BEGIN DEFERRED"));
    sqlite::Transaction transaction = sqlite::Transaction::adopt(database_);
    for (const auto& [key, entry] : pending_) {
        if (entry) {
            bind_entry(spill_put_, 0, *entry, extra_[0]);
            SYNCLINE_TRY(spill_put_.run());
        } else {
            spill_erase_.bind(1, key);
            SYNCLINE_TRY(spill_erase_.run());
        }
    }
    SYNCLINE_TRY(transaction.commit());
    has_spilled_ = true;
    forget_gathered();
    return {};
}

Status SqliteBaseStore::apply() {
    if (has_spilled_) {
        apply_spilled_puts_.bind(1, sync_);
        SYNCLINE_TRY(apply_spilled_puts_.run());
        apply_spilled_erases_.bind(1, sync_);
        SYNCLINE_TRY(apply_spilled_erases_.run());
    }
    const auto bind = [this](Statement& statement, int offset, const BaseEntryView* entry,
                             std::size_t slot) {
        bind_entry(statement, offset, *entry, extra_[slot]);
        statement.bind(offset + 2 + kExtra, sync_);
    };
    sqlite::RowBatch<const BaseEntryView*, decltype(bind)> puts(put_, bind);
    for (const auto& [key, entry] : pending_) {
        if (entry) {
            SYNCLINE_TRY(puts.add(&*entry));
        } else {
            erase_.bind(1, sync_);
            erase_.bind(2, key);
            SYNCLINE_TRY(erase_.run());
        }
    }
    return puts.flush();
}

Status SqliteBaseStore::commit() {
    if (pending_.empty() && !has_spilled_) {
        return {};
    }
    {
        SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(database_));
        SYNCLINE_TRY(apply());
        SYNCLINE_FAILPOINT("state.before-base-commit");
        SYNCLINE_TRY(transaction.commit());
        SYNCLINE_FAILPOINT("state.after-base-commit");
    }
    return rollback(); // nothing is pending any more
}

Status SqliteBaseStore::rollback() {
    forget_gathered();
    if (has_spilled_) {
        SYNCLINE_TRY(forget_spilled_.run());
        has_spilled_ = false;
    }
    return {};
}

} // namespace syncline::state

namespace syncline {

void BaseChanges::add(const BaseEntryView& entry, bool erase) {
    if (!bytes_) {
        bytes_ = std::make_unique<std::pmr::monotonic_buffer_resource>();
    }
    Change& change = changes_.emplace_back(Change{entry, erase});
    const std::size_t size = state::bytes_in(entry);
    state::copy_bytes(change.entry, static_cast<char*>(bytes_->allocate(size, 1)));
}

} // namespace syncline
