// The root directory and the only way to reach anything below it.
//
// Every path is resolved by the kernel beneath the root's descriptor, refusing symbolic links,
// magic links and mount points on the way; so no key, and no tree that changes while we walk it,
// leads outside. Descriptors of directories are not kept for longer than a moment: one that was
// moved away in the meantime would take the next write to a place outside the root.
//
// Immutable after open(), hence usable from any number of threads.
#pragma once

#include "key.hpp"
#include "posix.hpp"
#include "recent_directories.hpp"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::fs {

// Stand-ins for file systems and moments that tests cannot get otherwise. Production leaves all of
// it empty.
struct Tweaks {
    bool no_openat2 = false;
    bool no_tmpfile = false;
    bool no_noreplace = false;
    bool no_hard_link = false;
    bool no_exchange = false;
    bool no_empty_path_link = false;
    bool no_reflink = false;
    std::function<void()> before_swap; // after the version check, before names are exchanged
    std::function<void()> during_copy; // after the first bytes of a body were passed on
    std::function<void()>
        before_descending; // after a directory was read, before its entries are looked at
};

struct Settings {
    std::string path;
    std::optional<std::int64_t> granularity_ns; // default: what the file system has
    std::function<std::int64_t()> now_wall_ns = wall_now_ns;
    std::function<std::int64_t()> now_mono_ns = mono_now_ns;
    std::function<void(std::uint32_t level, const std::string& text)> log; // may be empty
    Tweaks tweaks;
};

// What kind of file system the root lies on.
struct Traits {
    bool is_read_only = false;
    bool folds_case = false;
    bool is_fat = false;
    bool can_exchange = true; // RENAME_EXCHANGE, as far as known without trying it
    std::int64_t granularity_ns = 0;
    std::int64_t mtime_granularity_ns = 1;
    std::string scope_id;
    std::string scope_path;
};

class Root {
public:
    // NOT_FOUND if there is no such directory, INVALID_CONFIG if it is something else.
    static Status open(const Settings& settings, std::shared_ptr<const Root>& out);

    Root(const Root&) = delete;
    Root& operator=(const Root&) = delete;

    [[nodiscard]] int fd() const { return fd_.get(); }
    [[nodiscard]] std::uint64_t device() const { return state_.device; }
    [[nodiscard]] const FileState& state() const { return state_; }
    [[nodiscard]] const Settings& settings() const { return settings_; }
    [[nodiscard]] const Tweaks& tweaks() const { return settings_.tweaks; }
    [[nodiscard]] const Traits& traits() const { return traits_; }

    // The moment before which a timestamp is old enough that a later write must differ from it.
    [[nodiscard]] std::int64_t settled_before_ns() const {
        return settings_.now_wall_ns() - traits_.granularity_ns;
    }

    // Opens `path` ("" is the root, a trailing '/' is fine, any length). 0 or an errno: ELOOP for a
    // link anywhere in it, EXDEV for a mount point.
    int open_beneath(std::string_view path, int flags, Fd& out) const;

    // Opens the directory that holds `key`; `flags` is O_PATH or O_RDONLY (which the directory lock
    // needs). With `create`, missing directories are made.
    Status open_parent(const Key& key, int flags, bool create, Fd& out) const;

    [[nodiscard]] RecentDirectories& recent_directories() const { return recent_directories_; }

    void log(std::uint32_t level, const std::string& text) const;

    // What turned out not to work here; asked again by nobody.
    mutable std::atomic<bool> lacks_tmpfile{false};
    mutable std::atomic<bool> lacks_exchange{false};
    mutable std::atomic<bool> lacks_noreplace{false};
    mutable std::atomic<bool> lacks_empty_path_link{false};
    mutable std::atomic<std::uint64_t> lacks_reflink_from{
        0}; // device whose files cannot be cloned to here

private:
    explicit Root(Settings settings)
        : settings_(std::move(settings)), recent_directories_(settings_.now_mono_ns) {}
    void learn_traits();
    int open_piece(int directory, const char* path, int flags, Fd& out) const;
    int open_stepwise(int directory, std::string_view path, int flags, Fd& out) const;
    int create_directories(std::string_view path) const;

    Settings settings_;
    Fd fd_;
    FileState state_;
    Traits traits_;
    mutable RecentDirectories recent_directories_;
    mutable std::atomic<bool> lacks_openat2_{false};
};

} // namespace syncline::fs
