#include "process.hpp"

#include <syncline/sdk/error.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace syncline::strategies {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxMessages = 2048;
constexpr int kLookEveryMs = 20;

class SpawnSettings {
public:
    SpawnSettings() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
    }
    ~SpawnSettings() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;

    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
};

class Pipe {
public:
    Pipe() {
        if (::pipe2(ends_.data(), O_CLOEXEC) != 0) {
            throw sdk::Error(SYNCLINE_E_IO,
                             "cannot make a pipe: " + std::generic_category().message(errno));
        }
        ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
    }
    ~Pipe() {
        close_writer();
        ::close(ends_[0]);
    }
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    int reader() const { return ends_[0]; }
    int writer() const { return ends_[1]; }
    void close_writer() {
        if (ends_[1] >= 0) {
            ::close(ends_[1]);
            ends_[1] = -1;
        }
    }

private:
    std::array<int, 2> ends_{-1, -1};
};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    return pointers;
}

/// What is there now, all of it, but only its beginning is kept; false at the end.
bool drain(int fd, std::string& into) {
    char buffer[4096];
    for (;;) {
        const ssize_t got = ::read(fd, buffer, sizeof buffer);
        if (got > 0) {
            const std::size_t room = kMaxMessages - into.size();
            into.append(buffer, std::min(room, static_cast<std::size_t>(got)));
        } else if (got == 0) {
            return false;
        } else if (errno != EINTR) {
            return true;
        }
    }
}

/// Whether the program has ended; it stays to be waited for, so its number is nobody else's yet.
bool has_ended(pid_t pid) {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == pid;
}

pid_t start(const Program& program, const Pipe& messages) {
    SpawnSettings settings;
    const auto check = [&](int error, const char* what) {
        if (error != 0) {
            throw sdk::Error(SYNCLINE_E_IO, std::string("cannot ") + what + " '" + program.file +
                                                "': " + std::generic_category().message(error));
        }
    };
    sigset_t none;
    sigemptyset(&none);
    sigset_t all;
    sigfillset(&all);
    check(posix_spawnattr_setsigmask(&settings.attributes, &none), "prepare");
    check(posix_spawnattr_setsigdefault(&settings.attributes, &all), "prepare");
    check(posix_spawnattr_setpgroup(&settings.attributes, 0), "prepare");
    check(posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP |
                                                             POSIX_SPAWN_SETSIGMASK |
                                                             POSIX_SPAWN_SETSIGDEF),
          "prepare");
    posix_spawn_file_actions_t* actions = &settings.actions;
    check(posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0), "prepare");
    check(posix_spawn_file_actions_adddup2(actions, messages.writer(), 2), "prepare");
    check(program.output.empty()
              ? posix_spawn_file_actions_adddup2(actions, messages.writer(), 1)
              : posix_spawn_file_actions_addopen(actions, 1, program.output.c_str(),
                                                 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600),
          "prepare");
    check(posix_spawn_file_actions_addclosefrom_np(actions, 3), "prepare");
    check(posix_spawn_file_actions_addchdir_np(actions, program.directory.c_str()), "prepare");

    std::vector<std::string> words{program.file};
    words.insert(words.end(), program.arguments.begin(), program.arguments.end());
    std::vector<std::string> variables = program.environment;
    pid_t pid = 0;
    check(posix_spawnp(&pid, program.file.c_str(), actions, &settings.attributes,
                       pointers_to(words).data(), pointers_to(variables).data()),
          "start");
    return pid;
}

} // namespace

Ending run(const Program& program) {
    Pipe messages;
    const Clock::time_point give_up = Clock::now() + program.timeout;
    const pid_t pid = start(program, messages);
    messages.close_writer();

    Ending ending;
    bool is_open = true;
    while (!has_ended(pid)) {
        if (program.cancelled && program.cancelled()) {
            ending.how = Ending::How::cancelled;
            break;
        }
        if (Clock::now() >= give_up) {
            ending.how = Ending::How::timed_out;
            break;
        }
        pollfd pipe{messages.reader(), POLLIN, 0};
        // A closed pipe is always ready, so it is not waited for.
        ::poll(&pipe, is_open ? 1 : 0, kLookEveryMs);
        is_open = is_open && drain(messages.reader(), ending.messages);
    }
    // Before it is waited for: its number, which is the group's, could be given away after that.
    ::kill(-pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    drain(messages.reader(), ending.messages);
    if (ending.how == Ending::How::exited) {
        if (WIFSIGNALED(status)) {
            ending.how = Ending::How::signalled;
            ending.code = WTERMSIG(status);
        } else {
            ending.code = WEXITSTATUS(status);
        }
    }
    return ending;
}

} // namespace syncline::strategies
