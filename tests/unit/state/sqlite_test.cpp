#include "state/sqlite.hpp"

#include "state_fixture.hpp"

using namespace syncline;
using namespace syncline::test;
using sqlite::Database;
using sqlite::OpenMode;
using sqlite::Statement;

namespace {

struct File {
    File() { write_file(path, ""); }
    TemporaryDirectory directory;
    std::filesystem::path path = directory.path() / "file.db";
};

} // namespace

BOOST_AUTO_TEST_SUITE(sqlite_wrapper)

BOOST_AUTO_TEST_CASE(values_come_back) {
    const File file;
    Database database = require_value(Database::open(file.path, OpenMode::read_write));
    require_ok(database.execute("CREATE TABLE t (a, b, c)"));
    Statement insert = require_value(database.prepare("INSERT INTO t VALUES (?1, ?2, ?3)"));
    insert.bind(1, BytesView());
    insert.bind(2, BytesView("\0\xff", 2));
    insert.bind_null(3);
    require_ok(insert.run());
    Statement select = require_value(database.prepare("SELECT a, b, c, typeof(a) FROM t"));
    BOOST_REQUIRE(require_value(select.step()));
    BOOST_TEST(select.bytes(0).empty());
    BOOST_TEST(!select.is_null(0), "empty is not absent");
    BOOST_TEST((select.bytes(1) == BytesView("\0\xff", 2)));
    BOOST_TEST(select.is_null(2));
    BOOST_TEST(select.bytes(3) == "blob");
    BOOST_TEST(!require_value(select.step()));
}

BOOST_AUTO_TEST_CASE(any_number_of_rows_is_inserted_in_its_order) {
    const File file;
    Database database = require_value(Database::open(file.path, OpenMode::read_write));
    constexpr std::size_t kTogether = sqlite::RowInserter::kTogether;
    for (const std::size_t count : {std::size_t{0}, std::size_t{1}, kTogether - 1, kTogether,
                                    kTogether + 1, 3 * kTogether + 2}) {
        require_ok(database.execute(
            "DROP TABLE IF EXISTS t; CREATE TABLE t (id INTEGER PRIMARY KEY, k UNIQUE, v)"));
        auto inserter = require_value(
            sqlite::RowInserter::prepare(database, "INSERT INTO t (k, v)", 2,
                                         " ON CONFLICT (k) DO UPDATE SET v = v || excluded.v"));
        std::vector<std::string> rows;
        for (std::size_t n = 0; n < count; ++n) {
            rows.push_back(std::to_string(n));
        }
        const auto bind = [](Statement& statement, int offset, const std::string& row,
                             std::size_t) {
            statement.bind_text(offset + 1, row);
            statement.bind_text(offset + 2, row);
        };
        require_ok(inserter.insert(rows, bind));
        require_ok(inserter.insert(rows, bind));
        Statement select = require_value(database.prepare("SELECT k, v FROM t ORDER BY id"));
        for (const std::string& row : rows) {
            BOOST_REQUIRE(require_value(select.step()));
            BOOST_TEST(select.bytes(0) == row);
            BOOST_TEST(select.bytes(1) == row + row);
        }
        BOOST_TEST(!require_value(select.step()));
    }
}

BOOST_AUTO_TEST_CASE(a_wrong_parameter_shows_when_the_statement_runs) {
    const File file;
    Database database = require_value(Database::open(file.path, OpenMode::read_write));
    Statement select = require_value(database.prepare("SELECT ?1"));
    select.bind(7, std::int64_t{1});
    BOOST_TEST((select.step().code() == Code::internal));
    BOOST_TEST(require_value(select.step()), "the error is told once");
}

BOOST_AUTO_TEST_CASE(a_transaction_that_is_not_committed_is_rolled_back) {
    const File file;
    Database database = require_value(Database::open(file.path, OpenMode::read_write));
    require_ok(database.execute("CREATE TABLE t (a)"));
    {
        const auto transaction = require_value(sqlite::Transaction::begin(database));
        require_ok(database.execute("INSERT INTO t VALUES (1)"));
    }
    BOOST_TEST(require_value(database.query_integer("SELECT count(*) FROM t")) == 0);
    auto transaction = require_value(sqlite::Transaction::begin(database));
    require_ok(database.execute("INSERT INTO t VALUES (1)"));
    require_ok(transaction.commit());
    BOOST_TEST(require_value(database.query_integer("SELECT count(*) FROM t")) == 1);
}

BOOST_AUTO_TEST_CASE(errors_name_the_file_and_what_to_do) {
    const File file;
    Database database = require_value(Database::open(file.path, OpenMode::read_write));
    const auto check = [&](int from, Code to) {
        const Status status = sqlite::status_of(database.handle(), from);
        BOOST_TEST((status.code() == to), "code " << from << " became " << name_of(status.code()));
        BOOST_TEST(status.message().find(file.path.native()) != std::string::npos);
        BOOST_TEST(status.detail("file") == file.path.native());
    };
    check(SQLITE_FULL, Code::quota_exceeded);
    check(SQLITE_READONLY, Code::read_only);
    check(SQLITE_READONLY_DBMOVED, Code::io);
    check(SQLITE_CORRUPT, Code::state_corrupt);
    check(SQLITE_CORRUPT_INDEX, Code::state_corrupt);
    check(SQLITE_NOTADB, Code::state_corrupt);
    check(SQLITE_BUSY, Code::locked);
    check(SQLITE_BUSY_SNAPSHOT, Code::locked);
    check(SQLITE_IOERR_READ, Code::io);
    check(SQLITE_NOMEM, Code::out_of_memory);
    check(SQLITE_MISUSE, Code::internal);
    BOOST_TEST(sqlite::status_of(database.handle(), SQLITE_DONE).ok());
    BOOST_TEST(sqlite::status_of(database.handle(), SQLITE_FULL).message().find("disk full") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_not_there_is_not_made) {
    const TemporaryDirectory directory;
    const auto database = Database::open(directory.path() / "absent.db", OpenMode::read_write);
    BOOST_TEST((database.code() == Code::io));
    BOOST_TEST(std::filesystem::is_empty(directory.path()));
}

BOOST_AUTO_TEST_SUITE_END()
