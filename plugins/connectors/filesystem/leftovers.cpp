#include "leftovers.hpp"

#include "key.hpp"

#include <cerrno>
#include <cstdio>
#include <ctime>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <random>
#include <sched.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr int kYields = 100;
constexpr int kNaps = 10'000;
constexpr long kNapNanos = 500'000; // 10,000 naps: about five seconds

} // namespace

DirectoryLock::~DirectoryLock() {
    if (directory_ >= 0) {
        flock(directory_, LOCK_UN);
    }
}

Status DirectoryLock::take(int directory, const syncline_call* call, std::string_view key) {
    if (directory_ >= 0) {
        return {};
    }
    for (int attempt = 0; attempt < kYields + kNaps; ++attempt) {
        if (flock(directory, LOCK_EX | LOCK_NB) == 0) {
            directory_ = directory;
            return {};
        }
        if (errno == EBADF && !own_.valid()) {
            own_.reset(openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            if (own_.valid()) {
                directory = own_.get();
                continue;
            }
        }
        if (errno != EWOULDBLOCK && errno != EINTR) {
            return {}; // a file system without locks, or a directory that may not be read
        }
        if (is_cancelled(call)) {
            return cancelled_status();
        }
        if (attempt < kYields) {
            sched_yield();
        } else {
            const timespec nap{0, kNapNanos};
            nanosleep(&nap, nullptr);
        }
    }
    return Status::error(SYNCLINE_E_LOCKED,
                         "another program keeps the directory of " + printable(key) + " locked")
        .with(SYNCLINE_DETAIL_KEY, printable(key));
}

bool DirectoryLock::try_take(int directory) {
    if (flock(directory, LOCK_EX | LOCK_NB) != 0) {
        return false;
    }
    directory_ = directory;
    return true;
}

std::string make_temp_name() {
    // Uniqueness is settled by O_EXCL; the numbers only have to differ between threads and
    // processes as a rule.
    thread_local std::mt19937_64 generator{std::random_device{}() * 0x9E3779B97F4A7C15U ^
                                           static_cast<std::uint64_t>(wall_now_ns())};
    char digits[kTempDigits + 1];
    std::snprintf(digits, sizeof digits, "%016llx", static_cast<unsigned long long>(generator()));
    return std::string(kTempPrefix) + digits;
}

void remove_leftover(int directory, const char* name) {
    DirectoryLock lock;
    if (!lock.try_take(directory)) {
        return;
    }
    FileState before;
    if (stat_at(directory, name, before) != 0) {
        return;
    }
    if (before.type == FileType::link) {
        unlinkat(directory, name, 0); // made and used under the directory lock only
        return;
    }
    if (before.type != FileType::file) {
        return;
    }
    const Fd file(openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    FileState now;
    if (!file.valid() || flock(file.get(), LOCK_EX | LOCK_NB) != 0 ||
        stat_fd(file.get(), now) != 0 || now.inode != before.inode) {
        return;
    }
    unlinkat(directory, name, 0);
}

bool sweep_leftovers(int directory) {
    const int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd), closedir);
    if (!stream) {
        ::close(fd);
        return false;
    }
    bool found = false;
    while (const dirent* entry = readdir(stream.get())) {
        if (is_temp_name(entry->d_name)) {
            found = true;
            remove_leftover(fd, entry->d_name);
        }
    }
    return found;
}

} // namespace syncline::fs
