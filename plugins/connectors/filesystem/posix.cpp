#include "posix.hpp"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
// Only what the version token, the item, its flags and the mount check need: each further bit may
// cost a round trip on network mounts.
constexpr unsigned kStatMask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID |
                               STATX_INO | STATX_SIZE | STATX_BLOCKS | STATX_MTIME | STATX_CTIME |
                               STATX_BTIME;

std::int64_t nanos(const statx_timestamp& time) {
    return time.tv_sec * kNanosPerSecond + static_cast<std::int64_t>(time.tv_nsec);
}

timespec to_timespec(std::int64_t nanos) {
    std::int64_t seconds = nanos / kNanosPerSecond;
    std::int64_t rest = nanos % kNanosPerSecond;
    if (rest < 0) { // the kernel wants 0 <= tv_nsec also before 1970
        rest += kNanosPerSecond;
        --seconds;
    }
    timespec out{};
    out.tv_sec = seconds;
    out.tv_nsec = rest;
    return out;
}

int fill(int directory, const char* name, int flags, FileState& out) {
    struct statx raw {};
    if (statx(directory, name, flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, kStatMask, &raw) !=
        0) {
        return errno;
    }
    switch (raw.stx_mode & S_IFMT) {
    case S_IFREG:
        out.type = FileType::file;
        break;
    case S_IFDIR:
        out.type = FileType::directory;
        break;
    case S_IFLNK:
        out.type = FileType::link;
        break;
    default:
        out.type = FileType::other;
        break;
    }
    out.has_birth = (raw.stx_mask & STATX_BTIME) != 0;
    out.is_mount_root = (raw.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
    out.mode = raw.stx_mode & 07777U;
    out.uid = raw.stx_uid;
    out.gid = raw.stx_gid;
    out.links = raw.stx_nlink;
    out.device = makedev(raw.stx_dev_major, raw.stx_dev_minor);
    out.inode = raw.stx_ino;
    out.size = raw.stx_size;
    out.stored = raw.stx_blocks * 512; // the unit of stx_blocks, whatever the file system's
    out.mtime_ns = nanos(raw.stx_mtime);
    out.ctime_ns = nanos(raw.stx_ctime);
    out.birth_ns = out.has_birth ? nanos(raw.stx_btime) : 0;
    return 0;
}

syncline_status code_of(int error) {
    switch (error) {
    case ENOENT:
        return SYNCLINE_E_NOT_FOUND;
    case EACCES:
    case EPERM:
        return SYNCLINE_E_PERMISSION_DENIED;
    case ENOSPC:
    case EDQUOT:
        return SYNCLINE_E_QUOTA_EXCEEDED;
    case EROFS:
        return SYNCLINE_E_READ_ONLY;
    case ENAMETOOLONG:
    case EILSEQ:
    case EINVAL:
        return SYNCLINE_E_KEY_INVALID;
    case EFBIG:
    case EOVERFLOW:
        return SYNCLINE_E_TOO_LARGE;
    case ENOMEM:
        return SYNCLINE_E_OUT_OF_MEMORY;
    case EMFILE:
    case ENFILE:
    case EAGAIN:
        return SYNCLINE_E_UNAVAILABLE;
    case EEXIST:
        return SYNCLINE_E_ALREADY_EXISTS;
    case ETXTBSY:
    case EBUSY:
        return SYNCLINE_E_LOCKED;
    case ELOOP:
    case EXDEV:
    case ENOTDIR:
    case EISDIR:
    case ENOTEMPTY:
        return SYNCLINE_E_CONFLICT;
    default:
        return SYNCLINE_E_IO;
    }
}

} // namespace

void Fd::reset(int fd) {
    if (fd_ >= 0) {
        ::close(fd_);
    }
    fd_ = fd;
}

Status Status::error(syncline_status code, std::string message) {
    Status out;
    out.error_ = std::make_unique<Error>();
    out.error_->code = code;
    out.error_->message = std::move(message);
    return out;
}

Status&& Status::with(std::string name, std::string value) && {
    if (error_) {
        error_->details.emplace_back(std::move(name), std::move(value));
    }
    return std::move(*this);
}

const std::string& Status::message() const {
    static const std::string kNone;
    return error_ ? error_->message : kNone;
}

Status errno_status(int error, std::string_view doing, std::string_view key) {
    const std::string shown = printable(key);
    std::string message;
    if (error == ELOOP) {
        message = "a symbolic link is in the way: " + shown;
    } else if (error == EXDEV) {
        message = "a mount point is in the way: " + shown;
    } else if (error == ENOTDIR) {
        message = "a file is in the way of a directory: " + shown;
    } else {
        message = "cannot " + std::string(doing) + " " + shown + ": " + std::strerror(error);
    }
    const syncline_status code = code_of(error);
    Status out = Status::error(code, std::move(message))
                     .with(SYNCLINE_DETAIL_KEY, shown)
                     .with(SYNCLINE_DETAIL_OS_ERROR, std::to_string(error));
    if (code == SYNCLINE_E_KEY_INVALID) {
        return std::move(out).with(SYNCLINE_DETAIL_RULE,
                                   error == ENAMETOOLONG ? "segment or key too long"
                                                         : "name not accepted by the file system");
    }
    return out;
}

int stat_at(int directory, const char* name, FileState& out) {
    return fill(directory, name, 0, out);
}

int stat_fd(int fd, FileState& out) { return fill(fd, "", AT_EMPTY_PATH, out); }

int write_all(int fd, const std::uint8_t* data, std::size_t size) {
    while (size > 0) {
        const ssize_t written = ::write(fd, data, size);
        if (written < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno;
        }
        data += written;
        size -= static_cast<std::size_t>(written);
    }
    return 0;
}

int set_mtime(int fd, std::int64_t mtime_ns) {
    timespec times[2] = {{0, UTIME_OMIT}, to_timespec(mtime_ns)};
    return futimens(fd, times) == 0 ? 0 : errno;
}

int set_link_mtime(int directory, const char* name, std::int64_t mtime_ns) {
    timespec times[2] = {{0, UTIME_OMIT}, to_timespec(mtime_ns)};
    return utimensat(directory, name, times, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errno;
}

std::int64_t wall_now_ns() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

std::int64_t mono_now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * kNanosPerSecond + now.tv_nsec;
}

Status cancelled_status() { return Status::error(SYNCLINE_E_CANCELLED, "the call was cancelled"); }

} // namespace syncline::fs
