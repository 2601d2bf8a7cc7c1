#include "state/sync_lock.hpp"

#include "state/files.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"

#include <cerrno>
#include <sys/file.h>
#include <unistd.h>

namespace syncline::state {
namespace {

// flock() locks belong to the open file, not to the process: two threads exclude each other like
// two processes do, and the kernel releases the lock with the last descriptor of a dead process.
class FlockSyncLock final : public SyncLock {
public:
    explicit FlockSyncLock(FileDescriptor file) : file_(std::move(file)) {}
    ~FlockSyncLock() override {
        // Nobody is named as holder afterwards. It fails harmlessly: the text is only read while
        // the lock is held.
        if (::ftruncate(file_.get(), 0) != 0) {
            return;
        }
    }

private:
    FileDescriptor file_;
};

// "<pid>\n<time>\n" by the holder; a file of another form tells nothing.
Status held_by(const FileDescriptor& file, const std::string& sync_name) {
    char text[128];
    const ssize_t size = ::pread(file.get(), text, sizeof text, 0);
    const std::string_view found(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    const std::size_t end_of_pid = found.find('\n');
    const std::string pid(found.substr(0, end_of_pid));
    std::string who = "another run";
    if (!pid.empty() && end_of_pid != std::string_view::npos &&
        pid.find_first_not_of("0123456789") == std::string::npos) {
        const std::string_view rest = found.substr(end_of_pid + 1);
        who = "process " + pid + " since " + display_key(rest.substr(0, rest.find('\n')));
    }
    return Status(Error{Code::lock_held,
                        "sync '" + display_key(sync_name) + "' is already running: " + who +
                            " holds its lock; wait for it to end",
                        {{"pid", pid}},
                        -1,
                        0});
}

} // namespace

Result<std::unique_ptr<SyncLock>> acquire_sync_lock(const std::filesystem::path& path,
                                                    const std::string& sync_name) {
    Result<FileDescriptor> opened = open_private_file(path, 0);
    if (!opened.ok()) {
        return opened.status();
    }
    FileDescriptor file = *std::move(opened);
    while (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK) {
            return held_by(file, sync_name);
        }
        if (errno != EINTR) {
            return status_of_errno(errno, "lock", path);
        }
    }
    // For people only: a lock whose text could not be written is as good.
    const std::string text =
        std::to_string(::getpid()) + "\n" + display_time(system_clock().wall_ns()) + "\n";
    if (::ftruncate(file.get(), 0) == 0 && ::pwrite(file.get(), text.data(), text.size(), 0) < 0) {
        errno = 0;
    }
    return std::unique_ptr<SyncLock>(std::make_unique<FlockSyncLock>(std::move(file)));
}

} // namespace syncline::state
