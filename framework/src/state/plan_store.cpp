#include "state/plan_store.hpp"

#include "state/files.hpp"
#include "state/packed_item.hpp"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>
#include <utility>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

// A page is written when it has as many operations or bytes. A correction reads and writes a whole
// page, so it should not be large.
constexpr std::int64_t kPageOps = 64;
constexpr std::size_t kPageBytes = std::size_t{16} << 10U;
constexpr std::size_t kUsualOpBytes = 256;

enum Column : int { kFirst, kLast, kPhases, kBody };

constexpr const char* kSchema = R"sql(
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA cache_size = -2048;
    CREATE TABLE page (
        first INTEGER PRIMARY KEY,
        last INTEGER NOT NULL,
        phases INTEGER NOT NULL,
        body BLOB NOT NULL
    );
    BEGIN;
)sql";

constexpr std::uint64_t kDiffers = 1;
constexpr std::uint64_t kUnreadable = 2;
constexpr std::uint64_t kHasSource = 4;
constexpr std::uint64_t kHasTarget = 8;
constexpr std::uint64_t kHasBase = 16;
constexpr std::uint64_t kHasMerged = 32;
constexpr std::uint64_t kHasNames = 64;

bool has_name(const std::optional<Item>& item) { return item && !item->key.empty(); }

std::int64_t bit_of(Phase phase) { return std::int64_t{1} << static_cast<unsigned>(phase); }

constexpr std::int64_t kEveryPhase = -1;

bool is_before(const PlannedOp& op, std::int64_t id) { return op.id < id; }

Status damaged() { return {Code::io, "the plan's file was damaged while in use; run again"}; }

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

} // namespace

// ---- pages ----

class SqlitePlanStore::PageReader {
public:
    PageReader(std::int64_t first, BytesView body) : first_(first), in_(body) {}

    // False: the end, or is_damaged().
    bool next(PageOp& op) {
        if (in_.at_end() || is_damaged_) {
            return false;
        }
        is_damaged_ = !read_head(in_.bytes(), first_, op);
        return !is_damaged_;
    }
    bool is_damaged() const { return is_damaged_; }

private:
    std::int64_t first_;
    Reader in_;
    bool is_damaged_ = false;
};

bool SqlitePlanStore::read_head(BytesView bytes, std::int64_t first_in_page, PageOp& op) {
    Reader in(bytes);
    op.head.id = first_in_page + static_cast<std::int64_t>(in.number());
    const std::uint64_t action = in.number();
    const std::uint64_t side = in.number();
    const std::uint64_t phase = in.number();
    op.head.action = static_cast<Action>(action);
    op.head.side = static_cast<Side>(side);
    op.head.phase = static_cast<Phase>(phase);
    op.head.kind = static_cast<ItemKind>(in.number());
    op.head.sizes[0] = in.number() - 1; // kUnknownSize became 0
    op.head.sizes[1] = in.number() - 1;
    op.rest = in.rest();
    op.bytes = bytes;
    return !in.is_broken() && action < kActionNumbers && side <= 1 && phase <= kPhaseCount;
}

SqlitePlanStore::OpHead SqlitePlanStore::head_of(const PlannedOp& op) {
    OpHead head{op.id, op.action, op.side, op.phase, op.kind, {kUnknownSize, kUnknownSize}};
    for (const Side side : {Side::source, Side::target}) {
        const std::optional<Item>& item = side == Side::source ? op.source : op.target;
        if (item) {
            head.sizes[static_cast<std::size_t>(side)] = item->size;
        }
    }
    return head;
}

void SqlitePlanStore::pack(const PlannedOp& op, std::uint64_t number_in_page, Bytes& out) {
    const OpHead head = head_of(op);
    for (const std::uint64_t number :
         {number_in_page, static_cast<std::uint64_t>(op.action),
          static_cast<std::uint64_t>(op.side), static_cast<std::uint64_t>(op.phase),
          static_cast<std::uint64_t>(op.kind), head.sizes[0] + 1, head.sizes[1] + 1}) {
        put_number(number, out);
    }
    put_bytes(op.key, out);
    put_bytes(op.reason, out);
    put_body(op, out);
}

Status SqlitePlanStore::unpack(const PageOp& packed, PlannedOp& op) {
    op.id = packed.head.id;
    op.action = packed.head.action;
    op.side = packed.head.side;
    op.phase = packed.head.phase;
    op.kind = packed.head.kind;
    Reader in(packed.rest);
    op.key = Bytes(in.bytes());
    op.reason = std::string(in.bytes());
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
    return in.read_all() ? Status() : damaged();
}

void SqlitePlanStore::Page::append(const PlannedOp& op, std::int64_t id) {
    Bytes packed;
    packed.reserve(kUsualOpBytes);
    pack(op, static_cast<std::uint64_t>(id - first), packed);
    put_bytes(packed, body);
    phases |= bit_of(op.phase);
    last = id;
}

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
    SYNCLINE_STATE_ASSIGN(store->insert_, db.prepare("INSERT INTO page (first, last, phases, body) "
                                                     "VALUES (?1, ?2, ?3, ?4)"));
    SYNCLINE_STATE_ASSIGN(store->update_,
                          db.prepare("UPDATE page SET phases = ?2, body = ?3 WHERE first = ?1"));
    SYNCLINE_STATE_ASSIGN(store->remove_, db.prepare("DELETE FROM page WHERE first = ?1"));
    SYNCLINE_STATE_ASSIGN(store->find_,
                          db.prepare("SELECT first, last, phases, body FROM page WHERE first <= ?1 "
                                     "ORDER BY first DESC LIMIT 1"));
    SYNCLINE_STATE_ASSIGN(store->find_next_,
                          db.prepare("SELECT first, last, phases, body FROM page WHERE first > ?1 "
                                     "ORDER BY first LIMIT 1"));
    return store;
}

SqlitePlanStore::~SqlitePlanStore() { ::unlink(file_.c_str()); }

Status SqlitePlanStore::write_last() {
    SYNCLINE_TRY(put_back());
    if (open_ && open_->is_last) {
        open_.reset();
    }
    if (last_.body.empty()) {
        return {};
    }
    insert_.bind(1, last_.first);
    insert_.bind(2, last_.last);
    insert_.bind(3, last_.phases);
    insert_.bind(4, last_.body);
    SYNCLINE_TRY(insert_.run());
    last_.phases = 0;
    last_.body.clear();
    return {};
}

Result<bool> SqlitePlanStore::open_page(std::int64_t id) {
    if (open_ && open_->first <= id && id <= open_->last) {
        return true;
    }
    SYNCLINE_TRY(put_back());
    open_.reset();
    const auto open = [&](std::int64_t first, std::int64_t last, BytesView body,
                          bool is_last) -> Result<bool> {
        OpenPage page{first, last, {}, is_last, false};
        page.ops.reserve(static_cast<std::size_t>(kPageOps));
        PageReader in(first, body);
        PageOp op;
        while (in.next(op)) {
            SYNCLINE_TRY(unpack(op, page.ops.emplace_back()));
        }
        if (in.is_damaged()) {
            return damaged();
        }
        open_ = std::move(page);
        return true;
    };
    if (last_.body.empty() || id < last_.first) {
        for (Statement* find : {&find_, &find_next_}) {
            const sqlite::ResetOnExit reset(*find);
            find->bind(1, id);
            SYNCLINE_STATE_ASSIGN(const bool is_there, find->step());
            if (is_there && id <= find->integer(kLast)) {
                return open(find->integer(kFirst), find->integer(kLast), find->bytes(kBody), false);
            }
        }
    }
    if (last_.body.empty() || id > last_.last) {
        return false;
    }
    return open(last_.first, last_.last, last_.body, true);
}

Status SqlitePlanStore::put_back() {
    if (!open_ || !open_->is_changed) {
        return {};
    }
    open_->is_changed = false;
    Page page{open_->first, open_->last, 0, {}};
    for (const PlannedOp& op : open_->ops) {
        page.append(op, op.id);
    }
    page.last = open_->last;
    if (open_->is_last) {
        last_ = std::move(page);
        return {};
    }
    if (page.body.empty()) {
        remove_.bind(1, page.first);
        return remove_.run();
    }
    update_.bind(1, page.first);
    update_.bind(2, page.phases);
    update_.bind(3, page.body);
    return update_.run();
}

Result<PlannedOp*> SqlitePlanStore::open_op(std::int64_t id) {
    SYNCLINE_STATE_ASSIGN(const bool is_there, open_page(id));
    if (is_there) {
        const auto found = std::lower_bound(open_->ops.begin(), open_->ops.end(), id, is_before);
        if (found != open_->ops.end() && found->id == id) {
            return &*found;
        }
    }
    return Status(Code::not_found, "no planned operation " + std::to_string(id));
}

// ---- the plan ----

Result<std::int64_t> SqlitePlanStore::add(const PlannedOp& op) {
    if (open_ && open_->is_last) { // which it is no longer, once something is appended
        SYNCLINE_TRY(put_back());
        open_.reset();
    }
    if (!last_.body.empty() &&
        (last_id_ - last_.first >= kPageOps - 1 || last_.body.size() >= kPageBytes)) {
        SYNCLINE_TRY(write_last());
    }
    const std::int64_t id = ++last_id_;
    if (last_.body.empty()) {
        last_.first = id;
    }
    last_.append(op, id);
    if (survey_) {
        survey_->add(head_of(op));
    }
    brings_back_ = brings_back_ || (op.action == Action::create && op.has_base);
    return id;
}

Status SqlitePlanStore::replace(const PlannedOp& op) {
    SYNCLINE_STATE_ASSIGN(PlannedOp* const there, open_op(op.id));
    survey_.reset();
    *there = op;
    open_->is_changed = true;
    brings_back_ = brings_back_ || (op.action == Action::create && op.has_base);
    return {};
}

Result<PlannedOp> SqlitePlanStore::at(std::int64_t id) {
    SYNCLINE_STATE_ASSIGN(const PlannedOp* const there, open_op(id));
    return *there;
}

// Calls with the operations of one page after the other, as far as they are in the range.
Status
SqlitePlanStore::change(std::int64_t first, std::int64_t last,
                        const std::function<void(Ops&, Ops::iterator, Ops::iterator)>& some) {
    survey_.reset();
    while (first <= last) {
        SYNCLINE_STATE_ASSIGN(const bool is_there, open_page(first));
        if (!is_there) {
            break;
        }
        Ops& ops = open_->ops;
        const auto begin = std::lower_bound(ops.begin(), ops.end(), first, is_before);
        const auto end = std::lower_bound(begin, ops.end(), last + 1, is_before);
        open_->is_changed = open_->is_changed || begin != end;
        some(ops, begin, end);
        first = open_->last + 1;
    }
    return {};
}

Status SqlitePlanStore::removals_to_creations(std::int64_t first, std::int64_t last, Side from,
                                              std::string_view reason) {
    brings_back_ = true;
    return change(first, last, [&](Ops&, Ops::iterator op, Ops::iterator end) {
        for (; op != end; ++op) {
            if (op->action == Action::remove && op->side == from) {
                op->action = Action::create;
                op->side = other(from);
                op->reason = reason;
                op->phase = op->kind == ItemKind::container ? Phase::create_containers
                                                            : Phase::write_content;
            }
        }
    });
}

Status SqlitePlanStore::clear_for_other_kind(std::int64_t first, std::int64_t last,
                                             Side present_on) {
    return change(first, last, [&](Ops&, Ops::iterator op, Ops::iterator end) {
        for (; op != end; ++op) {
            if ((op->action == Action::create && op->side == other(present_on)) ||
                (op->action == Action::remove && op->side == present_on)) {
                op->action = Action::remove;
                op->side = present_on;
                op->phase = op->kind == ItemKind::container ? Phase::clear_containers
                                                            : Phase::clear_content;
            }
        }
    });
}

Status SqlitePlanStore::drop(std::int64_t first, std::int64_t last) {
    return change(first, last,
                  [](Ops& ops, Ops::iterator begin, Ops::iterator end) { ops.erase(begin, end); });
}

void SqlitePlanStore::Survey::add(const OpHead& head) {
    ++counts.actions[static_cast<std::size_t>(head.action)];
    ++counts.phases[static_cast<std::size_t>(head.phase)];
    if (head.action == Action::remove) {
        ++counts.removals[static_cast<std::size_t>(head.side)];
    }
    const std::uint64_t content = content_of(head);
    bytes += content == kUnknownSize ? 0.0 : static_cast<double>(content);
}

std::uint64_t SqlitePlanStore::content_of(const OpHead& head) {
    switch (head.action) {
    case Action::rename:
        if (head.phase != Phase::write_content) {
            break; // its content is there already
        }
        [[fallthrough]];
    case Action::create:
    case Action::update:
    case Action::keep_both:
        if (head.kind != ItemKind::container) {
            return head.sizes[static_cast<std::size_t>(other(head.side))];
        }
        break;
    case Action::merge: { // about as much as the larger of both, on each side
        const auto known = [](std::uint64_t size) { return size == kUnknownSize ? 0 : size; };
        const std::uint64_t larger = std::max(known(head.sizes[0]), known(head.sizes[1]));
        return larger > kUnknownSize / 2 ? kUnknownSize : 2 * larger;
    }
    default:
        break;
    }
    return 0;
}

Result<const SqlitePlanStore::Survey*> SqlitePlanStore::survey() {
    if (!survey_) {
        SYNCLINE_TRY(write_last());
        Survey found;
        SYNCLINE_STATE_ASSIGN(Statement pages,
                              database_.prepare("SELECT first, last, phases, body FROM page"));
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_page, pages.step());
            if (!has_page) {
                break;
            }
            PageReader in(pages.integer(kFirst), pages.bytes(kBody));
            PageOp op;
            while (in.next(op)) {
                found.add(op.head);
            }
            if (in.is_damaged()) {
                return damaged();
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

Result<bool> SqlitePlanStore::has_any(Phase phase) {
    SYNCLINE_STATE_ASSIGN(const Survey* const found, survey());
    const auto index = static_cast<std::size_t>(phase);
    return index < found->counts.phases.size() && found->counts.phases[index] > 0;
}

Status SqlitePlanStore::each(Phase phase, const std::function<bool(PlannedOp&&)>& visit) {
    SYNCLINE_STATE_ASSIGN(const bool is_there, has_any(phase));
    if (!is_there) {
        return {};
    }
    const bool is_deepest_first =
        phase == Phase::clear_containers || phase == Phase::remove_containers;
    return read(bit_of(phase), is_deepest_first, [&](const PageOp& packed) -> Result<bool> {
        PlannedOp op;
        SYNCLINE_TRY(unpack(packed, op));
        return visit(std::move(op));
    });
}

Status SqlitePlanStore::each_packed(Phase phase,
                                    const std::function<bool(const PackedOp&)>& visit) {
    SYNCLINE_STATE_ASSIGN(const bool is_there, has_any(phase));
    if (!is_there) {
        return {};
    }
    return read(bit_of(phase), false, [&](const PageOp& op) -> Result<bool> {
        return visit(
            {op.head.id, Reader(op.rest).bytes(), op.head.action, content_of(op.head), op.bytes});
    });
}

Status SqlitePlanStore::unpack(std::int64_t id, BytesView bytes, PlannedOp& op) const {
    PageOp packed;
    if (!read_head(bytes, 0, packed)) {
        return damaged();
    }
    packed.head.id = id;
    return unpack(packed, op);
}

Status SqlitePlanStore::each_in_key_order(const std::function<bool(PlannedOp&&)>& visit) {
    return read(kEveryPhase, false, [&](const PageOp& packed) -> Result<bool> {
        PlannedOp op;
        SYNCLINE_TRY(unpack(packed, op));
        return visit(std::move(op));
    });
}

Status SqlitePlanStore::read(std::int64_t phases, bool is_backwards,
                             const std::function<Result<bool>(const PageOp&)>& visit) {
    SYNCLINE_TRY(write_last());
    SYNCLINE_STATE_ASSIGN(Statement pages,
                          database_.prepare(is_backwards
                                                ? "SELECT first, last, phases, body FROM page "
                                                  "WHERE phases & ?1 ORDER BY first DESC"
                                                : "SELECT first, last, phases, body FROM page "
                                                  "WHERE phases & ?1 ORDER BY first"));
    pages.bind(1, phases);
    std::vector<PageOp> ops;
    ops.reserve(static_cast<std::size_t>(kPageOps));
    for (;;) {
        SYNCLINE_STATE_ASSIGN(const bool has_page, pages.step());
        if (!has_page) {
            return {};
        }
        PageReader in(pages.integer(kFirst), pages.bytes(kBody));
        ops.clear();
        PageOp op;
        while (in.next(op)) {
            if ((bit_of(op.head.phase) & phases) != 0) {
                ops.push_back(op);
            }
        }
        if (in.is_damaged()) {
            return damaged();
        }
        if (is_backwards) {
            std::reverse(ops.begin(), ops.end());
        }
        for (const PageOp& found : ops) {
            SYNCLINE_STATE_ASSIGN(const bool goes_on, visit(found));
            if (!goes_on) {
                return {};
            }
        }
    }
}

} // namespace syncline::state
