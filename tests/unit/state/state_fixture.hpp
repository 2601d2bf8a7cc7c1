// A state directory of its own for a test, and ways to treat it badly.
#pragma once

#include "fakes/temporary_directory.hpp"
#include "syncline/state/state.hpp"

#include <boost/test/unit_test.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace syncline::test {

using fakes::TemporaryDirectory;

inline void require_ok(const Status& status) {
    BOOST_REQUIRE_MESSAGE(status.ok(), status.message());
}

template <typename T>
T require_value(Result<T> result) {
    BOOST_REQUIRE_MESSAGE(result.ok(), result.status().message());
    return *std::move(result);
}

struct OpenState {
    explicit OpenState(const std::filesystem::path& path,
                       const std::string& sync_name = "documents")
        : directory(require_value(open_state_directory(path))),
          sync(require_value(directory->open_sync(sync_name))) {}

    std::unique_ptr<StateDirectory> directory;
    std::unique_ptr<SyncState> sync;
};

inline std::string read_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::ostringstream out;
    out << in.rdbuf();
    return out.str();
}

inline void write_file(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << content;
}

// Runs `body` in a process of its own. Returns its exit code, or minus the signal that ended it.
// The body ends with _exit(): nothing of the parent's may be torn down twice.
inline int in_child(const std::function<int()>& body) {
    const pid_t child = ::fork();
    BOOST_REQUIRE(child >= 0);
    if (child == 0) {
        int code = 99;
        try {
            code = body();
        } catch (...) {
            code = 98;
        }
        ::_exit(code);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

} // namespace syncline::test
