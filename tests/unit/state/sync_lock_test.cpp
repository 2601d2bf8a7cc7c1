#include "state_fixture.hpp"

#include <thread>

using namespace syncline;
using namespace syncline::test;

namespace {

// A child that holds the lock of "documents" until it is told to end.
class Holder {
public:
    explicit Holder(const std::filesystem::path& path) {
        int ready[2];
        BOOST_REQUIRE(::pipe(ready) == 0);
        child_ = ::fork();
        BOOST_REQUIRE(child_ >= 0);
        if (child_ == 0) {
            auto directory = open_state_directory(path);
            auto lock = (*directory)->lock("documents");
            const char byte = lock.ok() ? 'y' : 'n';
            if (::write(ready[1], &byte, 1) == 1) {
                ::pause();
            }
            ::_exit(1);
        }
        char byte = 0;
        BOOST_REQUIRE(::read(ready[0], &byte, 1) == 1);
        BOOST_REQUIRE(byte == 'y');
        ::close(ready[0]);
        ::close(ready[1]);
    }
    ~Holder() { kill(); }
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;

    pid_t pid() const { return child_; }
    void kill() {
        if (child_ > 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, nullptr, 0);
            child_ = -1;
        }
    }

private:
    pid_t child_ = -1;
};

} // namespace

BOOST_AUTO_TEST_SUITE(sync_lock)

BOOST_AUTO_TEST_CASE(one_process_holds_it_and_is_named) {
    const TemporaryDirectory path;
    const Holder holder(path.path());
    const auto directory = require_value(open_state_directory(path.path()));
    const auto refused = directory->lock("documents");
    BOOST_REQUIRE((refused.code() == Code::lock_held));
    BOOST_TEST(refused.status().detail("pid") == std::to_string(holder.pid()));
    BOOST_TEST(refused.status().message().find("process " + std::to_string(holder.pid()) +
                                               " since 20") != std::string::npos);
    BOOST_TEST(directory->lock("other").ok(), "locks of other syncs are free");
}

BOOST_AUTO_TEST_CASE(a_kill_releases_it) {
    const TemporaryDirectory path;
    Holder holder(path.path());
    const auto directory = require_value(open_state_directory(path.path()));
    BOOST_TEST((directory->lock("documents").code() == Code::lock_held));
    holder.kill();
    BOOST_TEST(directory->lock("documents").ok());
}

BOOST_AUTO_TEST_CASE(threads_of_one_process_exclude_each_other) {
    const TemporaryDirectory path;
    const auto directory = require_value(open_state_directory(path.path()));
    auto lock = require_value(directory->lock("documents"));
    Code code = Code::ok;
    std::thread([&] { code = directory->lock("documents").code(); }).join();
    BOOST_TEST((code == Code::lock_held));
    lock.reset();
    std::thread([&] { code = directory->lock("documents").code(); }).join();
    BOOST_TEST((code == Code::ok));
}

BOOST_AUTO_TEST_CASE(a_holder_that_left_no_name_is_still_a_holder) {
    const TemporaryDirectory path;
    const auto directory = require_value(open_state_directory(path.path()));
    const auto lock = require_value(directory->lock("documents"));
    for (const auto& file : std::filesystem::directory_iterator(path.path() / "locks")) {
        write_file(file.path(), "\x1b[2Jnonsense");
    }
    const auto refused = directory->lock("documents");
    BOOST_REQUIRE((refused.code() == Code::lock_held));
    BOOST_TEST(refused.status().message().find('\x1b') == std::string::npos);
    BOOST_TEST(refused.status().message().find("another run") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(programs_started_meanwhile_do_not_inherit_it) {
    const TemporaryDirectory path;
    const auto directory = require_value(open_state_directory(path.path()));
    auto lock = require_value(directory->lock("documents"));
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        ::execl("/bin/sleep", "sleep", "60", nullptr);
        ::_exit(1);
    }
    // Until the exec has closed it, the child's copy holds the lock too.
    lock.reset();
    bool is_free = false;
    for (int i = 0; i < 500 && !is_free; ++i) {
        is_free = directory->lock("documents").ok();
        ::usleep(10'000);
    }
    BOOST_TEST(is_free);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

BOOST_AUTO_TEST_SUITE_END()
