#include "root.hpp"

#include <cerrno>
#include <climits>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

// Longest piece of a path given to the kernel at once; PATH_MAX counts the NUL.
constexpr std::size_t kMaxPiece = PATH_MAX - 1;
constexpr std::uint64_t kConfined =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

} // namespace

Status Root::open(const Settings& settings, std::shared_ptr<const Root>& out) {
    // The user names the root, so links in its own path are followed.
    Fd fd(::open(settings.path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd.valid()) {
        const int error = errno;
        const std::string shown = printable(settings.path);
        if (error == ENOENT) {
            return Status::error(SYNCLINE_E_NOT_FOUND, "the directory " + shown + " does not exist")
                .with(SYNCLINE_DETAIL_OS_ERROR, std::to_string(error));
        }
        if (error == ENOTDIR) {
            return Status::error(SYNCLINE_E_INVALID_CONFIG, shown + " is not a directory")
                .with(SYNCLINE_DETAIL_PATH, "/path")
                .with(SYNCLINE_DETAIL_EXPECTED, "a directory");
        }
        return errno_status(error, "open the directory", settings.path);
    }
    std::shared_ptr<Root> root(new Root(settings));
    root->fd_ = std::move(fd);
    if (const int error = stat_fd(root->fd(), root->state_)) {
        return errno_status(error, "examine the directory", settings.path);
    }
    root->learn_traits();
    out = std::move(root);
    return {};
}

int Root::open_piece(int directory, const char* path, int flags, Fd& out) const {
    if (settings_.tweaks.no_openat2 || lacks_openat2_.load(std::memory_order_relaxed)) {
        return open_stepwise(directory, path, flags, out);
    }
    open_how how{};
    how.flags = static_cast<std::uint64_t>(flags);
    how.resolve = kConfined;
    for (int attempt = 0; attempt < 16; ++attempt) {
        const long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
        if (fd >= 0) {
            out.reset(static_cast<int>(fd));
            return 0;
        }
        if (errno == ENOSYS || errno == EPERM) {
            // EPERM as well: older container filters answer that for calls they do not know.
            if (errno == ENOSYS) {
                lacks_openat2_.store(true, std::memory_order_relaxed);
            }
            return open_stepwise(directory, path, flags, out);
        }
        if (errno != EAGAIN && errno != EINTR) {
            return errno;
        }
    }
    return EAGAIN;
}

int Root::open_stepwise(int directory, std::string_view path, int flags, Fd& out) const {
    Fd holder;
    int at = directory;
    for (;;) {
        const std::size_t slash = path.find('/');
        const bool is_last = slash == std::string_view::npos || slash + 1 == path.size();
        const std::string name(path.substr(0, slash));
        FileState state;
        if (const int error = stat_at(at, name.c_str(), state)) {
            return error;
        }
        if (state.type == FileType::link) {
            return ELOOP;
        }
        if (name != "." && state.type == FileType::directory && state.is_mount_root) {
            return EXDEV;
        }
        const int step = is_last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC;
        Fd next(openat(at, name.c_str(), step | O_NOFOLLOW));
        if (!next.valid()) {
            return errno;
        }
        if (is_last) {
            out = std::move(next);
            return 0;
        }
        holder = std::move(next);
        at = holder.get();
        path.remove_prefix(slash + 1);
    }
}

int Root::open_beneath(std::string_view path, int flags, Fd& out) const {
    flags |= O_CLOEXEC;
    if (path.empty()) {
        out.reset(openat(fd_.get(), ".", flags));
        return out.valid() ? 0 : errno;
    }
    char piece[kMaxPiece + 1];
    Fd holder;
    int at = fd_.get();
    while (path.size() > kMaxPiece) {
        // Each piece is confined beneath the directory that the one before it ended in.
        const std::size_t cut = path.substr(0, kMaxPiece).rfind('/');
        if (cut == std::string_view::npos) {
            return ENAMETOOLONG;
        }
        std::memcpy(piece, path.data(), cut);
        piece[cut] = '\0';
        Fd next;
        if (const int error = open_piece(at, piece, O_PATH | O_DIRECTORY | O_CLOEXEC, next)) {
            return error;
        }
        holder = std::move(next);
        at = holder.get();
        path.remove_prefix(cut + 1);
    }
    std::memcpy(piece, path.data(), path.size());
    piece[path.size()] = '\0';
    return open_piece(at, piece, flags, out);
}

int Root::create_directories(std::string_view path) const {
    Fd holder;
    int at = fd_.get();
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string name(path.substr(0, slash));
        Fd next;
        int error = open_piece(at, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, next);
        if (error == ENOENT) {
            if (mkdirat(at, name.c_str(), 0777) != 0 && errno != EEXIST) {
                return errno;
            }
            error = open_piece(at, name.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC, next);
        }
        if (error != 0) {
            return error;
        }
        holder = std::move(next);
        at = holder.get();
        path.remove_prefix(slash + 1);
    }
    return 0;
}

Status Root::open_parent(const Key& key, int flags, bool create, Fd& out) const {
    int error = open_beneath(key.parent, flags | O_DIRECTORY, out);
    if (error == EACCES && (flags & O_PATH) == 0) {
        // A directory that may be entered but not read can still be written to, only not locked.
        error = open_beneath(key.parent, O_PATH | O_DIRECTORY, out);
    }
    if (error == ENOENT && create) {
        error = create_directories(key.parent);
        if (error == 0) {
            error = open_beneath(key.parent, flags | O_DIRECTORY, out);
        }
    }
    return error == 0 ? Status() : errno_status(error, "open the directory of", key.text);
}

void Root::log(std::uint32_t level, const std::string& text) const {
    if (settings_.log) {
        settings_.log(level, text);
    }
}

} // namespace syncline::fs
