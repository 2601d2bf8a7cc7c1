#include "syncline/state/rename_index.hpp"

#include "state/sqlite.hpp"

#include <algorithm>

namespace syncline::state {
namespace {

using sqlite::Database;
using sqlite::Statement;

constexpr const char* kSchema = R"sql(
    PRAGMA cache_size = -4096;
    CREATE TABLE gone (
        op INTEGER PRIMARY KEY, side INTEGER NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,
        id BLOB NOT NULL, size INTEGER, hash BLOB NOT NULL, is_update INTEGER NOT NULL,
        is_bound INTEGER NOT NULL, is_settled INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX gone_id ON gone (id);
    CREATE INDEX gone_size ON gone (size);
    CREATE INDEX gone_key ON gone (side, key);
    CREATE TABLE come (
        op INTEGER PRIMARY KEY, side INTEGER NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,
        id BLOB NOT NULL, size INTEGER, hash BLOB NOT NULL, is_update INTEGER NOT NULL,
        is_bound INTEGER NOT NULL, is_settled INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX come_id ON come (id);
    CREATE INDEX come_size ON come (size);
    CREATE INDEX come_key ON come (side, key);
    CREATE TABLE forgotten (
        op INTEGER PRIMARY KEY, kind INTEGER NOT NULL, key BLOB NOT NULL,
        source_id BLOB NOT NULL, target_id BLOB NOT NULL
    );
    CREATE INDEX forgotten_source ON forgotten (source_id);
    CREATE INDEX forgotten_target ON forgotten (target_id);
    CREATE INDEX forgotten_key ON forgotten (key);
    CREATE TABLE pair (gone INTEGER PRIMARY KEY, come INTEGER NOT NULL UNIQUE, same INTEGER NOT NULL);
    CREATE TABLE candidate (n INTEGER PRIMARY KEY, gone INTEGER NOT NULL, come INTEGER NOT NULL);
    CREATE TABLE chain (gone INTEGER PRIMARY KEY, come INTEGER NOT NULL UNIQUE, is_done INTEGER);
    BEGIN;
)sql";

// Equal marks pair first with first, second with second.
constexpr const char* kCandidatesById = R"sql(
    INSERT INTO candidate (gone, come)
    SELECT g.op, c.op FROM
        (SELECT op, side, kind, id, row_number() OVER (PARTITION BY side, kind, id ORDER BY op) n
         FROM gone WHERE id <> x'' AND NOT is_bound) g
    JOIN
        (SELECT op, side, kind, id, row_number() OVER (PARTITION BY side, kind, id ORDER BY op) n
         FROM come WHERE id <> x'' AND NOT is_bound) c
    USING (side, kind, id, n)
    WHERE g.op <> c.op ORDER BY g.op
)sql";

constexpr const char* kPairsByHash = R"sql(
    INSERT OR IGNORE INTO pair (gone, come, same)
    SELECT g.op, c.op, 1 FROM
        (SELECT op, side, kind, size, hash,
                row_number() OVER (PARTITION BY side, kind, size, hash ORDER BY op) n
         FROM gone WHERE hash <> x'' AND NOT is_bound AND NOT is_update
                         AND op NOT IN (SELECT gone FROM pair)) g
    JOIN
        (SELECT op, side, kind, size, hash,
                row_number() OVER (PARTITION BY side, kind, size, hash ORDER BY op) n
         FROM come WHERE hash <> x'' AND NOT is_bound AND NOT is_update
                         AND op NOT IN (SELECT come FROM pair)) c
    USING (side, kind, size, hash, n)
)sql";

// Something below ?2 that did not come, unchanged, in the same place below ?4. ?5: where the rest
// of a key begins.
constexpr const char* kDisagrees = R"sql(
    SELECT 1 FROM gone g LEFT JOIN pair p ON p.gone = g.op LEFT JOIN come c ON c.op = p.come
    WHERE g.side = ?1 AND g.key > ?2 AND g.key < ?3 AND (CASE
        WHEN g.is_bound THEN 0
        WHEN g.kind = 2 THEN EXISTS (
            SELECT 1 FROM come x WHERE x.side = ?1 AND NOT x.is_settled
                AND x.key = CAST(?4 || substr(g.key, ?5) AS BLOB))
        ELSE p.same = 1 AND NOT c.is_update AND c.key = CAST(?4 || substr(g.key, ?5) AS BLOB)
        END) IS NOT 1
    LIMIT 1
)sql";

template <typename E>
std::int64_t number(E value) {
    return static_cast<std::int64_t>(value);
}

// The first key that is not below the container.
Bytes end_of(BytesView container) {
    Bytes end(container);
    end.back() = '0'; // follows '/'
    return end;
}

struct Container {
    std::int64_t op = 0;
    std::int64_t side = 0;
    Bytes key;
};

class SqliteRenameIndex final : public RenameIndex {
public:
    explicit SqliteRenameIndex(Database database) : database_(std::move(database)) {}

    Status prepare() {
        SYNCLINE_TRY(database_.execute(kSchema));
        SYNCLINE_STATE_ASSIGN(
            add_gone_, database_.prepare("INSERT INTO gone (op, side, kind, key, id, size, hash, "
                                         "is_update, is_bound) "
                                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
        SYNCLINE_STATE_ASSIGN(
            add_come_, database_.prepare("INSERT INTO come (op, side, kind, key, id, size, hash, "
                                         "is_update, is_bound) "
                                         "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
        SYNCLINE_STATE_ASSIGN(
            could_match_,
            database_.prepare(
                "SELECT EXISTS (SELECT 1 FROM gone WHERE id = ?1 AND ?1 <> x'') "
                "OR EXISTS (SELECT 1 FROM gone WHERE size = ?2 AND ?2 > 0) "
                "OR EXISTS (SELECT 1 FROM forgotten WHERE source_id = ?1 AND ?1 <> x'') "
                "OR EXISTS (SELECT 1 FROM forgotten WHERE target_id = ?1 AND ?1 <> x'')"));
        SYNCLINE_STATE_ASSIGN(add_pair_,
                              database_.prepare("INSERT OR IGNORE INTO pair VALUES (?1, ?2, ?3)"));
        SYNCLINE_STATE_ASSIGN(
            next_container_,
            database_.prepare("SELECT op, side, key FROM gone WHERE op > ?1 AND kind = 2 "
                              "AND NOT is_settled AND NOT is_bound ORDER BY op LIMIT 1"));
        SYNCLINE_STATE_ASSIGN(
            paired_key_, database_.prepare("SELECT c.key FROM pair p JOIN come c ON c.op = p.come "
                                           "WHERE p.gone = ?1"));
        SYNCLINE_STATE_ASSIGN(
            first_below_,
            database_.prepare("SELECT g.key, c.key FROM gone g JOIN pair p ON p.gone = g.op "
                              "JOIN come c ON c.op = p.come WHERE g.side = ?1 AND g.key > ?2 "
                              "AND g.key < ?3 AND g.kind <> 2 ORDER BY g.key LIMIT 1"));
        SYNCLINE_STATE_ASSIGN(come_container_,
                              database_.prepare("SELECT op FROM come WHERE side = ?1 AND key = ?2 "
                                                "AND NOT is_settled AND NOT is_bound"));
        SYNCLINE_STATE_ASSIGN(disagrees_, database_.prepare(kDisagrees));
        SYNCLINE_STATE_ASSIGN(
            chain_to_,
            database_.prepare("SELECT gone, come FROM chain WHERE come = ?1 AND NOT is_done"));
        SYNCLINE_STATE_ASSIGN(chain_done_,
                              database_.prepare("UPDATE chain SET is_done = 1 WHERE gone = ?1"));
        return {};
    }

    Status add_gone(const RenameEnd& end) override { return add(add_gone_, end); }
    Status add_come(const RenameEnd& end) override { return add(add_come_, end); }

    Status add_forgotten(std::int64_t op, ItemKind kind, BytesView key, BytesView source_id,
                         BytesView target_id) override {
        SYNCLINE_STATE_ASSIGN(
            Statement insert,
            database_.prepare("INSERT INTO forgotten VALUES (?1, ?2, ?3, ?4, ?5)"));
        insert.bind(1, op);
        insert.bind(2, number(kind));
        insert.bind(3, key);
        insert.bind(4, source_id);
        insert.bind(5, target_id);
        return insert.run();
    }

    Result<bool> could_match(const RenameEnd& come) override {
        const sqlite::ResetOnExit reset(could_match_);
        could_match_.bind(1, come.id);
        bind_size(could_match_, 2, come.size);
        SYNCLINE_TRY(could_match_.step().status());
        return could_match_.integer(0) != 0;
    }

    Result<std::vector<RenamePair>> next_by_id(std::size_t at_most) override {
        if (last_candidate_ == 0) {
            SYNCLINE_TRY(database_.execute(kCandidatesById));
        }
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare(
                "SELECT n, gone, come FROM candidate WHERE n > ?1 ORDER BY n LIMIT ?2"));
        rows.bind(1, last_candidate_);
        rows.bind(2, number(at_most));
        std::vector<RenamePair> found;
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return found;
            }
            last_candidate_ = rows.integer(0);
            found.push_back({rows.integer(1), rows.integer(2), true});
        }
    }

    Result<std::vector<std::int64_t>> next_gone_without_hash(std::size_t at_most) override {
        return next_without_hash(
            "SELECT op FROM gone x WHERE op > ?1 AND hash = x'' AND size > 0 AND NOT is_bound "
            "AND NOT is_update AND op NOT IN (SELECT gone FROM pair) AND EXISTS (SELECT 1 FROM "
            "come y "
            "WHERE y.size = x.size AND y.side = x.side AND y.kind = x.kind AND NOT y.is_update "
            "AND NOT y.is_bound AND y.op NOT IN (SELECT come FROM pair)) ORDER BY op LIMIT ?2",
            last_gone_, at_most);
    }
    Result<std::vector<std::int64_t>> next_come_without_hash(std::size_t at_most) override {
        return next_without_hash(
            "SELECT op FROM come x WHERE op > ?1 AND hash = x'' AND size > 0 AND NOT is_bound "
            "AND NOT is_update AND op NOT IN (SELECT come FROM pair) AND EXISTS (SELECT 1 FROM "
            "gone y "
            "WHERE y.size = x.size AND y.side = x.side AND y.kind = x.kind AND NOT y.is_update "
            "AND NOT y.is_bound AND y.op NOT IN (SELECT gone FROM pair)) ORDER BY op LIMIT ?2",
            last_come_, at_most);
    }
    Status set_gone_hash(std::int64_t op, BytesView hash) override {
        return set_hash("UPDATE gone SET hash = ?2 WHERE op = ?1", op, hash);
    }
    Status set_come_hash(std::int64_t op, BytesView hash) override {
        return set_hash("UPDATE come SET hash = ?2 WHERE op = ?1", op, hash);
    }

    Result<std::vector<RenamedTwice>> next_renamed_twice(std::size_t at_most) override {
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare(
                "SELECT f.op, s.op, t.op, f.key FROM forgotten f "
                "JOIN come s ON s.id = f.source_id AND s.side = 1 AND s.kind = f.kind "
                "JOIN come t ON t.id = f.target_id AND t.side = 0 AND t.kind = f.kind "
                "WHERE f.op > ?1 AND f.kind <> 2 AND NOT s.is_bound AND NOT t.is_bound "
                "AND NOT s.is_update AND NOT t.is_update AND s.op NOT IN (SELECT come FROM pair) "
                "AND t.op NOT IN (SELECT come FROM pair) GROUP BY f.op ORDER BY f.op LIMIT ?2"));
        SYNCLINE_STATE_ASSIGN(
            Statement parent,
            database_.prepare("SELECT 1 FROM forgotten WHERE key = ?1 AND kind = 2"));
        rows.bind(1, last_forgotten_);
        rows.bind(2, number(at_most));
        std::vector<RenamedTwice> found;
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return found;
            }
            last_forgotten_ = rows.integer(0);
            const BytesView key = rows.bytes(3);
            const sqlite::ResetOnExit reset(parent);
            parent.bind(1, key.substr(0, key.rfind('/') + 1));
            SYNCLINE_STATE_ASSIGN(const bool is_given_up, parent.step());
            if (!is_given_up) {
                found.push_back({rows.integer(0), rows.integer(1), rows.integer(2)});
            }
        }
    }

    Status bind_come(std::int64_t op) override {
        return set_hash("UPDATE come SET is_bound = 1, id = ?2 WHERE op = ?1", op, {});
    }

    Status add_pair(const RenamePair& pair) override {
        add_pair_.bind(1, pair.gone);
        add_pair_.bind(2, pair.come);
        add_pair_.bind(3, std::int64_t{pair.same ? 1 : 0});
        return add_pair_.run();
    }

    Status pair_by_hash() override { return database_.execute(kPairsByHash); }

    Status drop_blocked() override {
        do {
            SYNCLINE_TRY(database_.execute(
                "DELETE FROM pair WHERE come IN (SELECT op FROM come WHERE is_update) "
                "AND come NOT IN (SELECT gone FROM pair)"));
        } while (sqlite3_changes(database_.handle()) > 0);
        return {};
    }

    Result<std::optional<RenamePair>> next_whole_container() override {
        for (;;) {
            Container gone;
            {
                const sqlite::ResetOnExit reset(next_container_);
                next_container_.bind(1, last_container_);
                SYNCLINE_STATE_ASSIGN(const bool has_row, next_container_.step());
                if (!has_row) {
                    return std::optional<RenamePair>();
                }
                gone = {next_container_.integer(0), next_container_.integer(1),
                        Bytes(next_container_.bytes(2))};
            }
            last_container_ = gone.op;
            SYNCLINE_STATE_ASSIGN(const Bytes come_key, counterpart(gone));
            if (come_key.empty()) {
                continue;
            }
            SYNCLINE_STATE_ASSIGN(const std::int64_t come, container_op(gone.side, come_key));
            if (come == 0) {
                continue;
            }
            SYNCLINE_STATE_ASSIGN(const bool agrees, all_moved(gone, come_key));
            if (agrees) {
                return std::optional(RenamePair{gone.op, come, true});
            }
        }
    }

    Status each_below(const RenamePair& container,
                      const std::function<Status(const RenamePair&)>& visit) override {
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare(
                "SELECT g.op, ifnull(p.come, (SELECT x.op FROM come x WHERE x.side = g.side "
                "AND x.key = CAST(e.key || substr(g.key, length(d.key) + 1) AS BLOB))) "
                "FROM gone d JOIN come e ON e.op = ?2 JOIN gone g ON g.side = d.side "
                "AND g.key > d.key AND g.key < ?3 "
                "LEFT JOIN pair p ON p.gone = g.op AND g.kind <> 2 "
                "WHERE d.op = ?1 ORDER BY g.key"));
        SYNCLINE_STATE_ASSIGN(const Bytes end, end_of_gone(container.gone));
        rows.bind(1, container.gone);
        rows.bind(2, container.come);
        rows.bind(3, BytesView(end));
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return {};
            }
            SYNCLINE_TRY(visit({rows.integer(0), rows.integer(1), true}));
        }
    }

    Status each_container_below(std::int64_t come,
                                const std::function<Status(std::int64_t)>& visit) override {
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare(
                "SELECT x.op FROM come e JOIN come x ON x.side = e.side AND x.kind = 2 "
                "AND x.key > e.key AND x.key < ?2 "
                "WHERE e.op = ?1 ORDER BY x.key"));
        SYNCLINE_STATE_ASSIGN(const Bytes end,
                              end_of_op("SELECT key FROM come WHERE op = ?1", come));
        rows.bind(1, come);
        rows.bind(2, BytesView(end));
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return {};
            }
            SYNCLINE_TRY(visit(rows.integer(0)));
        }
    }

    Status forget_below(const RenamePair& container) override {
        SYNCLINE_STATE_ASSIGN(const Bytes end, end_of_gone(container.gone));
        for (const char* sql :
             {"UPDATE come SET is_settled = 1 WHERE op = ?2 OR op IN (SELECT x.op FROM gone d "
              "JOIN come e ON e.op = ?2 JOIN gone g ON g.side = d.side AND g.key > d.key "
              "AND g.key < ?3 AND g.kind = 2 JOIN come x ON x.side = g.side AND x.key = "
              "CAST(e.key || substr(g.key, length(d.key) + 1) AS BLOB) WHERE d.op = ?1)",
              "DELETE FROM pair WHERE ?2 > 0 AND gone IN (SELECT g.op FROM gone d JOIN gone g "
              "ON g.side = d.side AND g.key >= d.key AND g.key < ?3 WHERE d.op = ?1)",
              "UPDATE gone SET is_settled = 1 WHERE ?2 > 0 AND op IN (SELECT g.op FROM gone d "
              "JOIN gone g ON g.side = d.side AND g.key >= d.key AND g.key < ?3 WHERE d.op = "
              "?1)"}) {
            SYNCLINE_STATE_ASSIGN(Statement change, database_.prepare(sql));
            change.bind(1, container.gone);
            change.bind(2, container.come);
            change.bind(3, BytesView(end));
            SYNCLINE_TRY(change.run());
        }
        return {};
    }

    Status each_plain(const std::function<Status(const RenamePair&)>& visit) override {
        SYNCLINE_STATE_ASSIGN(
            Statement rows,
            database_.prepare("SELECT p.gone, p.come, p.same FROM pair p "
                              "JOIN gone g ON g.op = p.gone JOIN come c ON c.op = p.come "
                              "WHERE g.kind <> 2 AND NOT g.is_update AND NOT c.is_update "
                              "ORDER BY p.come"));
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return {};
            }
            SYNCLINE_TRY(visit({rows.integer(0), rows.integer(1), rows.integer(2) != 0}));
        }
    }

    Status
    each_chain(const std::function<Status(const std::vector<RenamePair>&, bool)>& visit) override {
        SYNCLINE_TRY(database_.execute(
            "INSERT INTO chain SELECT p.gone, p.come, 0 FROM pair p JOIN gone g ON g.op = p.gone "
            "JOIN come c ON c.op = p.come WHERE g.is_update OR c.is_update"));
        for (const bool is_cycle : {false, true}) {
            // First those that end in a free name; whatever is left then is a cycle.
            SYNCLINE_STATE_ASSIGN(
                Statement start,
                database_.prepare(is_cycle ? "SELECT gone, come FROM chain WHERE NOT is_done "
                                             "AND gone > ?1 ORDER BY gone LIMIT 1"
                                           : "SELECT gone, come FROM chain c WHERE NOT is_done "
                                             "AND gone > ?1 AND NOT EXISTS (SELECT 1 FROM chain d "
                                             "WHERE d.gone = c.come) ORDER BY gone LIMIT 1"));
            for (std::int64_t last = 0;;) {
                start.bind(1, last);
                SYNCLINE_STATE_ASSIGN(const bool has_row, start.step());
                if (!has_row) {
                    break;
                }
                const RenamePair first{start.integer(0), start.integer(1), true};
                start.reset();
                last = first.gone;
                SYNCLINE_STATE_ASSIGN(std::vector<RenamePair> chain, walk(first));
                if (is_cycle) { // the one that was put aside takes its new name last
                    std::rotate(chain.begin(), chain.begin() + 1, chain.end());
                }
                SYNCLINE_TRY(visit(chain, is_cycle));
            }
        }
        return {};
    }

private:
    static void bind_size(Statement& statement, int parameter, std::uint64_t size) {
        if (size > static_cast<std::uint64_t>(INT64_MAX)) {
            statement.bind_null(parameter);
        } else {
            statement.bind(parameter, static_cast<std::int64_t>(size));
        }
    }

    static Status add(Statement& insert, const RenameEnd& end) {
        insert.bind(1, end.op);
        insert.bind(2, number(end.side));
        insert.bind(3, number(end.kind));
        insert.bind(4, end.key);
        insert.bind(5, end.id);
        bind_size(insert, 6, end.size);
        insert.bind(7, end.hash);
        insert.bind(8, std::int64_t{end.is_update ? 1 : 0});
        insert.bind(9, std::int64_t{end.is_bound ? 1 : 0});
        return insert.run();
    }

    Result<std::vector<std::int64_t>> next_without_hash(const char* sql, std::int64_t& last,
                                                        std::size_t at_most) {
        SYNCLINE_STATE_ASSIGN(Statement rows, database_.prepare(sql));
        rows.bind(1, last);
        rows.bind(2, number(at_most));
        std::vector<std::int64_t> found;
        for (;;) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, rows.step());
            if (!has_row) {
                return found;
            }
            last = rows.integer(0);
            found.push_back(last);
        }
    }

    Status set_hash(const char* sql, std::int64_t op, BytesView hash) {
        SYNCLINE_STATE_ASSIGN(Statement update, database_.prepare(sql));
        update.bind(1, op);
        update.bind(2, hash);
        return update.run();
    }

    // The key that the container would have now: by its identity, else by where the first thing
    // below it went. Empty: it cannot be told.
    Result<Bytes> counterpart(const Container& gone) {
        {
            const sqlite::ResetOnExit reset(paired_key_);
            paired_key_.bind(1, gone.op);
            SYNCLINE_STATE_ASSIGN(const bool has_row, paired_key_.step());
            if (has_row) {
                return Bytes(paired_key_.bytes(0));
            }
        }
        const Bytes end = end_of(gone.key);
        const sqlite::ResetOnExit reset(first_below_);
        first_below_.bind(1, gone.side);
        first_below_.bind(2, BytesView(gone.key));
        first_below_.bind(3, BytesView(end));
        SYNCLINE_STATE_ASSIGN(const bool has_row, first_below_.step());
        if (!has_row) {
            return Bytes();
        }
        const BytesView rest = first_below_.bytes(0).substr(gone.key.size());
        const BytesView now = first_below_.bytes(1);
        const bool fits = now.size() > rest.size() + 1 && now.ends_with(rest) &&
                          now[now.size() - rest.size() - 1] == '/';
        return fits ? Bytes(now.substr(0, now.size() - rest.size())) : Bytes();
    }

    Result<std::int64_t> container_op(std::int64_t side, const Bytes& key) {
        const sqlite::ResetOnExit reset(come_container_);
        come_container_.bind(1, side);
        come_container_.bind(2, BytesView(key));
        SYNCLINE_STATE_ASSIGN(const bool has_row, come_container_.step());
        return has_row ? come_container_.integer(0) : std::int64_t{0};
    }

    Result<bool> all_moved(const Container& gone, const Bytes& come_key) {
        const Bytes end = end_of(gone.key);
        const sqlite::ResetOnExit reset(disagrees_);
        disagrees_.bind(1, gone.side);
        disagrees_.bind(2, BytesView(gone.key));
        disagrees_.bind(3, BytesView(end));
        disagrees_.bind(4, BytesView(come_key));
        disagrees_.bind(5, number(gone.key.size() + 1));
        SYNCLINE_STATE_ASSIGN(const bool disagrees, disagrees_.step());
        return !disagrees;
    }

    Result<Bytes> end_of_gone(std::int64_t op) {
        return end_of_op("SELECT key FROM gone WHERE op = ?1", op);
    }
    Result<Bytes> end_of_op(const char* sql, std::int64_t op) {
        SYNCLINE_STATE_ASSIGN(Statement row, database_.prepare(sql));
        row.bind(1, op);
        SYNCLINE_STATE_ASSIGN(const bool has_row, row.step());
        return has_row ? end_of(row.bytes(0)) : Bytes();
    }

    // From a pair to the one that takes the name it frees, and so on.
    Result<std::vector<RenamePair>> walk(RenamePair pair) {
        std::vector<RenamePair> chain;
        for (;;) {
            chain.push_back(pair);
            chain_done_.bind(1, pair.gone);
            SYNCLINE_TRY(chain_done_.run());
            const sqlite::ResetOnExit reset(chain_to_);
            chain_to_.bind(1, pair.gone);
            SYNCLINE_STATE_ASSIGN(const bool has_row, chain_to_.step());
            if (!has_row) {
                return chain;
            }
            pair = {chain_to_.integer(0), chain_to_.integer(1), true};
        }
    }

    Database database_; // before its statements: they go first
    Statement add_gone_;
    Statement add_come_;
    Statement could_match_;
    Statement add_pair_;
    Statement next_container_;
    Statement paired_key_;
    Statement first_below_;
    Statement come_container_;
    Statement disagrees_;
    Statement chain_to_;
    Statement chain_done_;
    std::int64_t last_candidate_ = 0;
    std::int64_t last_gone_ = 0;
    std::int64_t last_come_ = 0;
    std::int64_t last_container_ = 0;
    std::int64_t last_forgotten_ = 0;
};

} // namespace
} // namespace syncline::state

namespace syncline {

Result<std::unique_ptr<RenameIndex>> make_rename_index() {
    // Without a name the database is SQLite's own temporary file, which goes with it.
    SYNCLINE_STATE_ASSIGN(sqlite::Database database,
                          sqlite::Database::open("", sqlite::OpenMode::read_write));
    auto index = std::make_unique<state::SqliteRenameIndex>(std::move(database));
    SYNCLINE_TRY(index->prepare());
    return std::unique_ptr<RenameIndex>(std::move(index));
}

} // namespace syncline
