#include "staged.hpp"

#include "failpoint.hpp"
#include "version.hpp"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr int kNameAttempts = 100;
constexpr int kPutBackAttempts = 16;

bool is_unsupported(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

int exchange(int directory, const char* a, const char* b) {
    return renameat2(directory, a, directory, b, RENAME_EXCHANGE) == 0 ? 0 : errno;
}

} // namespace

Status write_status(int error, std::string_view doing, std::string_view key) {
    if (error == ENOENT) {
        return Status::error(SYNCLINE_E_CONFLICT,
                             "the directory of " + printable(key) + " was removed meanwhile")
            .with(SYNCLINE_DETAIL_KEY, printable(key));
    }
    return errno_status(error, doing, key);
}

Staged::~Staged() {
    if (!name_.empty()) {
        unlinkat(directory_, name_.c_str(), 0);
    }
}

Status Staged::open_file(unsigned mode, std::string_view key) {
    if (!root_.tweaks().no_tmpfile && !root_.lacks_tmpfile.load(std::memory_order_relaxed)) {
        file_.reset(openat(directory_, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode));
        if (file_.valid()) {
            return {};
        }
        // EISDIR: a kernel or file system that does not know the flag and sees a directory opened
        // for writing.
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL) {
            return write_status(errno, "create", key);
        }
        root_.lacks_tmpfile.store(true, std::memory_order_relaxed);
    }
    return open_named(mode, key);
}

Status Staged::open_named(unsigned mode, std::string_view key) {
    for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
        std::string name = make_temp_name();
        file_.reset(openat(directory_, name.c_str(),
                           O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode));
        if (!file_.valid()) {
            if (errno == EEXIST) {
                continue;
            }
            return write_status(errno, "create", key);
        }
        // Before the lock is there a listing may take the file for a leftover: then start again.
        FileState state;
        const bool is_locked = flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
        if (is_locked && stat_fd(file_.get(), state) == 0 && state.links > 0) {
            name_ = std::move(name);
            return {};
        }
        unlinkat(directory_, name.c_str(), 0);
    }
    return Status::error(SYNCLINE_E_LOCKED,
                         "no temporary file could be kept beside " + printable(key));
}

Status Staged::make_link(const std::string& target, std::string_view key) {
    for (int attempt = 0; attempt < kNameAttempts; ++attempt) {
        std::string name = make_temp_name();
        if (symlinkat(target.c_str(), directory_, name.c_str()) == 0) {
            name_ = std::move(name);
            SYNCLINE_FS_FAILPOINT("after-link-made");
            FileState made;
            const int error = stat_at(directory_, name_.c_str(), made);
            link_inode_ = made.inode;
            return error == 0 ? Status() : write_status(error, "examine the link", key);
        }
        if (errno == EPERM || errno == EOPNOTSUPP) {
            return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                                 "this file system has no symbolic links: " + printable(key));
        }
        if (errno != EEXIST) {
            return write_status(errno, "create the link", key);
        }
    }
    return Status::error(SYNCLINE_E_LOCKED,
                         "no temporary link could be made beside " + printable(key));
}

int Staged::state(const char* leaf, FileState& out) const {
    return is_link() ? stat_at(directory_, leaf, out) : stat_fd(file_.get(), out);
}

int Staged::link_to(const char* leaf) {
    if (!root_.tweaks().no_empty_path_link &&
        !root_.lacks_empty_path_link.load(std::memory_order_relaxed)) {
        if (linkat(file_.get(), "", directory_, leaf, AT_EMPTY_PATH) == 0) {
            return 0;
        }
        if (errno != ENOENT && errno != EPERM) {
            return errno;
        }
    }
    // Without privilege only the route through /proc is open.
    char path[32];
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", file_.get());
    if (linkat(AT_FDCWD, path, directory_, leaf, AT_SYMLINK_FOLLOW) != 0) {
        return errno;
    }
    root_.lacks_empty_path_link.store(true, std::memory_order_relaxed);
    return 0;
}

int Staged::rename_to(const char* leaf, DirectoryLock& lock) {
    if (!root_.tweaks().no_noreplace && !root_.lacks_noreplace.load(std::memory_order_relaxed)) {
        if (renameat2(directory_, name(), directory_, leaf, RENAME_NOREPLACE) == 0) {
            name_.clear();
            return 0;
        }
        if (!is_unsupported(errno)) {
            return errno;
        }
        root_.lacks_noreplace.store(true, std::memory_order_relaxed);
    }
    if (!root_.tweaks().no_hard_link) {
        if (linkat(directory_, name(), directory_, leaf, 0) == 0) {
            unlinkat(directory_, name(), 0);
            name_.clear();
            return 0;
        }
        if (errno == EEXIST) {
            return errno;
        }
    }
    // A file system with neither: look, then rename, which only excludes other processes of ours.
    if (!lock.take(directory_, nullptr, leaf).ok()) {
        return EBUSY;
    }
    FileState state;
    const int error = stat_at(directory_, leaf, state);
    if (error != ENOENT) {
        return error == 0 ? EEXIST : error;
    }
    if (renameat(directory_, name(), directory_, leaf) != 0) {
        return errno;
    }
    name_.clear();
    return 0;
}

int Staged::publish_new(const char* leaf, DirectoryLock& lock) {
    SYNCLINE_FS_FAILPOINT("before-publish");
    const int error = name_.empty() ? link_to(leaf) : rename_to(leaf, lock);
    SYNCLINE_FS_FAILPOINT("after-publish");
    return error;
}

int Staged::give_name() {
    for (int attempt = 0; name_.empty() && attempt < kNameAttempts; ++attempt) {
        std::string name = make_temp_name();
        const int error = link_to(name.c_str());
        if (error == 0) {
            name_ = std::move(name);
        } else if (error != EEXIST) {
            return error;
        }
    }
    return name_.empty() ? EEXIST : 0;
}

Status Staged::replace(const char* leaf, const FileState& expected, std::string_view key) {
    if (const int error = give_name()) {
        return write_status(error, "create", key);
    }
    if (root_.tweaks().before_swap) {
        root_.tweaks().before_swap();
    }
    SYNCLINE_FS_FAILPOINT("before-replace");
    if (root_.tweaks().no_exchange || root_.lacks_exchange.load(std::memory_order_relaxed)) {
        return replace_unchecked(leaf, expected, key);
    }
    const int error = exchange(directory_, name(), leaf);
    if (error == ENOENT) {
        return Status::error(SYNCLINE_E_CONFLICT, printable(key) + " was removed meanwhile")
            .with(SYNCLINE_DETAIL_KEY, printable(key));
    }
    if (is_unsupported(error)) {
        root_.lacks_exchange.store(true, std::memory_order_relaxed);
        return replace_unchecked(leaf, expected, key);
    }
    if (error != 0) {
        return write_status(error, "replace", key);
    }
    SYNCLINE_FS_FAILPOINT("after-replace");
    FileState displaced;
    if (const int failed = stat_at(directory_, name(), displaced)) {
        name_.clear();
        return write_status(failed, "examine what was replaced by", key);
    }
    if (!same_content(expected, displaced)) {
        return put_back(leaf, displaced, key);
    }
    unlinkat(directory_, name(), 0);
    name_.clear();
    SYNCLINE_FS_FAILPOINT("after-drop-replaced");
    return {};
}

// The temporary name holds something that nobody told us to replace. While we swap it back others
// may swap as well; what is kept is what the last of them put there.
Status Staged::put_back(const char* leaf, const FileState& displaced, std::string_view key) {
    FileState ours;
    if (is_link()) {
        ours.inode = link_inode_;
    } else if (stat_fd(file_.get(), ours) != 0) {
        ours = {};
    }
    FileState held = displaced;
    std::optional<FileState> returned;
    for (int attempt = 0; attempt < kPutBackAttempts; ++attempt) {
        const int error = exchange(directory_, name(), leaf);
        if (error == ENOENT &&
            renameat2(directory_, name(), directory_, leaf, RENAME_NOREPLACE) == 0) {
            name_.clear(); // ours was removed by somebody
            break;
        }
        FileState out;
        if (error != 0 || stat_at(directory_, name(), out) != 0) {
            continue;
        }
        if (out.inode == ours.inode || (returned && out.inode == returned->inode)) {
            unlinkat(directory_, name(), 0);
            name_.clear();
            break;
        }
        returned = held;
        held = out;
    }
    if (!name_.empty()) {
        root_.log(SYNCLINE_LOG_ERROR, "another program keeps replacing " + printable(key) +
                                          "; one version of it is now called " + name_ +
                                          " in the same directory");
        name_.clear(); // not ours to remove
    }
    return version_moved(SYNCLINE_E_CONFLICT, printable(key) + " was changed by another program",
                         key, held);
}

Status Staged::replace_unchecked(const char* leaf, const FileState& expected,
                                 std::string_view key) {
    FileState now;
    const int error = stat_at(directory_, leaf, now);
    if (error != 0 || token_of(now) != token_of(expected)) {
        return version_moved(SYNCLINE_E_CONFLICT,
                             printable(key) + " was changed by another program", key, now);
    }
    if (renameat(directory_, name(), directory_, leaf) != 0) {
        return write_status(errno, "replace", key);
    }
    name_.clear();
    return {};
}

} // namespace syncline::fs
