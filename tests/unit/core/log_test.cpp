#include "syncline/core/log.hpp"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace syncline;

namespace {

std::string read_all(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

struct LogFile {
    std::filesystem::path path = std::filesystem::temp_directory_path() /
                                 ("syncline-log-test-" + std::to_string(::getpid()));
    ~LogFile() {
        init_logging({});
        std::filesystem::remove(path);
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(logging)

BOOST_AUTO_TEST_CASE(the_file_receives_debug_and_above_with_time_level_and_part) {
    const LogFile file;
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    BOOST_TEST(!log_enabled(LogLevel::trace));
    BOOST_TEST(log_enabled(LogLevel::debug));
    log(LogLevel::trace, "test", "unheard");
    log(LogLevel::debug, "test", "heard");
    const std::string text = read_all(file.path);
    BOOST_TEST(text.find("unheard") == std::string::npos);
    BOOST_TEST(text.find("Z debug   test: heard\n") != std::string::npos);
    BOOST_TEST(text.starts_with("20"));
}

BOOST_AUTO_TEST_CASE(a_message_cannot_forge_a_line) {
    const LogFile file;
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    log(LogLevel::info, "test", "one\ntwo \x1b[31m C:\\x");
    const std::string text = read_all(file.path);
    BOOST_TEST(text.ends_with("test: one\\ntwo \\x1B[31m C:\\x\n"));
}

BOOST_AUTO_TEST_CASE(to_initialise_twice_does_not_double_lines) {
    const LogFile file;
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    log(LogLevel::info, "test", "once");
    const std::string text = read_all(file.path);
    BOOST_TEST(text.find("once") != std::string::npos);
    BOOST_TEST(text.find("once") == text.rfind("once"));
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_changes_nothing) {
    const LogFile file;
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    BOOST_TEST(!init_logging({LogLevel::trace, (file.path / "below-a-file").string()}));
    BOOST_TEST(!log_enabled(LogLevel::trace));
    log(LogLevel::info, "test", "still here");
    BOOST_TEST(read_all(file.path).find("still here") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(threads_do_not_mix_their_lines) {
    const LogFile file;
    BOOST_REQUIRE(init_logging({LogLevel::error, file.path.string()}));
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t) {
        threads.emplace_back([] {
            for (int i = 0; i < 200; ++i) {
                log(LogLevel::info, "test", std::string(100, 'x'));
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    std::istringstream lines(read_all(file.path));
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
        BOOST_REQUIRE(line.ends_with("info    test: " + std::string(100, 'x')));
    }
    BOOST_TEST(count == 800U);
}

BOOST_AUTO_TEST_SUITE_END()
