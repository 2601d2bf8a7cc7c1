#include "state/migrations.hpp"
#include "state_fixture.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <thread>
#include <vector>

using namespace syncline;
using namespace syncline::test;

namespace {

mode_t mode_of(const std::filesystem::path& path) {
    struct stat found {};
    BOOST_REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

void execute(const std::filesystem::path& file, const std::string& sql) {
    sqlite3* database = nullptr;
    BOOST_REQUIRE(sqlite3_open(file.c_str(), &database) == SQLITE_OK);
    BOOST_REQUIRE(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK);
    sqlite3_close(database);
}

void fill(const std::filesystem::path& path, std::size_t entries) {
    const OpenState state(path);
    for (std::size_t i = 0; i < entries; ++i) {
        const Bytes key = "key-" + std::to_string(i);
        BaseEntryView entry;
        entry.key = key;
        require_ok(state.sync->base().put(entry));
    }
    require_ok(state.sync->base().commit());
}

// What opening said about a file that must stay as it is.
Status refused(const std::filesystem::path& path) {
    const std::string before = read_file(path / "state.db");
    const auto opened = open_state_directory(path);
    BOOST_REQUIRE(!opened.ok());
    BOOST_TEST((read_file(path / "state.db") == before));
    BOOST_TEST(opened.status().message().find("state.db") != std::string::npos);
    return opened.status();
}

} // namespace

BOOST_AUTO_TEST_SUITE(state_directory)

BOOST_AUTO_TEST_CASE(directory_and_files_are_private) {
    const TemporaryDirectory directory;
    const std::filesystem::path path = directory.path() / "new" / "state";
    const mode_t before = ::umask(0);
    {
        const OpenState state(path);
        const auto lock = require_value(state.directory->lock("documents"));
        require_value(state.sync->runs().begin(1));
        BOOST_TEST(mode_of(path) == 0700U);
        BOOST_TEST(mode_of(path.parent_path()) == 0700U);
        BOOST_TEST(mode_of(path / "locks") == 0700U);
        for (const auto& file : std::filesystem::recursive_directory_iterator(path)) {
            if (file.is_regular_file()) {
                BOOST_TEST(mode_of(file.path()) == 0600U, file.path());
            }
        }
    }
    ::umask(before);
}

BOOST_AUTO_TEST_CASE(it_opens_again_and_again) {
    const TemporaryDirectory directory;
    fill(directory.path(), 10);
    const OpenState one(directory.path());
    const OpenState two(directory.path());
    BOOST_TEST(require_value(two.sync->base().count()) == 10U);
}

BOOST_AUTO_TEST_CASE(a_relative_path_stays_where_it_was) {
    const TemporaryDirectory directory;
    const std::filesystem::path before = std::filesystem::current_path();
    std::filesystem::current_path(directory.path());
    const auto opened = require_value(open_state_directory("file:state"));
    std::filesystem::current_path(before);
    require_value(opened->open_sync("documents"));
    BOOST_TEST(std::filesystem::exists(directory.path() / "file:state" / "state.db"));
}

BOOST_AUTO_TEST_CASE(several_may_create_it_at_once) {
    const TemporaryDirectory directory;
    std::vector<std::thread> threads;
    std::vector<Status> results(8);
    for (std::size_t i = 0; i < results.size(); ++i) {
        threads.emplace_back([&, i] {
            const auto opened = open_state_directory(directory.path() / "state");
            results[i] = opened.ok() ? (*opened)->open_sync("documents").status() : opened.status();
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const Status& status : results) {
        BOOST_TEST(status.ok(), status.message());
    }
}

BOOST_AUTO_TEST_CASE(several_syncs_commit_at_once) {
    const TemporaryDirectory directory;
    const auto opened = require_value(open_state_directory(directory.path()));
    std::vector<std::thread> threads;
    std::vector<Status> results(4);
    for (std::size_t i = 0; i < results.size(); ++i) {
        threads.emplace_back([&, i] {
            const auto sync = opened->open_sync("sync-" + std::to_string(i));
            Status status = sync.status();
            for (int batch = 0; batch < 20 && status.ok(); ++batch) {
                for (int n = 0; n < 100 && status.ok(); ++n) {
                    const Bytes key = std::to_string(batch * 100 + n);
                    BaseEntryView entry;
                    entry.key = key;
                    status = (*sync)->base().put(entry);
                }
                if (status.ok()) {
                    status = (*sync)->runs().begin(batch).status();
                }
                if (status.ok()) {
                    status = (*sync)->base().commit();
                }
            }
            results[i] = status;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
        BOOST_TEST(results[i].ok(), results[i].message());
        const auto sync = require_value(opened->open_sync("sync-" + std::to_string(i)));
        BOOST_TEST(require_value(sync->base().count()) == 2000U);
    }
}

BOOST_AUTO_TEST_CASE(a_place_that_is_no_directory_is_a_clear_error) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "file", "text");
    for (const auto& path : {directory.path() / "file", directory.path() / "file" / "below"}) {
        const auto opened = open_state_directory(path);
        BOOST_TEST((opened.code() == Code::invalid_config));
        BOOST_TEST(opened.status().message().find((directory.path() / "file").native()) !=
                   std::string::npos);
    }
    BOOST_TEST(read_file(directory.path() / "file") == "text");
    BOOST_TEST(!open_state_directory("").ok());
}

BOOST_AUTO_TEST_CASE(a_place_that_may_not_be_written_is_a_clear_error) {
    const TemporaryDirectory directory;
    fill(directory.path() / "state", 1);
    ::chmod(directory.path().c_str(), 0755);
    ::chmod((directory.path() / "state").c_str(), 0555);
    const std::string before = read_file(directory.path() / "state" / "state.db");
    BOOST_TEST(in_child([&] {
                   // Root may write everywhere; nobody may not.
                   if (::geteuid() == 0 && ::setuid(65534) != 0) {
                       return 1;
                   }
                   const auto opened = open_state_directory(directory.path() / "state");
                   return !opened.ok() && (opened.code() == Code::permission_denied) ? 0 : 2;
               }) == 0);
    BOOST_TEST((read_file(directory.path() / "state" / "state.db") == before));
    ::chmod((directory.path() / "state").c_str(), 0700);
}

// Runs `body` without the privileges that open everything. `directory` becomes that user's.
int unprivileged(const std::filesystem::path& directory, const std::function<int()>& body) {
    constexpr uid_t kNobody = 65534;
    if (::geteuid() == 0) {
        BOOST_REQUIRE(::chmod(directory.parent_path().c_str(), 0755) == 0);
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
            BOOST_REQUIRE(::chown(entry.path().c_str(), kNobody, kNobody) == 0);
        }
        BOOST_REQUIRE(::chown(directory.c_str(), kNobody, kNobody) == 0);
    }
    return in_child([&] {
        if (::geteuid() == 0 && (::setgid(kNobody) != 0 || ::setuid(kNobody) != 0)) {
            return 97;
        }
        return body();
    });
}

// SQLite made a `-shm` of the file's own mode, which then kept everybody from writing for good.
BOOST_AUTO_TEST_CASE(a_file_that_was_read_only_for_a_while_can_be_written_again) {
    const TemporaryDirectory outer;
    const std::filesystem::path path = outer.path() / "state";
    { const OpenState state(path); }
    const std::filesystem::path file = path / "state.db";
    BOOST_TEST(unprivileged(path, [&] {
                   ::chmod(file.c_str(), 0444);
                   const auto refused = open_state_directory(path);
                   if (refused.code() != Code::permission_denied ||
                       refused.status().message().find(file.native()) == std::string::npos ||
                       std::filesystem::exists(file.native() + "-shm")) {
                       return 1;
                   }
                   // What an earlier version left behind.
                   write_file(file.native() + "-shm", "");
                   ::chmod((file.native() + "-shm").c_str(), 0444);
                   ::chmod(file.c_str(), 0600);
                   const auto opened = open_state_directory(path);
                   return opened.ok() && (*opened)->open_sync("documents").ok() ? 0 : 2;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_may_not_be_opened_is_named) {
    const TemporaryDirectory outer;
    const std::filesystem::path path = outer.path() / "state";
    { const OpenState state(path); }
    const std::filesystem::path file = path / "state.db";
    BOOST_TEST(unprivileged(path, [&] {
                   ::chmod(file.c_str(), 0);
                   const auto refused = open_state_directory(path);
                   return refused.code() == Code::permission_denied &&
                                  refused.status().message().find("'" + file.native() + "'") !=
                                      std::string::npos
                              ? 0
                              : 1;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(a_directory_that_may_not_be_written_is_named) {
    const TemporaryDirectory outer;
    const std::filesystem::path path = outer.path() / "state";
    { const OpenState state(path); }
    BOOST_TEST(unprivileged(path, [&] {
                   ::chmod(path.c_str(), 0555);
                   const auto refused = open_state_directory(path);
                   const std::string message = refused.status().message();
                   ::chmod(path.c_str(), 0700);
                   return refused.code() == Code::permission_denied &&
                                  message.find("'" + path.native() + "'") != std::string::npos &&
                                  !std::filesystem::exists(path / "state.db-shm")
                              ? 0
                              : 1;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_stays_as_it_is) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "state.db", std::string(100'000, 'x'));
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
    write_file(directory.path() / "state.db", "short");
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_CASE(a_file_cut_short_stays_as_it_is) {
    const TemporaryDirectory directory;
    fill(directory.path(), 5'000);
    const std::string whole = read_file(directory.path() / "state.db");
    for (const std::size_t size : {whole.size() - 1, whole.size() - 4096, whole.size() / 2,
                                   std::size_t{5000}, std::size_t{100}, std::size_t{2}}) {
        write_file(directory.path() / "state.db", whole.substr(0, size));
        BOOST_TEST_CONTEXT("size " << size << " of " << whole.size()) {
            BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_schema_stays_as_it_is) {
    const TemporaryDirectory directory;
    fill(directory.path(), 10);
    std::string content = read_file(directory.path() / "state.db");
    const std::size_t at = content.find("CREATE TABLE base");
    BOOST_REQUIRE(at != std::string::npos);
    content.replace(at, 12, "CREATE WABLE");
    write_file(directory.path() / "state.db", content);
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_CASE(a_missing_table_is_noticed) {
    const TemporaryDirectory directory;
    fill(directory.path(), 10);
    execute(directory.path() / "state.db", "DROP TABLE base");
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_CASE(damage_found_while_reading_is_reported_as_such) {
    const TemporaryDirectory directory;
    fill(directory.path(), 20'000);
    std::string content = read_file(directory.path() / "state.db");
    // Every page after the schema's and the roots', at its header.
    for (std::size_t at = 20 * 4096; at < content.size(); at += 4096) {
        content.replace(at, 64, 64, '\xff');
    }
    write_file(directory.path() / "state.db", content);
    const OpenState state(directory.path());
    const auto cursor = require_value(state.sync->base().scan());
    BaseEntryView entry;
    Result<bool> more = true;
    while (more.ok() && *more) {
        more = cursor->next(entry);
    }
    BOOST_TEST((more.code() == Code::state_corrupt));
    BOOST_TEST((cursor->next(entry).ok() && !*cursor->next(entry)), "an error ends the scan");
}

BOOST_AUTO_TEST_CASE(a_newer_schema_stays_as_it_is) {
    const TemporaryDirectory directory;
    fill(directory.path(), 10);
    execute(directory.path() / "state.db", "PRAGMA user_version = 77; CREATE TABLE future (x)");
    const Status status = refused(directory.path());
    BOOST_TEST((status.code() == Code::state_corrupt));
    BOOST_TEST(status.message().find("written by a newer syncline (schema 77, this one knows " +
                                     std::to_string(state::migrations().size()) + ")") !=
               std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_newer_schema_and_its_log_stay_as_they_are) {
    const TemporaryDirectory directory;
    fill(directory.path(), 10);
    BOOST_TEST(in_child([&] {
                   sqlite3* database = nullptr;
                   sqlite3_open((directory.path() / "state.db").c_str(), &database);
                   sqlite3_exec(database, "PRAGMA user_version = 77", nullptr, nullptr, nullptr);
                   ::kill(::getpid(), SIGKILL); // leaves the log behind
                   return 1;
               }) == -SIGKILL);
    const std::string log = read_file(directory.path() / "state.db-wal");
    BOOST_TEST(!log.empty());
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
    BOOST_TEST((read_file(directory.path() / "state.db-wal") == log));
}

BOOST_AUTO_TEST_CASE(a_database_of_another_program_stays_as_it_is) {
    const TemporaryDirectory directory;
    execute(directory.path() / "state.db", "CREATE TABLE theirs (x)");
    BOOST_TEST((refused(directory.path()).code() == Code::state_corrupt));
}

BOOST_AUTO_TEST_CASE(an_empty_file_is_a_first_run) {
    const TemporaryDirectory directory;
    write_file(directory.path() / "state.db", "");
    const OpenState state(directory.path());
    BOOST_TEST(require_value(state.sync->base().count()) == 0U);
}

// A first transaction that a kill interrupted in the state file itself once left a journal that
// nobody dared to replay, and the state could not be opened any more.
BOOST_AUTO_TEST_CASE(a_kill_while_it_is_created_leaves_what_can_be_opened) {
    const TemporaryDirectory directory;
    for (int round = 0; round < 40; ++round) {
        const std::filesystem::path path = directory.path() / std::to_string(round);
        const pid_t child = ::fork();
        BOOST_REQUIRE(child >= 0);
        if (child == 0) {
            const auto opened = open_state_directory(path);
            ::pause();
            ::_exit(1);
        }
        ::usleep(static_cast<useconds_t>(250 * round));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        const OpenState state(path);
        BOOST_TEST(require_value(state.sync->base().count()) == 0U);
        BOOST_TEST(!std::filesystem::exists(path / "state.db.new"));
    }
}

BOOST_AUTO_TEST_CASE(what_an_interrupted_creation_left_does_no_harm) {
    const TemporaryDirectory directory;
    const std::filesystem::path other = directory.path() / "other";
    BOOST_TEST(in_child([&] {
                   fill(other, 10);
                   OpenState state(other);
                   if (!state.sync->runs().begin(1).ok()) {
                       return 1;
                   }
                   ::kill(::getpid(), SIGKILL); // leaves its log behind
                   return 2;
               }) == -SIGKILL);
    const std::filesystem::path path = directory.path() / "state";
    std::filesystem::create_directory(path);
    for (const char* name :
         {"state.db.new", "state.db.new-wal", "state.db.new-journal", "state.db-wal"}) {
        std::filesystem::copy_file(other / "state.db-wal", path / name);
    }
    const OpenState state(path);
    BOOST_TEST(require_value(state.sync->base().count()) == 0U);
    BOOST_TEST(require_value(state.sync->runs().latest(1)).empty());
}

BOOST_AUTO_TEST_SUITE_END()
