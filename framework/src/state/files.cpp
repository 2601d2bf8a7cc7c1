#include "state/files.hpp"

#include "syncline/core/failpoint.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline::state {

FileDescriptor::~FileDescriptor() {
    if (is_open()) {
        ::close(descriptor_);
    }
}

Status status_of_errno(int error, std::string_view doing, const std::filesystem::path& path) {
    Code code = Code::io;
    std::string_view advice;
    switch (error) {
    case EROFS:
        code = Code::read_only;
        advice = "choose another state directory (--state)";
        break;
    case EACCES:
    case EPERM:
        code = Code::permission_denied;
        advice = "check owner and mode, or choose another state directory (--state)";
        break;
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        code = Code::invalid_config;
        advice = "choose another state directory (--state)";
        break;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        code = Code::quota_exceeded;
        advice = "disk full: free some space there and run again";
        break;
    case ENOMEM:
        code = Code::out_of_memory;
        break;
    default:
        break;
    }
    std::string message = "cannot ";
    message += doing;
    message += " '" + display_key(path.native()) + "': " + std::strerror(error);
    if (!advice.empty()) {
        message += "; ";
        message += advice;
    }
    return Status(Error{code, std::move(message), {{"file", path.native()}}, -1, 0});
}

Status make_private_directory(const std::filesystem::path& directory) {
    if (::mkdir(directory.c_str(), 0700) == 0) {
        return {};
    }
    int error = errno;
    if (error == ENOENT && directory.has_parent_path() && directory.parent_path() != directory) {
        SYNCLINE_TRY(make_private_directory(directory.parent_path()));
        error = ::mkdir(directory.c_str(), 0700) == 0 ? 0 : errno;
    }
    struct stat found {};
    // Something is there already, whatever the reason mkdir gave: a read-only place says so before
    // it says "exists".
    if (error != 0 && ::stat(directory.c_str(), &found) == 0) {
        error = S_ISDIR(found.st_mode) ? 0 : ENOTDIR;
    }
    return error == 0 ? Status() : status_of_errno(error, "use as state directory", directory);
}

Result<FileDescriptor> open_private_file(const std::filesystem::path& file, int extra_flags) {
    FileDescriptor descriptor(
        ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | extra_flags, 0600));
    if (!descriptor.is_open()) {
        return status_of_errno(errno, "open", file);
    }
    return descriptor;
}

Status sync_directory(const std::filesystem::path& directory) {
    const FileDescriptor descriptor(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!descriptor.is_open() || ::fsync(descriptor.get()) != 0) {
        return status_of_errno(errno, "sync", directory);
    }
    return {};
}

Result<Bytes> read_or_make_key(const std::filesystem::path& file) {
    constexpr std::size_t kKeyBytes = 32;
    const std::filesystem::path fresh = file.native() + ".new." + std::to_string(::getpid());
    // The second round reads what the first one made.
    for (int round = 0; round < 2; ++round) {
        const FileDescriptor there(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (there.is_open()) {
            char key[kKeyBytes + 1];
            const ssize_t size = ::read(there.get(), key, sizeof key);
            if (size < 0) {
                return status_of_errno(errno, "read", file);
            }
            if (static_cast<std::size_t>(size) != kKeyBytes) {
                return Status(Code::state_corrupt, "'" + display_key(file.native()) +
                                                       "' is damaged; remove it, and make plans "
                                                       "that were written to files anew");
            }
            return Bytes(key, kKeyBytes);
        }
        if (errno != ENOENT) {
            return status_of_errno(errno, "open", file);
        }
        unsigned char key[kKeyBytes];
        if (::getrandom(key, sizeof key, 0) != static_cast<ssize_t>(sizeof key)) {
            return status_of_errno(errno, "find random bytes for", file);
        }
        ::unlink(fresh.c_str()); // of a process that had our number and was killed here
        {
            const Result<FileDescriptor> made = open_private_file(fresh, O_EXCL);
            if (!made.ok()) {
                return made.status();
            }
            errno = 0;
            const ssize_t written = ::write(made->get(), key, sizeof key);
            if (written != static_cast<ssize_t>(sizeof key) || ::fsync(made->get()) != 0) {
                const int error = errno != 0 ? errno : ENOSPC;
                ::unlink(fresh.c_str());
                return status_of_errno(error, "write", file);
            }
        }
        // Whoever is first wins.
        SYNCLINE_FAILPOINT("state.before-plan-key");
        const int linked = ::link(fresh.c_str(), file.c_str()) == 0 ? 0 : errno;
        SYNCLINE_FAILPOINT("state.after-plan-key");
        ::unlink(fresh.c_str());
        if (linked != 0 && linked != EEXIST) {
            return status_of_errno(linked, "create", file);
        }
    }
    return Status(Code::io, "'" + display_key(file.native()) + "' vanished while it was read");
}

std::string file_stem_of(std::string_view sync_name) { return to_hex(content_hash(sync_name)); }

} // namespace syncline::state
