#include "plugin/library_cache.hpp"

#include "syncline/core/hash.hpp"

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <optional>
#include <sys/mman.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace syncline::plugin {

namespace {

Status failure(int error, const std::string& what, const std::filesystem::path& path) {
    const Code code = error == ENOENT                     ? Code::not_found
                      : error == EACCES || error == EPERM ? Code::permission_denied
                                                          : Code::io;
    return Status(code, what + " " + path.string() + ": " +
                            std::error_code(error, std::generic_category()).message());
}

class Descriptor {
public:
    explicit Descriptor(int fd) : fd_(fd) {}
    ~Descriptor() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

// Read rather than mapped: an installed file that shrinks meanwhile must not kill the process.
Result<Bytes> read_file(const std::filesystem::path& path) {
    // Not to hang on a FIFO that someone put there.
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat about {};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0) {
        return failure(errno, "cannot open", path);
    }
    if (!S_ISREG(about.st_mode)) {
        return Status(Code::io, path.string() + " is not a regular file");
    }
    Bytes content(static_cast<std::size_t>(about.st_size), '\0');
    std::size_t filled = 0;
    while (filled < content.size()) {
        const ssize_t got = ::read(file.get(), content.data() + filled, content.size() - filled);
        if (got == 0) {
            break;
        }
        if (got > 0) {
            filled += static_cast<std::size_t>(got);
        } else if (errno != EINTR) {
            return failure(errno, "cannot read", path);
        }
    }
    content.resize(filled);
    return content;
}

Status write_file(const std::filesystem::path& path, BytesView bytes) {
    ::unlink(path.c_str()); // of a process with this number that died
    const Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) {
        return failure(errno, "cannot create", path);
    }
    while (!bytes.empty()) {
        const ssize_t written = ::write(file.get(), bytes.data(), bytes.size());
        if (written >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(written));
        } else if (errno != EINTR) {
            return failure(errno, "cannot write", path);
        }
    }
    return {};
}

// Whether `path` is a file that only this user can have written.
bool is_own_copy(const std::filesystem::path& path) {
    struct stat about {};
    return ::lstat(path.c_str(), &about) == 0 && S_ISREG(about.st_mode) &&
           about.st_uid == ::geteuid() && (about.st_mode & 0077) == 0;
}

// What changes with a file's content, as far as the system tells: where it lies, its size and its
// times.
std::string identity(const struct stat& about) {
    const auto time = [](const timespec& at) {
        return std::to_string(at.tv_sec) + "." + std::to_string(at.tv_nsec);
    };
    return std::to_string(about.st_dev) + "/" + std::to_string(about.st_ino) + "/" +
           std::to_string(about.st_size) + "/" + time(about.st_mtim) + "/" + time(about.st_ctim);
}

// A record of which copy an installed file has, so that a start of the program need not read both
// again:
// "<identity of the file> <digest> <identity of the copy>". The directory is as private as the
// copies.
std::filesystem::path record_name(const std::filesystem::path& directory,
                                  const struct stat& installed) {
    return directory /
           ("seen-" + std::to_string(installed.st_dev) + "-" + std::to_string(installed.st_ino));
}

// Whole seconds, since some file systems count no finer.
constexpr time_t kSettledAfter = 2;

std::filesystem::path temporary_name(const std::filesystem::path& directory) {
    static std::atomic<unsigned> last{0};
    return directory /
           (".new-" + std::to_string(::getpid()) + "-" + std::to_string(last.fetch_add(1)));
}

} // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    struct stat about {};
    if (file.get() < 0 || ::fstat(file.get(), &about) != 0) {
        return failure(errno, "cannot open", path);
    }
    if (about.st_size == 0) {
        return MappedFile(BytesView());
    }
    const auto size = static_cast<std::size_t>(about.st_size);
    void* const memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (memory == MAP_FAILED) {
        return failure(errno, "cannot read", path);
    }
    return MappedFile(BytesView(static_cast<const char*>(memory), size));
}

MappedFile::MappedFile(MappedFile&& from) noexcept : bytes_(std::exchange(from.bytes_, {})) {}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) {
        ::munmap(const_cast<char*>(bytes_.data()), bytes_.size());
    }
}

Status prepare_cache(const std::filesystem::path& directory) {
    struct stat about {};
    if (::lstat(directory.c_str(), &about) != 0) {
        std::error_code error;
        std::filesystem::create_directories(directory.parent_path(), error);
        if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
            return failure(errno, "cannot create the plugin cache", directory);
        }
        if (::lstat(directory.c_str(), &about) != 0) {
            return failure(errno, "cannot use the plugin cache", directory);
        }
    }
    if (!S_ISDIR(about.st_mode)) {
        return Status(Code::invalid_state,
                      "the plugin cache " + directory.string() + " is not a directory");
    }
    if (about.st_uid != ::geteuid()) {
        return Status(Code::permission_denied, "the plugin cache " + directory.string() +
                                                   " belongs to another user; remove it or "
                                                   "choose another one");
    }
    if ((about.st_mode & 0077) != 0) {
        return Status(Code::permission_denied, "the plugin cache " + directory.string() +
                                                   " is open to other users; make it private "
                                                   "(chmod 700) or remove it");
    }
    if (::faccessat(AT_FDCWD, directory.c_str(), W_OK | X_OK, AT_EACCESS) != 0) {
        return failure(errno, "cannot write to the plugin cache", directory);
    }
    return {};
}

namespace {

constexpr std::size_t kDigestDigits = 64;

std::optional<CachedLibrary> recorded_copy(const std::filesystem::path& directory,
                                           const struct stat& installed) {
    const std::filesystem::path name = record_name(directory, installed);
    if (!is_own_copy(name)) {
        return std::nullopt;
    }
    const Result<Bytes> record = read_file(name);
    const std::string begin = identity(installed) + " ";
    if (!record.ok() || !record->starts_with(begin) ||
        record->size() < begin.size() + kDigestDigits) {
        return std::nullopt;
    }
    std::string digest = record->substr(begin.size(), kDigestDigits);
    std::filesystem::path path = directory / (digest + ".so");
    struct stat copy {};
    if (!is_own_copy(path) || ::lstat(path.c_str(), &copy) != 0 ||
        *record != begin + digest + " " + identity(copy)) {
        return std::nullopt;
    }
    Result<MappedFile> content = MappedFile::open(path);
    if (!content.ok()) {
        return std::nullopt;
    }
    return CachedLibrary{std::move(path), std::move(digest), *std::move(content)};
}

// Failing to keep a record costs the next start some milliseconds, no more.
void record_copy(const std::filesystem::path& directory, const struct stat& installed,
                 const CachedLibrary& library) {
    struct stat copy {};
    const std::filesystem::path temporary = temporary_name(directory);
    if (::lstat(library.path.c_str(), &copy) != 0 ||
        !write_file(temporary, identity(installed) + " " + library.digest + " " + identity(copy))
             .ok()) {
        ::unlink(temporary.c_str());
        return;
    }
    // A file written a moment ago may be written again within the same tick of its clock, unseen.
    struct stat now {};
    if (::lstat(temporary.c_str(), &now) != 0 ||
        installed.st_ctim.tv_sec + kSettledAfter > now.st_ctim.tv_sec ||
        ::rename(temporary.c_str(), record_name(directory, installed).c_str()) != 0) {
        ::unlink(temporary.c_str());
    }
}

Result<CachedLibrary> checked_copy(const std::filesystem::path& directory,
                                   const std::filesystem::path& library) {
    const Result<Bytes> installed = read_file(library);
    if (!installed.ok()) {
        return installed.status();
    }
    const std::string wanted = to_hex(sha256(*installed));
    std::filesystem::path path = directory / (wanted + ".so");
    if (is_own_copy(path)) {
        if (Result<MappedFile> copy = MappedFile::open(path);
            copy.ok() && to_hex(sha256(copy->bytes())) == wanted) {
            return CachedLibrary{std::move(path), wanted, *std::move(copy)};
        }
    }
    const std::filesystem::path temporary = temporary_name(directory);
    const auto give_up = [&](Status why) -> Result<CachedLibrary> {
        ::unlink(temporary.c_str());
        return why;
    };
    if (const Status written = write_file(temporary, *installed); !written.ok()) {
        return give_up(written);
    }
    Result<MappedFile> copy = MappedFile::open(temporary);
    if (!copy.ok()) {
        return give_up(copy.status());
    }
    if (to_hex(sha256(copy->bytes())) != wanted) {
        return give_up(Status(Code::io, "the copy of " + library.string() + " in " +
                                            directory.string() + " differs from it"));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        return give_up(failure(errno, "cannot rename to", path));
    }
    return CachedLibrary{std::move(path), wanted, *std::move(copy)};
}

} // namespace

Result<CachedLibrary> cache_library(const std::filesystem::path& directory,
                                    const std::filesystem::path& library) {
    // Taken before the content is read: a change in between makes the record useless, not wrong.
    struct stat installed {};
    const bool known = ::stat(library.c_str(), &installed) == 0;
    if (known) {
        if (std::optional<CachedLibrary> copy = recorded_copy(directory, installed)) {
            return *std::move(copy);
        }
    }
    Result<CachedLibrary> copy = checked_copy(directory, library);
    if (known && copy.ok()) {
        record_copy(directory, installed, *copy);
    }
    return copy;
}

} // namespace syncline::plugin
