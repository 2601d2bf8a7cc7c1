#include "scratch.hpp"

#include <syncline/sdk/error.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace syncline::strategies {
namespace {

sdk::Error failed(const char* what, const std::string& path) {
    const int error = errno;
    return sdk::Error(SYNCLINE_E_IO, std::string("cannot ") + what + " '" + path +
                                         "': " + std::generic_category().message(error));
}

class File {
public:
    explicit File(int fd) : fd_(fd) {}
    ~File() {
        if (fd_ >= 0) {
            ::close(fd_);
        }
    }
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    int get() const { return fd_; }

private:
    int fd_;
};

} // namespace

Scratch::Scratch() {
    const char* base = std::getenv("TMPDIR");
    path_ = std::string(base != nullptr && *base == '/' ? base : "/tmp") + "/syncline-merge-XXXXXX";
    if (::mkdtemp(path_.data()) == nullptr) {
        throw failed("create the directory", path_);
    }
}

Scratch::~Scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void Scratch::write(std::string_view name, std::string_view bytes) const {
    const std::string path = path_of(name);
    const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (file.get() < 0) {
        throw failed("create", path);
    }
    while (!bytes.empty()) {
        const ssize_t done = ::write(file.get(), bytes.data(), bytes.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done < 0) {
            throw failed("write", path);
        }
        bytes.remove_prefix(static_cast<std::size_t>(done));
    }
}

std::optional<std::string> Scratch::read(std::string_view name, std::size_t limit) const {
    const std::string path = path_of(name);
    const File file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found {};
    if (file.get() < 0) {
        if (errno == ENOENT || errno == ELOOP) {
            return std::nullopt;
        }
        throw failed("read", path);
    }
    if (::fstat(file.get(), &found) != 0) {
        throw failed("read", path);
    }
    if (!S_ISREG(found.st_mode)) {
        return std::nullopt;
    }
    std::string out;
    char buffer[65536];
    for (;;) {
        const ssize_t got = ::read(file.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw failed("read", path);
        }
        if (got == 0) {
            return out;
        }
        out.append(buffer, static_cast<std::size_t>(got));
        if (out.size() > limit) {
            throw sdk::Error(SYNCLINE_E_TOO_LARGE, "the program's result is larger than " +
                                                       std::to_string(limit) + " bytes");
        }
    }
}

} // namespace syncline::strategies
