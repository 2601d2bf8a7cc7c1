#include "state/migrations.hpp"

#include "state_fixture.hpp"

#include <array>

using namespace syncline;
using namespace syncline::test;
using sqlite::Database;
using sqlite::OpenMode;

namespace {

constexpr std::array<const char*, 1> kOne{"CREATE TABLE a (x); INSERT INTO a VALUES (1)"};
constexpr std::array<const char*, 2> kTwo{kOne[0],
                                          "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1"};
constexpr std::array<const char*, 2> kBroken{kOne[0], "DELETE FROM a; CREATE TABLE a (again)"};

struct Fixture {
    Fixture() : path(directory.path() / "file.db") { write_file(path, ""); }
    Database open() const { return require_value(Database::open(path, OpenMode::read_write)); }

    TemporaryDirectory directory;
    std::filesystem::path path;
};

std::int64_t version_of(Database& database) {
    return require_value(database.query_integer("PRAGMA user_version"));
}

} // namespace

BOOST_AUTO_TEST_SUITE(migrations)

BOOST_AUTO_TEST_CASE(an_empty_file_gets_every_step) {
    const Fixture fixture;
    Database database = fixture.open();
    require_ok(state::check_schema(database, kTwo));
    require_ok(state::migrate(database, kTwo));
    BOOST_TEST(version_of(database) == 2);
    BOOST_TEST(require_value(database.query_integer("PRAGMA application_id")) ==
               state::kApplicationId);
    BOOST_TEST(require_value(database.query_integer("SELECT y FROM a")) == 2);
    require_ok(state::check_schema(database, kTwo));
    require_ok(state::migrate(database, kTwo));
    BOOST_TEST(require_value(database.query_integer("SELECT count(*) FROM a")) == 1);
}

BOOST_AUTO_TEST_CASE(an_older_file_keeps_its_content) {
    const Fixture fixture;
    Database database = fixture.open();
    require_ok(state::migrate(database, kOne));
    require_ok(database.execute("UPDATE a SET x = 41"));
    require_ok(state::check_schema(database, kTwo));
    require_ok(state::migrate(database, kTwo));
    BOOST_TEST(require_value(database.query_integer("SELECT y FROM a")) == 42);
}

BOOST_AUTO_TEST_CASE(a_step_that_fails_leaves_the_file_at_the_step_before) {
    const Fixture fixture;
    Database database = fixture.open();
    BOOST_TEST(!state::migrate(database, kBroken).ok());
    BOOST_TEST(version_of(database) == 1);
    BOOST_TEST(require_value(database.query_integer("SELECT count(*) FROM a")) == 1);
    require_ok(state::migrate(database, kTwo));
    BOOST_TEST(version_of(database) == 2);
}

BOOST_AUTO_TEST_CASE(a_newer_schema_is_refused_with_both_numbers) {
    const Fixture fixture;
    Database database = fixture.open();
    require_ok(state::migrate(database, kTwo));
    const Status status = state::check_schema(database, kOne);
    BOOST_TEST((status.code() == Code::state_corrupt));
    BOOST_TEST(status.message().find("written by a newer syncline (schema 2, this one knows 1)") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_database_of_another_program_is_refused) {
    const Fixture fixture;
    Database database = fixture.open();
    require_ok(database.execute("CREATE TABLE theirs (x)"));
    BOOST_TEST((state::check_schema(database, kOne).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_SUITE_END()
