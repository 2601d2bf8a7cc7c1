// What every part of the connector needs from POSIX: an owned file descriptor, the state of a file
// as statx tells it, and the one error type inside this plugin.
#pragma once

#include <syncline/abi/abi.h>
#include <syncline/sdk/bytes.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::fs {

// Owns one file descriptor.
class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(other.release()) {}
    Fd& operator=(Fd&& other) noexcept {
        if (this != &other) {
            reset(other.release());
        }
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd() { reset(); }

    [[nodiscard]] int get() const { return fd_; }
    [[nodiscard]] bool valid() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }
    void reset(int fd = -1);

private:
    int fd_ = -1;
};

// Outcome of an operation: success costs one null pointer. Becomes an exception of the SDK at one
// place only, connector.cpp.
class [[nodiscard]] Status {
public:
    struct Error {
        syncline_status code = SYNCLINE_E_UNKNOWN;
        std::string message;
        std::vector<std::pair<std::string, std::string>> details;
    };

    Status() = default;
    static Status error(syncline_status code, std::string message);

    Status&& with(std::string name, std::string value) &&;
    [[nodiscard]] bool ok() const { return !error_; }
    [[nodiscard]] syncline_status code() const { return error_ ? error_->code : SYNCLINE_OK; }
    [[nodiscard]] const Error* get() const { return error_.get(); }
    [[nodiscard]] const std::string& message() const;

private:
    std::unique_ptr<Error> error_;
};

using sdk::printable;

// The failure of `doing` ("open", "write to") on `key`, with the code that tells the host what to
// do next.
Status errno_status(int error, std::string_view doing, std::string_view key);

enum class FileType : std::uint8_t { file = 1, directory = 2, link = 3, other = 4 };

struct FileState {
    FileType type = FileType::other;
    bool has_birth = false;
    bool is_mount_root = false;
    std::uint32_t mode = 0; // permission bits only
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t links = 0;
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;
    std::uint64_t stored = 0; // bytes of the disk it takes up
    std::int64_t mtime_ns = 0;
    std::int64_t ctime_ns = 0;
    std::int64_t birth_ns = 0;
};

// Both return 0 or an errno. `name` is looked up in `directory` and never followed.
int stat_at(int directory, const char* name, FileState& out);
int stat_fd(int fd, FileState& out);

// Writes everything; 0 or an errno.
int write_all(int fd, const std::uint8_t* data, std::size_t size);

// Sets the modification time only; 0 or an errno.
int set_mtime(int fd, std::int64_t mtime_ns);
int set_link_mtime(int directory, const char* name, std::int64_t mtime_ns);

// Nanoseconds since the epoch on the system clock, and on one that nobody sets.
std::int64_t wall_now_ns();
std::int64_t mono_now_ns();

inline std::string_view view_of(const syncline_bytes& bytes) { return sdk::view(bytes); }

inline syncline_bytes bytes_of(std::string_view text) { return sdk::bytes(text); }

inline bool is_cancelled(const syncline_call* call) {
    return call != nullptr && call->api->is_cancelled(call) != 0;
}

inline bool is_dry_run(const syncline_call* call) {
    return call != nullptr && (call->flags & SYNCLINE_CALL_DRY_RUN) != 0;
}

Status cancelled_status();

} // namespace syncline::fs
