// Writer: removing, renaming and changing metadata.
#include "failpoint.hpp"
#include "reader.hpp"
#include "writer.hpp"

#include <cerrno>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace syncline::fs {

unsigned mode_with_execute(unsigned mode, bool is_executable); // writer.cpp

namespace {

constexpr unsigned kPermissions = 07777;
constexpr unsigned kOwnerExecute = 0100;

bool is_unsupported(int error) { return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP; }

Status other_version(const Key& key, const FileState& state) {
    return version_moved(SYNCLINE_E_CONFLICT, printable(key.text) + " has another version",
                         key.text, state);
}

Status unsupported_kind(const Key& key) {
    return Status::error(SYNCLINE_E_CONFLICT,
                         printable(key.text) + " is neither file, link nor directory")
        .with(SYNCLINE_DETAIL_KEY, printable(key.text));
}

} // namespace

Status Writer::remove(const syncline_remove_req& req) {
    Status status = check_allowed(req.condition);
    if (status.ok() && req.condition == SYNCLINE_COND_IF_ABSENT) {
        status = Status::error(SYNCLINE_E_NOT_SUPPORTED, "a removal cannot ask for absence");
    }
    Key key;
    if (status.ok()) {
        status = parse_key(view_of(req.key), key);
    }
    Fd parent;
    if (status.ok()) {
        status = root_.open_parent(key, O_RDONLY, false, parent);
    }
    DirectoryLock lock;
    if (status.ok()) {
        status = lock.take(parent.get(), call_, key.text);
    }
    FileState state;
    if (status.ok()) {
        status = look_in(parent.get(), key, state);
    }
    if (!status.ok()) {
        return status;
    }
    if (state.type == FileType::other) {
        return unsupported_kind(key);
    }
    if (req.condition == SYNCLINE_COND_IF_VERSION &&
        !same_token(state, view_of(req.expected_version))) {
        return other_version(key, state);
    }
    if (key.is_container) {
        return remove_container(parent.get(), key);
    }
    const std::string name(key.leaf);
    SYNCLINE_FS_FAILPOINT("before-remove");
    if (unlinkat(parent.get(), name.c_str(), 0) == 0) {
        SYNCLINE_FS_FAILPOINT("after-remove");
        return {};
    }
    return errno == EISDIR ? unsupported_kind(key) : errno_status(errno, "remove", key.text);
}

Status Writer::remove_container(int parent, const Key& key) {
    const std::string name(key.leaf);
    SYNCLINE_FS_FAILPOINT("before-remove-directory");
    int error = unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
    if (error == ENOTEMPTY || error == EEXIST) {
        Fd directory;
        if (root_.open_beneath(key.text, O_RDONLY | O_DIRECTORY, directory) == 0 &&
            sweep_leftovers(directory.get())) {
            error = unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0 ? 0 : errno;
        }
    }
    root_.recent_directories().forget();
    if (error == 0) {
        SYNCLINE_FS_FAILPOINT("after-remove-directory");
        return {};
    }
    if (error == ENOTEMPTY || error == EEXIST) {
        return Status::error(SYNCLINE_E_CONFLICT, "directory not empty: " + printable(key.text))
            .with(SYNCLINE_DETAIL_KEY, printable(key.text))
            .with(SYNCLINE_DETAIL_OS_ERROR, std::to_string(error));
    }
    return errno_status(error, "remove", key.text);
}

Status Writer::rename(const syncline_rename_req& req, const syncline_item_sink& sink) {
    Status status = check_allowed(req.condition);
    Key from;
    Key to;
    if (status.ok()) {
        status = parse_key(view_of(req.from_key), from);
    }
    if (status.ok()) {
        status = parse_key(view_of(req.to_key), to);
    }
    if (status.ok() && from.is_container != to.is_container) {
        status = Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                               "a rename cannot change the kind of " + printable(from.text));
    }
    if (status.ok() && from.is_container && to.text.substr(0, from.text.size()) == from.text) {
        status = Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                               "a directory cannot be moved into itself: " + printable(from.text));
    }
    if (!status.ok()) {
        return status;
    }
    Fd from_parent;
    Fd to_parent;
    FileState state;
    status = root_.open_parent(from, O_RDONLY, false, from_parent);
    if (status.ok()) {
        status = look_in(from_parent.get(), from, state);
    }
    if (status.ok() && state.type == FileType::other) {
        status = unsupported_kind(from);
    }
    if (status.ok()) {
        status =
            root_.open_parent(to, O_RDONLY, req.condition != SYNCLINE_COND_IF_VERSION, to_parent);
        if (status.code() == SYNCLINE_E_NOT_FOUND) {
            status =
                write_status(ENOENT, "rename", to.text); // NOT_FOUND would mean the item to move
        }
    }
    FileState from_directory;
    FileState to_directory;
    if (status.ok() && (stat_fd(from_parent.get(), from_directory) != 0 ||
                        stat_fd(to_parent.get(), to_directory) != 0)) {
        status = errno_status(EIO, "examine the directory of", from.text);
    }
    if (!status.ok()) {
        return status;
    }
    // Both directories, always in the same order; one and the same only once.
    DirectoryLock first;
    DirectoryLock second;
    const bool from_is_first = from_directory.inode <= to_directory.inode;
    const Fd& low = from_is_first ? from_parent : to_parent;
    const Fd& high = from_is_first ? to_parent : from_parent;
    status = first.take(low.get(), call_, from.text);
    if (status.ok() && from_directory.inode != to_directory.inode) {
        status = second.take(high.get(), call_, to.text);
    }
    if (status.ok()) {
        status = look_in(from_parent.get(), from, state);
    }
    if (status.ok() && req.from_version.size != 0 &&
        !same_token(state, view_of(req.from_version))) {
        status = other_version(from, state);
    }
    if (status.ok()) {
        SYNCLINE_FS_FAILPOINT("before-rename");
        status = move(from_parent.get(), from, to_parent.get(), to, state, req);
        root_.recent_directories().forget();
        SYNCLINE_FS_FAILPOINT("after-rename");
    }
    if (!status.ok()) {
        return status;
    }
    const std::string to_name(to.leaf);
    FileState moved;
    if (const int error = stat_at(to_parent.get(), to_name.c_str(), moved)) {
        return Status::error(SYNCLINE_E_OUTCOME_UNKNOWN,
                             errno_status(error, "examine", to.text).message());
    }
    return push_written(moved, to.text, sink);
}

Status Writer::move(int from_parent, const Key& from, int to_parent, const Key& to,
                    const FileState& moving, const syncline_rename_req& req) {
    const std::string from_name(from.leaf);
    const std::string to_name(to.leaf);
    FileState there;
    const int error = stat_at(to_parent, to_name.c_str(), there);
    if (error != 0 && error != ENOENT) {
        return errno_status(error, "examine", to.text);
    }
    if (error == 0) {
        if (req.condition == SYNCLINE_COND_IF_ABSENT) {
            return version_moved(SYNCLINE_E_ALREADY_EXISTS, printable(to.text) + " already exists",
                                 to.text, there);
        }
        if (to.is_container || there.type == FileType::directory || there.type == FileType::other) {
            return version_moved(SYNCLINE_E_CONFLICT,
                                 "something is in the way of " + printable(to.text), to.text,
                                 there);
        }
        if (req.condition == SYNCLINE_COND_IF_VERSION &&
            !same_token(there, view_of(req.to_version))) {
            return other_version(to, there);
        }
        return move_over(from_parent, from, to_parent, to, moving, there);
    }
    if (req.condition == SYNCLINE_COND_IF_VERSION) {
        return Status::error(SYNCLINE_E_CONFLICT, printable(to.text) + " is not there any more");
    }
    if (!root_.tweaks().no_noreplace && !root_.lacks_noreplace.load(std::memory_order_relaxed)) {
        if (root_.tweaks().before_swap) {
            root_.tweaks().before_swap();
        }
        if (renameat2(from_parent, from_name.c_str(), to_parent, to_name.c_str(),
                      RENAME_NOREPLACE) != 0) {
            const int failed = errno;
            if (failed == EEXIST) {
                return Status::error(SYNCLINE_E_ALREADY_EXISTS,
                                     printable(to.text) + " already exists");
            }
            return is_unsupported(failed) ? Status::error(SYNCLINE_E_NOT_SUPPORTED,
                                                          "this file system cannot rename " +
                                                              printable(from.text) + " safely")
                                          : errno_status(failed, "rename", from.text);
        }
    } else if (renameat(from_parent, from_name.c_str(), to_parent, to_name.c_str()) != 0) {
        return errno_status(errno, "rename", from.text);
    }
    FileState moved;
    const bool is_expected = stat_at(to_parent, to_name.c_str(), moved) == 0 &&
                             (moving.type == FileType::directory ? moved.inode == moving.inode
                                                                 : same_content(moving, moved));
    if (is_expected) {
        return {};
    }
    renameat2(to_parent, to_name.c_str(), from_parent, from_name.c_str(), RENAME_NOREPLACE);
    return version_moved(SYNCLINE_E_CONFLICT,
                         printable(from.text) + " was changed by another program", from.text,
                         moved);
}

Status Writer::move_over(int from_parent, const Key& from, int to_parent, const Key& to,
                         const FileState& moving, const FileState& replaced) {
    const std::string from_name(from.leaf);
    const std::string to_name(to.leaf);
    if (moving.inode == replaced.inode) {
        // Two names of one file: renaming one over the other does nothing at all, so the old one is
        // removed.
        return unlinkat(from_parent, from_name.c_str(), 0) == 0
                   ? Status()
                   : errno_status(errno, "rename", from.text);
    }
    if (root_.tweaks().before_swap) {
        root_.tweaks().before_swap();
    }
    const auto swap = [&] {
        return renameat2(from_parent, from_name.c_str(), to_parent, to_name.c_str(),
                         RENAME_EXCHANGE) == 0
                   ? 0
                   : errno;
    };
    const bool can_exchange =
        !root_.tweaks().no_exchange && !root_.lacks_exchange.load(std::memory_order_relaxed);
    const int error = can_exchange ? swap() : EINVAL;
    if (is_unsupported(error)) {
        return renameat(from_parent, from_name.c_str(), to_parent, to_name.c_str()) == 0
                   ? Status()
                   : errno_status(errno, "rename", from.text);
    }
    if (error != 0) {
        return errno_status(error, "rename", from.text);
    }
    FileState displaced;
    FileState moved;
    if (stat_at(from_parent, from_name.c_str(), displaced) == 0 &&
        same_content(replaced, displaced) && stat_at(to_parent, to_name.c_str(), moved) == 0 &&
        same_content(moving, moved)) {
        unlinkat(from_parent, from_name.c_str(), 0);
        return {};
    }
    swap();
    return version_moved(SYNCLINE_E_CONFLICT,
                         printable(to.text) + " was changed by another program", to.text,
                         displaced);
}

Status Writer::set_meta(const syncline_put_req& req, const syncline_item_sink& sink) {
    Status status = check_allowed(req.condition);
    Key key;
    Wanted wanted;
    if (status.ok()) {
        status = read_request(req, key, wanted);
    }
    const bool checks = req.condition == SYNCLINE_COND_IF_VERSION;
    Fd parent;
    FileState state;
    if (status.ok()) {
        status = root_.open_parent(key, checks ? O_RDONLY : O_PATH, false, parent);
    }
    DirectoryLock lock; // of several conditional changes of one version only one may win
    if (status.ok() && checks) {
        status = lock.take(parent.get(), call_, key.text);
    }
    if (status.ok()) {
        status = look_in(parent.get(), key, state);
    }
    if (!status.ok()) {
        return status;
    }
    if (req.condition == SYNCLINE_COND_IF_ABSENT) {
        return version_moved(SYNCLINE_E_ALREADY_EXISTS, printable(key.text) + " exists", key.text,
                             state);
    }
    if (state.type == FileType::other) {
        return unsupported_kind(key);
    }
    if (state.type == FileType::directory) {
        return push_written(state, key.text, sink); // nothing of a container is stored
    }
    const std::string name(key.leaf);
    const std::string_view expected = view_of(req.expected_version);
    if (state.type == FileType::link) {
        if (checks && !same_token(state, expected)) {
            return other_version(key, state);
        }
        if (wanted.has_mtime) {
            if (const int error = set_link_mtime(parent.get(), name.c_str(), wanted.mtime_ns)) {
                return errno_status(error, "set the time of", key.text);
            }
        }
        const int error = stat_at(parent.get(), name.c_str(), state);
        return error == 0 ? push_written(state, key.text, sink)
                          : errno_status(error, "examine", key.text);
    }
    const Fd file(openat(parent.get(), name.c_str(),
                         O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file.valid()) {
        return errno_status(errno, "open", key.text);
    }
    if (const int error = stat_fd(file.get(), state)) {
        return errno_status(error, "examine", key.text);
    }
    if (state.type != FileType::file) {
        return unsupported_kind(key);
    }
    if (checks && !same_token(state, expected)) {
        return other_version(key, state);
    }
    SYNCLINE_FS_FAILPOINT("before-set-metadata");
    if (wanted.has_meta && ((state.mode & kOwnerExecute) != 0) != wanted.is_executable) {
        if (fchmod(file.get(),
                   mode_with_execute(state.mode & kPermissions, wanted.is_executable)) != 0) {
            return errno_status(errno, "set the permissions of", key.text);
        }
        SYNCLINE_FS_FAILPOINT("after-set-mode");
    }
    if (wanted.has_mtime && wanted.mtime_ns != state.mtime_ns) {
        if (const int error = set_mtime(file.get(), wanted.mtime_ns)) {
            return errno_status(error, "set the time of", key.text);
        }
    }
    SYNCLINE_FS_FAILPOINT("after-set-metadata");
    const int error = stat_fd(file.get(), state);
    return error == 0 ? push_written(state, key.text, sink)
                      : errno_status(error, "examine", key.text);
}

} // namespace syncline::fs
