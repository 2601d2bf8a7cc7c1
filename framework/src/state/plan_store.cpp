#include "state/plan_store.hpp"

#include "state/files.hpp"
#include "state/packed_item.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <span>
#include <unistd.h>
#include <utility>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

// The columns that corrections and counts look at come first; the rest is one blob that only this
// file reads.
#define SYNCLINE_PLAN_COLUMNS                                                                      \
    "id, action, side, phase, kind, source_size, target_size, reason, key, body"

enum Column : int {
    kId,
    kAction,
    kSide,
    kPhase,
    kKind,
    kSourceSize,
    kTargetSize,
    kReason,
    kKey,
    kBody
};

constexpr const char* kSchema = R"sql(
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -2048;
    CREATE TABLE op (
        id INTEGER PRIMARY KEY,
        action INTEGER NOT NULL,
        side INTEGER NOT NULL,
        phase INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        source_size INTEGER,
        target_size INTEGER,
        reason TEXT NOT NULL,
        key BLOB NOT NULL,
        body BLOB NOT NULL
    );
    BEGIN;
)sql";

template <typename E>
std::int64_t number(E value) {
    return static_cast<std::int64_t>(value);
}

constexpr std::uint64_t kDiffers = 1;
constexpr std::uint64_t kUnreadable = 2;
constexpr std::uint64_t kHasSource = 4;
constexpr std::uint64_t kHasTarget = 8;
constexpr std::uint64_t kHasBase = 16;
constexpr std::uint64_t kHasMerged = 32;
constexpr std::uint64_t kHasNames = 64;

bool has_name(const std::optional<Item>& item) { return item && !item->key.empty(); }

void put_body(const PlannedOp& op, Bytes& out) {
    const bool has_names = has_name(op.source) || has_name(op.target);
    put_number((op.differs ? kDiffers : 0U) | (op.unreadable ? kUnreadable : 0U) |
                   (op.source ? kHasSource : 0U) | (op.target ? kHasTarget : 0U) |
                   (op.has_base ? kHasBase : 0U) | (op.merged ? kHasMerged : 0U) |
                   (has_names ? kHasNames : 0U),
               out);
    put_number(static_cast<std::uint64_t>(op.conflict), out);
    for (const std::optional<Item>* item : {&op.source, &op.target}) {
        if (*item) {
            put_item(**item, out);
            if (has_names) {
                put_bytes((*item)->key, out);
            }
        }
    }
    put_bytes(op.base_hash, out);
    put_bytes(op.base_meta, out);
    put_bytes(op.base_source_id, out);
    put_bytes(op.base_target_id, out);
    put_bytes(op.other_key, out);
    put_bytes(op.via_key, out);
    if (op.merged) {
        put_bytes(op.merged->digest, out);
        put_bytes(op.merged->hash, out);
        put_number(op.merged->size, out);
        put_number(static_cast<std::uint64_t>(op.merged->mtime_ns), out);
    }
}

Result<PlannedOp> read_op(const Statement& row) {
    PlannedOp op;
    op.id = row.integer(kId);
    op.key = Bytes(row.bytes(kKey));
    op.action = static_cast<Action>(row.integer(kAction));
    op.side = static_cast<Side>(row.integer(kSide));
    op.phase = static_cast<Phase>(row.integer(kPhase));
    op.kind = static_cast<ItemKind>(row.integer(kKind));
    op.reason = std::string(row.bytes(kReason));
    Reader in(row.bytes(kBody));
    const std::uint64_t flags = in.number();
    op.differs = (flags & kDiffers) != 0;
    op.unreadable = (flags & kUnreadable) != 0;
    op.has_base = (flags & kHasBase) != 0;
    op.conflict = static_cast<ConflictKind>(in.number());
    for (const auto& [flag, item] :
         {std::pair(kHasSource, &op.source), std::pair(kHasTarget, &op.target)}) {
        if ((flags & flag) != 0) {
            *item = read_item(in);
            (*item)->key = Bytes((flags & kHasNames) != 0 ? in.bytes() : BytesView());
        }
    }
    op.base_hash = Bytes(in.bytes());
    op.base_meta = Bytes(in.bytes());
    op.base_source_id = Bytes(in.bytes());
    op.base_target_id = Bytes(in.bytes());
    op.other_key = Bytes(in.bytes());
    op.via_key = Bytes(in.bytes());
    if ((flags & kHasMerged) != 0) {
        MergedContent& merged = op.merged.emplace();
        merged.digest = Bytes(in.bytes());
        merged.hash = Bytes(in.bytes());
        merged.size = in.number();
        merged.mtime_ns = static_cast<std::int64_t>(in.number());
    }
    if (!in.read_all()) {
        return Status(Code::io, "the plan's file was damaged while in use; run again");
    }
    return op;
}

std::optional<std::int64_t> size_of(const std::optional<Item>& item) {
    if (!item || item->size == kUnknownSize) {
        return std::nullopt;
    }
    return static_cast<std::int64_t>(std::min<std::uint64_t>(item->size, INT64_MAX));
}

void bind_size(Statement& statement, int parameter, std::optional<std::int64_t> size) {
    if (size) {
        statement.bind(parameter, *size);
    } else {
        statement.bind_null(parameter);
    }
}

Status visit_rows(Statement& rows, const std::function<bool(PlannedOp&&)>& visit) {
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
        if (!has_row) {
            return {};
        }
        SYNCLINE_STATE_ASSIGN(PlannedOp op, read_op(rows));
        if (!visit(std::move(op))) {
            return {};
        }
    }
}

} // namespace

Result<std::unique_ptr<SqlitePlanStore>>
SqlitePlanStore::create(const std::filesystem::path& file) {
    for (const char* suffix : {"", "-journal", "-wal", "-shm"}) {
        const std::filesystem::path old = file.native() + suffix;
        if (::unlink(old.c_str()) != 0 && errno != ENOENT) {
            return status_of_errno(errno, "remove the old plan", old);
        }
    }
    {
        // Closed at once, before SQLite locks the file: closing any descriptor of a file drops a
        // process's locks on it.
        const Result<FileDescriptor> created = open_private_file(file, O_EXCL);
        if (!created.ok()) {
            return created.status();
        }
    }
    SYNCLINE_STATE_ASSIGN(Database database, Database::open(file, sqlite::OpenMode::read_write));
    std::unique_ptr<SqlitePlanStore> store(new SqlitePlanStore(file, std::move(database)));
    Database& db = store->database_;
    // Without a journal a failed statement leaves the table in an unknown state, which the
    // defensive mode would forbid; a plan whose writing failed is never read again.
    sqlite3_db_config(db.handle(), SQLITE_DBCONFIG_DEFENSIVE, 0, nullptr);
    SYNCLINE_TRY(db.execute(kSchema));
    SYNCLINE_STATE_ASSIGN(
        store->insert_,
        sqlite::RowInserter::prepare(db, "INSERT INTO op (" SYNCLINE_PLAN_COLUMNS ")", 1 + kBody));
    SYNCLINE_STATE_ASSIGN(
        store->update_,
        db.prepare("UPDATE op SET action = ?2, side = ?3, phase = ?4, kind = ?5, source_size = ?6, "
                   "target_size = ?7, reason = ?8, key = ?9, body = ?10 WHERE id = ?1"));
    SYNCLINE_STATE_ASSIGN(store->select_,
                          db.prepare("SELECT " SYNCLINE_PLAN_COLUMNS " FROM op WHERE id = ?1"));
    SYNCLINE_STATE_ASSIGN(store->drop_, db.prepare("DELETE FROM op WHERE id BETWEEN ?1 AND ?2"));
    return store;
}

SqlitePlanStore::~SqlitePlanStore() { ::unlink(file_.c_str()); }

void SqlitePlanStore::fill(OpRow& row, std::int64_t id, const PlannedOp& op) {
    row.id = id;
    row.action = number(op.action);
    row.side = number(op.side);
    row.phase = number(op.phase);
    row.kind = number(op.kind);
    row.sizes[0] = size_of(op.source);
    row.sizes[1] = size_of(op.target);
    row.reason = op.reason;
    row.key = op.key;
    row.body.clear();
    put_body(op, row.body);
}

void SqlitePlanStore::bind_row(Statement& statement, int offset, const OpRow& row) {
    statement.bind(offset + 1 + kId, row.id);
    statement.bind(offset + 1 + kAction, row.action);
    statement.bind(offset + 1 + kSide, row.side);
    statement.bind(offset + 1 + kPhase, row.phase);
    statement.bind(offset + 1 + kKind, row.kind);
    bind_size(statement, offset + 1 + kSourceSize, row.sizes[0]);
    bind_size(statement, offset + 1 + kTargetSize, row.sizes[1]);
    statement.bind_text(offset + 1 + kReason, row.reason);
    statement.bind(offset + 1 + kKey, row.key);
    statement.bind(offset + 1 + kBody, row.body);
}

Result<std::int64_t> SqlitePlanStore::add(const PlannedOp& op) {
    if (added_count_ == added_.size()) {
        SYNCLINE_TRY(write_added());
    }
    OpRow& row = added_[added_count_++];
    fill(row, ++last_id_, op);
    if (survey_) {
        survey_->add(row);
    }
    brings_back_ = brings_back_ || (op.action == Action::create && op.has_base);
    return last_id_;
}

Status SqlitePlanStore::write_added() {
    const std::span<const OpRow> rows(added_.data(), std::exchange(added_count_, 0));
    return insert_.insert(rows, [](Statement& statement, int offset, const OpRow& row,
                                   std::size_t) { bind_row(statement, offset, row); });
}

Status SqlitePlanStore::before_change() {
    survey_.reset();
    return write_added();
}

Status SqlitePlanStore::replace(const PlannedOp& op) {
    SYNCLINE_TRY(before_change());
    OpRow row;
    fill(row, op.id, op);
    bind_row(update_, 0, row);
    SYNCLINE_TRY(update_.run());
    brings_back_ = brings_back_ || (op.action == Action::create && op.has_base);
    if (sqlite3_changes(database_.handle()) == 0) {
        return {Code::not_found, "no planned operation " + std::to_string(op.id)};
    }
    return {};
}

Result<PlannedOp> SqlitePlanStore::at(std::int64_t id) {
    SYNCLINE_TRY(write_added());
    const sqlite::ResetOnExit reset(select_);
    select_.bind(1, id);
    SYNCLINE_STATE_ASSIGN(const bool is_there, select_.step());
    if (!is_there) {
        return Status(Code::not_found, "no planned operation " + std::to_string(id));
    }
    return read_op(select_);
}

Status SqlitePlanStore::removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                              std::string_view reason) {
    SYNCLINE_TRY(before_change());
    brings_back_ = true;
    SYNCLINE_STATE_ASSIGN(
        Statement update,
        database_.prepare(
            "UPDATE op SET action = ?3, side = ?4, reason = ?5, phase = iif(kind = ?6, ?7, ?8) "
            "WHERE id BETWEEN ?1 AND ?2 AND action = ?9 AND side = ?10"));
    update.bind(1, first);
    update.bind(2, last);
    update.bind(3, number(Action::create));
    update.bind(4, number(other(from)));
    update.bind_text(5, reason);
    update.bind(6, number(ItemKind::container));
    update.bind(7, number(Phase::create_containers));
    update.bind(8, number(Phase::write_content));
    update.bind(9, number(Action::remove));
    update.bind(10, number(from));
    return update.run();
}

Status SqlitePlanStore::clear_for_other_kind(std::int64_t first, std::int64_t last,
                                             Side present_on) {
    SYNCLINE_TRY(before_change());
    SYNCLINE_STATE_ASSIGN(
        Statement update,
        database_.prepare("UPDATE op SET action = ?3, side = ?4, phase = iif(kind = ?5, ?6, ?7) "
                          "WHERE id BETWEEN ?1 AND ?2 "
                          "AND ((action = ?8 AND side = ?9) OR (action = ?3 AND side = ?4))"));
    update.bind(1, first);
    update.bind(2, last);
    update.bind(3, number(Action::remove));
    update.bind(4, number(present_on));
    update.bind(5, number(ItemKind::container));
    update.bind(6, number(Phase::clear_containers));
    update.bind(7, number(Phase::clear_content));
    update.bind(8, number(Action::create));
    update.bind(9, number(other(present_on)));
    return update.run();
}

Status SqlitePlanStore::drop(std::int64_t first, std::int64_t last) {
    SYNCLINE_TRY(before_change());
    drop_.bind(1, first);
    drop_.bind(2, last);
    return drop_.run();
}

bool SqlitePlanStore::Survey::add(const OpRow& row) {
    const auto action = static_cast<std::size_t>(row.action);
    const auto side = static_cast<std::size_t>(row.side);
    const auto phase = static_cast<std::size_t>(row.phase);
    if (action >= counts.actions.size() || side >= counts.removals.size() ||
        phase >= first.size()) {
        return false;
    }
    ++counts.actions[action];
    ++counts.phases[phase];
    if (first[phase] == 0) {
        first[phase] = row.id;
    }
    last[phase] = row.id;
    const auto size_on = [&](Side of) {
        return static_cast<double>(row.sizes[static_cast<std::size_t>(of)].value_or(0));
    };
    switch (static_cast<Action>(action)) {
    case Action::remove:
        ++counts.removals[side];
        break;
    case Action::rename:
        if (static_cast<Phase>(phase) != Phase::write_content) {
            break; // its content is there already
        }
        [[fallthrough]];
    case Action::create:
    case Action::update:
    case Action::keep_both:
        if (static_cast<ItemKind>(row.kind) != ItemKind::container) {
            bytes += size_on(other(static_cast<Side>(side)));
        }
        break;
    case Action::merge: // about as much as the larger of both, on each side
        bytes += 2 * std::max(size_on(Side::source), size_on(Side::target));
        break;
    default:
        break;
    }
    return true;
}

Result<const SqlitePlanStore::Survey*> SqlitePlanStore::survey() {
    SYNCLINE_TRY(write_added());
    if (!survey_) {
        Survey found;
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare(
                "SELECT id, action, side, phase, kind, source_size, target_size FROM op"));
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                break;
            }
            OpRow row;
            row.id = rows.integer(kId);
            row.action = rows.integer(kAction);
            row.side = rows.integer(kSide);
            row.phase = rows.integer(kPhase);
            row.kind = rows.integer(kKind);
            row.sizes[0] = rows.integer(kSourceSize); // unknown reads as 0, and counts as that
            row.sizes[1] = rows.integer(kTargetSize);
            if (!found.add(row)) {
                return Status(Code::io, "the plan's file was damaged while in use; run again");
            }
        }
        survey_ = found;
    }
    constexpr double kMostBytes = 18446744073709549568.0; // the last double below 2^64
    survey_->counts.bytes = static_cast<std::uint64_t>(std::min(survey_->bytes, kMostBytes));
    survey_->counts.brings_back = brings_back_;
    return &*survey_;
}

Result<PlanCounts> SqlitePlanStore::counts() {
    SYNCLINE_STATE_ASSIGN(const Survey* const found, survey());
    return found->counts;
}

Status SqlitePlanStore::each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) {
    SYNCLINE_STATE_ASSIGN(const Survey* const found, survey());
    const auto index = static_cast<std::size_t>(phase);
    if (index >= found->first.size() || found->counts.phases[index] == 0) {
        return {};
    }
    const bool is_deepest_first =
        phase == Phase::clear_containers || phase == Phase::remove_containers;
    SYNCLINE_STATE_ASSIGN(
        Statement rows,
        database_.prepare(
            is_deepest_first ? "SELECT " SYNCLINE_PLAN_COLUMNS
                               " FROM op WHERE id BETWEEN ?1 AND ?2 AND phase = ?3 ORDER BY id DESC"
                             : "SELECT " SYNCLINE_PLAN_COLUMNS
                               " FROM op WHERE id BETWEEN ?1 AND ?2 AND phase = ?3 ORDER BY id"));
    rows.bind(1, found->first[index]);
    rows.bind(2, found->last[index]);
    rows.bind(3, number(phase));
    return visit_rows(rows, visit);
}

Status SqlitePlanStore::each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) {
    SYNCLINE_TRY(write_added());
    SYNCLINE_STATE_ASSIGN(
        Statement rows, database_.prepare("SELECT " SYNCLINE_PLAN_COLUMNS " FROM op ORDER BY id"));
    return visit_rows(rows, visit);
}

} // namespace syncline::state
