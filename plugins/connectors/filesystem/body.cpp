#include "body.hpp"

#include "attributes.hpp"
#include "buffer.hpp"
#include "version.hpp"

#include <algorithm>
#include <cerrno>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

// Below this one read and one write cost the same as copy_file_range, which not every file system
// has.
constexpr std::uint64_t kKernelCopyFrom = 256 * 1024;
// One step of copy_file_range: small enough that cancelling takes effect soon.
constexpr std::size_t kKernelCopyStep = 16 * 1024 * 1024;

} // namespace

Status ReaderBody::check_length(std::uint64_t total) const {
    const std::uint64_t wanted = reader_.size != SYNCLINE_SIZE_UNKNOWN ? reader_.size : announced_;
    const bool fits = (wanted == SYNCLINE_SIZE_UNKNOWN || total == wanted) &&
                      (announced_ == SYNCLINE_SIZE_UNKNOWN || total == announced_);
    if (fits) {
        return {};
    }
    return Status::error(SYNCLINE_E_INTEGRITY,
                         "the body of " + printable(key_) + " has " + std::to_string(total) +
                             " bytes, announced were " +
                             std::to_string(total == wanted ? announced_ : wanted))
        .with(SYNCLINE_DETAIL_KEY, printable(key_));
}

Status ReaderBody::copy_to(int out) {
    const Buffer buffer;
    const std::uint64_t limit = std::min(reader_.size, announced_);
    std::uint64_t total = 0;
    for (;;) {
        const std::int64_t got = reader_.read(&reader_, buffer.data(), Buffer::kSize);
        if (got == 0) {
            return check_length(total);
        }
        if (got < 0) {
            return Status::error(
                got < INT32_MIN ? SYNCLINE_E_UNKNOWN : static_cast<syncline_status>(got), "");
        }
        if (static_cast<std::uint64_t>(got) > Buffer::kSize) {
            return Status::error(SYNCLINE_E_ABORTED, "the reader returned more than was asked for");
        }
        total += static_cast<std::uint64_t>(got);
        if (total > limit) {
            return check_length(total);
        }
        if (const int error = write_all(out, buffer.data(), static_cast<std::size_t>(got))) {
            return errno_status(error, "write", key_);
        }
        if (is_cancelled(call_)) {
            return cancelled_status();
        }
    }
}

Status ReaderBody::read_text(std::size_t limit, std::string& out) {
    char piece[1024];
    out.clear();
    for (;;) {
        const std::int64_t got = reader_.read(&reader_, piece, sizeof piece);
        if (got == 0) {
            return check_length(out.size());
        }
        if (got < 0) {
            return Status::error(
                got < INT32_MIN ? SYNCLINE_E_UNKNOWN : static_cast<syncline_status>(got), "");
        }
        out.append(piece, std::min<std::size_t>(static_cast<std::size_t>(got), sizeof piece));
        if (out.size() > limit) {
            return Status::error(SYNCLINE_E_TOO_LARGE,
                                 "the target of the link " + printable(key_) + " is too long");
        }
    }
}

Status FileBody::changed() const {
    return Status::error(SYNCLINE_E_CONFLICT,
                         "the source of " + printable(key_) + " changed while it was copied")
        .with(SYNCLINE_DETAIL_KEY, printable(key_));
}

Status FileBody::copy_to(int out) {
    FileState before;
    if (const int error = stat_fd(fd_, before)) {
        return errno_status(error, "examine the source of", key_);
    }
    if (before.type != FileType::file) {
        return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                             "the source of " + printable(key_) + " is not a regular file");
    }
    if (announced_ != SYNCLINE_SIZE_UNKNOWN && announced_ != before.size) {
        return changed();
    }
    if (!clone_to(out, before.device)) {
        Status status = has_holes(before) ? copy_around_holes(out, before.size)
                                          : copy_range(out, 0, before.size);
        if (!status.ok()) {
            return status;
        }
    }
    FileState after;
    if (const int error = stat_fd(fd_, after)) {
        return errno_status(error, "examine the source of", key_);
    }
    return token_of(after) == token_of(before) ? Status() : changed();
}

bool FileBody::clone_to(int out, std::uint64_t device) const {
    if (root_.tweaks().no_reflink ||
        root_.lacks_reflink_from.load(std::memory_order_relaxed) == device) {
        return false;
    }
    if (ioctl(out, FICLONE, fd_) == 0) {
        return true;
    }
    if (errno == EOPNOTSUPP || errno == ENOTTY || errno == EXDEV || errno == ENOSYS) {
        root_.lacks_reflink_from.store(device, std::memory_order_relaxed);
    }
    return false;
}

// From `begin` to `end`, to where `out` stands.
Status FileBody::copy_range(int out, std::uint64_t begin, std::uint64_t end) const {
    Status status = end - begin < kKernelCopyFrom ? Status() : copy_in_kernel(out, begin, end);
    return status.ok() ? copy_through_buffer(out, begin, end) : std::move(status);
}

Status FileBody::copy_around_holes(int out, std::uint64_t size) const {
    const auto end = static_cast<off_t>(size);
    for (off_t at = 0; at < end;) {
        off_t data = lseek(fd_, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) {
            break; // nothing but a hole is left
        }
        off_t hole = data < 0 ? -1 : lseek(fd_, data, SEEK_HOLE);
        if (data < 0 || hole < 0) { // a file system that does not tell
            data = at;
            hole = end;
        }
        hole = std::min(hole, end);
        if (data >= hole) {
            break;
        }
        if (lseek(out, data, SEEK_SET) < 0) {
            return errno_status(errno, "write", key_);
        }
        Status status =
            copy_range(out, static_cast<std::uint64_t>(data), static_cast<std::uint64_t>(hole));
        if (!status.ok()) {
            return status;
        }
        at = hole;
    }
    return ftruncate(out, end) == 0 ? Status() : errno_status(errno, "write", key_);
}

// Leaves the rest to the caller where the kernel cannot do it.
Status FileBody::copy_in_kernel(int out, std::uint64_t& done, std::uint64_t size) const {
    while (done < size) {
        auto offset = static_cast<off64_t>(done);
        const std::size_t step =
            static_cast<std::size_t>(std::min<std::uint64_t>(kKernelCopyStep, size - done));
        const ssize_t got = copy_file_range(fd_, &offset, out, nullptr, step, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)) {
            return errno_status(errno, "write", key_);
        }
        if (got <= 0) {
            return {};
        }
        done += static_cast<std::uint64_t>(got);
        if (is_cancelled(call_)) {
            return cancelled_status();
        }
        if (root_.tweaks().during_copy) {
            root_.tweaks().during_copy();
        }
    }
    return {};
}

Status FileBody::copy_through_buffer(int out, std::uint64_t done, std::uint64_t size) const {
    if (done == size) {
        return {};
    }
    const Buffer buffer;
    while (done < size) {
        const std::size_t want =
            static_cast<std::size_t>(std::min<std::uint64_t>(Buffer::kSize, size - done));
        const ssize_t got = pread(fd_, buffer.data(), want, static_cast<off_t>(done));
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno_status(errno, "read the source of", key_);
        }
        if (got == 0) {
            return changed(); // shorter than it was
        }
        if (const int error = write_all(out, buffer.data(), static_cast<std::size_t>(got))) {
            return errno_status(error, "write", key_);
        }
        done += static_cast<std::uint64_t>(got);
        if (is_cancelled(call_)) {
            return cancelled_status();
        }
        if (root_.tweaks().during_copy) {
            root_.tweaks().during_copy();
        }
    }
    return {};
}

Status FileBody::read_text(std::size_t /*limit*/, std::string& /*out*/) {
    return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                         "a link has no file behind its body: " + printable(key_));
}

} // namespace syncline::fs
