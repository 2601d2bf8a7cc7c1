#include "state/files.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
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

std::string file_stem_of(std::string_view sync_name) { return to_hex(content_hash(sync_name)); }

} // namespace syncline::state
