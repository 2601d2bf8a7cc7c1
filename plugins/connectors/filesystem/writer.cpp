#include "writer.hpp"

#include "attributes.hpp"
#include "failpoint.hpp"
#include "reader.hpp"

#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr unsigned kPermissions = 0777;
constexpr unsigned kExecute = 0111;
constexpr unsigned kOwnerExecute = 0100;
constexpr unsigned kOwnerAccess = 0600;
constexpr int kAlwaysAttempts = 20;
// Bodies that are written in no time, so that nobody moves their directory away meanwhile except
// in a moment that no check could close either.
constexpr std::uint64_t kQuickBytes = std::uint64_t{256} << 10U;

bool takes_time(const syncline_item& item) {
    return (item.fields & SYNCLINE_ITEM_SIZE) == 0 || item.size > kQuickBytes;
}

std::string_view meta_value(const syncline_item& item, std::string_view name) {
    for (std::uint64_t i = 0; i < item.meta.count; ++i) {
        const syncline_kv& entry = item.meta.data[i];
        if (std::string_view(entry.name.data, entry.name.size) == name) {
            return view_of(entry.value);
        }
    }
    return {};
}

// What nobody understands allows nothing.
unsigned access_of(std::string_view digits) {
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (digits.size() != 2 || !is_octal(digits[0]) || !is_octal(digits[1])) {
        return 0;
    }
    return (static_cast<unsigned>(digits[0] - '0') << 3U | static_cast<unsigned>(digits[1] - '0')) &
           kAccessBits;
}

Status gone(std::string_view key) {
    return Status::error(SYNCLINE_E_CONFLICT, printable(key) + " is not there any more")
        .with(SYNCLINE_DETAIL_KEY, printable(key));
}

// What stands under the name of `key` may be neither replaced nor counted as the item already being
// there.
Status check_kind(const Key& key, const FileState& state) {
    const char* what = nullptr;
    if (state.type == FileType::other) {
        what = "something that is neither file, link nor directory";
    } else if (state.type == FileType::directory && !key.is_container) {
        what = "a directory";
    } else if (state.type != FileType::directory && key.is_container) {
        what = state.type == FileType::link ? "a symbolic link" : "a file";
    }
    if (what == nullptr) {
        return {};
    }
    return version_moved(SYNCLINE_E_CONFLICT,
                         std::string(what) + " is in the way of " + printable(key.text), key.text,
                         state);
}

} // namespace

unsigned mode_with_execute(unsigned mode, bool is_executable) {
    // Whoever may read may execute, as with chmod +x and a usual umask.
    return is_executable ? mode | (mode & 0444U) >> 2U | kOwnerExecute : mode & ~kExecute;
}

unsigned Writer::new_mode(const Wanted& wanted, bool is_executable) {
    return mode_with_execute(kOwnerAccess | wanted.access.value_or(kUsualAccess), is_executable);
}

Status Writer::check_allowed(std::uint32_t condition) const {
    if (is_dry_run(call_)) {
        return Status::error(SYNCLINE_E_INVALID_STATE, "a write was asked for in a dry run");
    }
    if (condition != SYNCLINE_COND_ALWAYS && condition != SYNCLINE_COND_IF_ABSENT &&
        condition != SYNCLINE_COND_IF_VERSION) {
        return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                             "unknown write condition " + std::to_string(condition));
    }
    return {};
}

Status Writer::read_request(const syncline_put_req& req, Key& key, Wanted& wanted) {
    Status status = parse_key(view_of(req.key), key);
    if (!status.ok()) {
        return status;
    }
    if (req.item == nullptr) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                             "a put without an item: " + printable(key.text));
    }
    const syncline_item& item = *req.item;
    wanted.kind = item.kind;
    wanted.has_mtime = (item.fields & SYNCLINE_ITEM_MTIME) != 0;
    wanted.mtime_ns = item.mtime_ns;
    wanted.has_meta = (item.fields & SYNCLINE_ITEM_META) != 0;
    if (wanted.has_meta) {
        wanted.is_executable = meta_value(item, SYNCLINE_META_EXECUTABLE) == "1";
        const std::string_view access = meta_value(item, SYNCLINE_META_ACCESS);
        if (!access.empty()) {
            wanted.access = access_of(access);
        }
    }
    if (wanted.kind != SYNCLINE_KIND_OBJECT && wanted.kind != SYNCLINE_KIND_CONTAINER &&
        wanted.kind != SYNCLINE_KIND_LINK) {
        return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                             "unknown kind of item: " + printable(key.text));
    }
    if (key.is_container != (wanted.kind == SYNCLINE_KIND_CONTAINER)) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                             "only the keys of containers end in '/': " + printable(key.text));
    }
    return {};
}

Status Writer::push_written(const FileState& state, std::string_view key,
                            const syncline_item_sink& sink) const {
    ItemHolder holder;
    holder.set_written(state, key, root_.settled_before_ns());
    return push(sink, holder.item());
}

Status Writer::put(const syncline_put_req& req, Body& body, const syncline_item_sink& sink) {
    Status status = check_allowed(req.condition);
    if (!status.ok()) {
        return status;
    }
    Key key;
    Wanted wanted;
    status = read_request(req, key, wanted);
    if (!status.ok()) {
        return status;
    }
    return key.is_container ? put_container(key, req, wanted, sink)
                            : put_entry(key, req, wanted, body, sink);
}

Status Writer::put_container(const Key& key, const syncline_put_req& req, const Wanted& wanted,
                             const syncline_item_sink& sink) {
    const std::uint32_t condition = req.condition;
    const std::string_view expected = view_of(req.expected_version);
    Fd parent;
    Status status = root_.open_parent(key, O_PATH, condition != SYNCLINE_COND_IF_VERSION, parent);
    if (!status.ok()) {
        return status.code() == SYNCLINE_E_NOT_FOUND ? gone(key.text) : std::move(status);
    }
    const std::string name(key.leaf);
    FileState state;
    if (condition == SYNCLINE_COND_IF_VERSION) {
        const int error = stat_at(parent.get(), name.c_str(), state);
        if (error == ENOENT || !expected.empty()) {
            return gone(key.text);
        }
        if (error != 0) {
            return write_status(error, "examine", key.text);
        }
        status = check_kind(key, state);
        return status.ok() ? push_written(state, key.text, sink) : std::move(status);
    }
    SYNCLINE_FS_FAILPOINT("before-make-directory");
    const int error = mkdirat(parent.get(), name.c_str(), new_mode(wanted, true)) == 0 ? 0 : errno;
    SYNCLINE_FS_FAILPOINT("after-make-directory");
    if (error != 0 && error != EEXIST) {
        return write_status(error, "create", key.text);
    }
    if (const int failed = stat_at(parent.get(), name.c_str(), state)) {
        return write_status(failed, "examine", key.text);
    }
    status = check_kind(key, state);
    if (!status.ok()) {
        return status;
    }
    if (error == EEXIST && condition == SYNCLINE_COND_IF_ABSENT) {
        return version_moved(SYNCLINE_E_ALREADY_EXISTS, printable(key.text) + " already exists",
                             key.text, state);
    }
    return push_written(state, key.text, sink);
}

Status Writer::put_entry(const Key& key, const syncline_put_req& req, const Wanted& wanted,
                         Body& body, const syncline_item_sink& sink) {
    // A new name needs no lock, for which O_PATH is enough and cheaper.
    const bool is_new = req.condition == SYNCLINE_COND_IF_ABSENT;
    RecentDirectories::Directory directory;
    Fd& parent = directory.fd;
    Status status;
    if (!is_new || !root_.recent_directories().take(key.parent, directory)) {
        status = root_.open_parent(key, is_new ? O_PATH : O_RDONLY,
                                   req.condition != SYNCLINE_COND_IF_VERSION, parent);
    }
    if (!status.ok()) {
        return status.code() == SYNCLINE_E_NOT_FOUND ? gone(key.text) : std::move(status);
    }
    const std::string name(key.leaf);
    FileState current;
    bool exists = false;
    if (!is_new) { // so that a lost condition costs no body
        const int error = stat_at(parent.get(), name.c_str(), current);
        if (error != 0 && error != ENOENT) {
            return write_status(error, "examine", key.text);
        }
        exists = error == 0;
        status = exists ? check_kind(key, current) : Status();
        if (status.ok() && req.condition == SYNCLINE_COND_IF_VERSION && !exists) {
            status = gone(key.text);
        }
        if (status.ok() && req.condition == SYNCLINE_COND_IF_VERSION &&
            !same_token(current, view_of(req.expected_version))) {
            status = version_moved(SYNCLINE_E_CONFLICT,
                                   printable(key.text) + " has another version", key.text, current);
        }
        if (!status.ok()) {
            return status;
        }
    }
    DirectoryLock lock; // outlives `staged`, whose clean-up needs it
    Staged staged(root_, parent.get());
    if (wanted.kind == SYNCLINE_KIND_LINK) {
        std::string target;
        status = body.read_text(PATH_MAX - 1, target);
        if (status.ok() && (target.empty() || target.find('\0') != std::string::npos)) {
            status = Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                                   "not a usable target of a link: " + printable(key.text));
        }
        if (status.ok()) {
            status = lock.take(parent.get(), call_, key.text);
        }
        if (status.ok()) {
            status = staged.make_link(target, key.text);
        }
        if (status.ok() && wanted.has_mtime) {
            const int error = set_link_mtime(parent.get(), staged.name(), wanted.mtime_ns);
            status = error == 0 ? Status() : write_status(error, "set the time of", key.text);
        }
    } else {
        const bool updates = exists && current.type == FileType::file;
        status = fill_file(staged, key, wanted, updates ? &current : nullptr, body);
        if (status.ok() && takes_time(*req.item)) {
            status = check_still_there(key, parent.get());
        }
    }
    if (status.ok()) {
        status = publish(staged, lock, parent.get(), key, req, exists);
    }
    if (!status.ok()) {
        return status;
    }
    FileState state;
    if (const int error = staged.state(name.c_str(), state)) {
        return Status::error(SYNCLINE_E_OUTCOME_UNKNOWN,
                             errno_status(error, "examine", key.text).message());
    }
    if (is_new) {
        root_.recent_directories().give_back(key.parent, std::move(directory));
    }
    return push_written(state, key.text, sink);
}

Status Writer::fill_file(Staged& staged, const Key& key, const Wanted& wanted,
                         const FileState* replaced, Body& body) const {
    unsigned mode = new_mode(wanted, wanted.is_executable);
    if (replaced != nullptr) {
        mode = replaced->mode & kPermissions;
        if (wanted.access) {
            mode &= ~kExecute & (~kAccessBits | *wanted.access);
        }
        if (wanted.has_meta) {
            mode = mode_with_execute(mode, wanted.is_executable);
        }
    }
    Status status = staged.open_file(mode, key.text);
    if (!status.ok()) {
        return status;
    }
    SYNCLINE_FS_FAILPOINT("before-write");
    status = body.copy_to(staged.fd());
    SYNCLINE_FS_FAILPOINT("after-write");
    if (!status.ok()) {
        return status;
    }
    if (replaced != nullptr) {
        keep_attributes(key, *replaced, staged.fd());
        FileState made;
        if (const int error = stat_fd(staged.fd(), made)) {
            return write_status(error, "examine", key.text);
        }
        // Only root may give files away; for anybody else the file simply becomes theirs, as with
        // any editor.
        const bool changes_owner = made.uid != replaced->uid || made.gid != replaced->gid;
        if (changes_owner && fchown(staged.fd(), replaced->uid, replaced->gid) != 0 &&
            errno != EPERM) {
            return write_status(errno, "set the owner of", key.text);
        }
        if ((made.mode & kPermissions) != mode && fchmod(staged.fd(), mode) != 0) {
            return write_status(errno, "set the permissions of", key.text);
        }
    }
    if (wanted.has_mtime) {
        if (const int error = set_mtime(staged.fd(), wanted.mtime_ns)) {
            return write_status(error, "set the time of", key.text);
        }
    }
    if (is_cancelled(call_)) {
        return cancelled_status();
    }
    // File systems make names durable before the content they stand for, so that a power cut
    // between publishing and the next flush could leave an empty or half a file under the name.
    if (fdatasync(staged.fd()) != 0 && errno != EINVAL) {
        return write_status(errno, "write to", key.text);
    }
    SYNCLINE_FS_FAILPOINT("after-sync-data");
    return {};
}

// The directory that was opened for `key` may have been moved since, even out of the root.
Status Writer::check_still_there(const Key& key, int parent) const {
    Fd now;
    FileState held;
    FileState found;
    const int error = root_.open_beneath(key.parent, O_PATH | O_DIRECTORY, now);
    if (error == 0 && stat_fd(parent, held) == 0 && stat_fd(now.get(), found) == 0 &&
        held.device == found.device && held.inode == found.inode) {
        return {};
    }
    return Status::error(SYNCLINE_E_CONFLICT, "the directory of " + printable(key.text) +
                                                  " was moved while it was written; nothing was "
                                                  "changed")
        .with(SYNCLINE_DETAIL_KEY, printable(key.text));
}

// Of the file that is written over: a program that edits it in place would keep them too.
void Writer::keep_attributes(const Key& key, const FileState& replaced, int to) const {
    Fd old;
    FileState state;
    if (root_.open_beneath(key.text, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, old) == 0 &&
        stat_fd(old.get(), state) == 0 && state.inode == replaced.inode) {
        copy_attributes(old.get(), to);
    }
}

Status Writer::publish(Staged& staged, DirectoryLock& lock, int parent, const Key& key,
                       const syncline_put_req& req, bool exists) {
    const std::string name(key.leaf);
    Status last;
    for (int attempt = 0; attempt < kAlwaysAttempts; ++attempt) {
        FileState current;
        if (!exists) {
            const int error = staged.publish_new(name.c_str(), lock);
            if (error == 0) {
                return {};
            }
            if (error != EEXIST) {
                return write_status(error, "create", key.text);
            }
            if (req.condition == SYNCLINE_COND_IF_ABSENT) {
                if (stat_at(parent, name.c_str(), current) != 0) {
                    current.type = FileType::file; // gone again: only the message needs it
                    return Status::error(SYNCLINE_E_ALREADY_EXISTS,
                                         printable(key.text) + " already existed");
                }
                last = check_kind(key, current);
                return last.ok() ? version_moved(SYNCLINE_E_ALREADY_EXISTS,
                                                 printable(key.text) + " already exists", key.text,
                                                 current)
                                 : std::move(last);
            }
        }
        Status status = lock.take(parent, call_, key.text);
        if (!status.ok()) {
            return status;
        }
        const int error = stat_at(parent, name.c_str(), current);
        if (error != 0 && error != ENOENT) {
            return write_status(error, "examine", key.text);
        }
        exists = error == 0;
        if (!exists) {
            if (req.condition == SYNCLINE_COND_IF_VERSION) {
                return gone(key.text);
            }
            continue;
        }
        status = check_kind(key, current);
        if (!status.ok()) {
            return status;
        }
        if (req.condition == SYNCLINE_COND_IF_VERSION &&
            !same_token(current, view_of(req.expected_version))) {
            return version_moved(SYNCLINE_E_CONFLICT, printable(key.text) + " has another version",
                                 key.text, current);
        }
        last = staged.replace(name.c_str(), current, key.text);
        if (last.ok() || last.code() != SYNCLINE_E_CONFLICT ||
            req.condition == SYNCLINE_COND_IF_VERSION) {
            return last;
        }
        if (staged.name()[0] == '\0') {
            return last; // withdrawn; a file without any name left cannot be given one again
        }
    }
    return last.ok() ? Status::error(SYNCLINE_E_LOCKED,
                                     "another program keeps changing " + printable(key.text))
                     : std::move(last);
}

} // namespace syncline::fs
