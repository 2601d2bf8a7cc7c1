#include "reader.hpp"

#include "attributes.hpp"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

Status absent(std::string_view key) {
    return Status::error(SYNCLINE_E_NOT_FOUND, "there is no " + printable(key))
        .with(SYNCLINE_DETAIL_KEY, printable(key));
}

Status changed(std::string_view key) {
    return Status::error(SYNCLINE_E_CONFLICT, printable(key) + " changed while it was read")
        .with(SYNCLINE_DETAIL_KEY, printable(key));
}

Status check_version(std::string_view if_version, const Key& key, const FileState& state) {
    if (if_version.empty() || same_token(state, if_version)) {
        return {};
    }
    return version_moved(SYNCLINE_E_CONFLICT, printable(key.text) + " has another version",
                         key.text, state);
}

Status no_body(std::string_view key) {
    return Status::error(SYNCLINE_E_NOT_SUPPORTED, printable(key) + " is neither a file nor a link")
        .with(SYNCLINE_DETAIL_KEY, printable(key));
}

Status refused(syncline_status status) { return status < 0 ? Status::error(status, "") : Status(); }

// Opening a FIFO must not wait for a writer, opening a terminal must not make it ours.
constexpr int kOpenForRead = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

} // namespace

Status push(const syncline_item_sink& sink, const syncline_item& item) {
    return refused(sink.items(&sink, &item, 1, sizeof item));
}

Status look_in(int parent, const Key& key, FileState& state) {
    const std::string name(key.leaf);
    const int error = stat_at(parent, name.c_str(), state);
    if (error == ENOENT ||
        (error == 0 && (state.type == FileType::directory) != key.is_container)) {
        return absent(key.text);
    }
    return error == 0 ? Status() : errno_status(error, "examine", key.text);
}

Status look_up(const Root& root, const Key& key, Fd& parent, FileState& state) {
    Status status = root.open_parent(key, O_PATH, false, parent);
    return status.ok() ? look_in(parent.get(), key, state) : std::move(status);
}

Status Reader::stat(std::string_view text, const syncline_item_sink& sink) const {
    Key key;
    Status status = parse_key(text, key);
    if (!status.ok()) {
        return status;
    }
    const std::int64_t settled_before_ns = root_.settled_before_ns();
    Fd parent;
    FileState state;
    const int error = root_.open_beneath(key.parent, O_PATH | O_DIRECTORY, parent);
    if (error == ENOENT || error == ENOTDIR || error == ELOOP) {
        return absent(
            key.text); // below a file or a link there is nothing; a mount point would prove nothing
    }
    status = error == 0 ? look_in(parent.get(), key, state)
                        : errno_status(error, "open the directory of", key.text);
    if (!status.ok()) {
        return status;
    }
    ItemHolder holder;
    holder.set_seen(state, key.text, settled_before_ns);
    if (state.type == FileType::directory &&
        (state.is_mount_root || state.device != root_.device())) {
        holder.add_flags(SYNCLINE_ITEM_UNREADABLE);
    }
    return push(sink, holder.item());
}

Status Reader::open_entry(const Key& key, Fd& out, bool& is_link) const {
    is_link = false;
    const int error = root_.open_beneath(key.text, kOpenForRead, out);
    if (error == ELOOP) {
        // Either the item itself is a link, or one is in the way.
        Fd parent;
        FileState state;
        Status status = look_up(root_, key, parent, state);
        if (status.ok() && state.type == FileType::link) {
            is_link = true;
            return {};
        }
        return status.ok() ? errno_status(error, "open", key.text) : std::move(status);
    }
    if (error == ENOTDIR) {
        return absent(key.text);
    }
    if (error == ENXIO) {
        return no_body(key.text);
    }
    return error == 0 ? Status() : errno_status(error, "open", key.text);
}

Status Reader::examine_file(int fd, const Key& key, std::string_view if_version,
                            FileState& state) const {
    if (const int error = stat_fd(fd, state)) {
        return errno_status(error, "examine", key.text);
    }
    if (state.type == FileType::other) {
        return no_body(key.text);
    }
    if (state.type == FileType::directory) {
        return absent(key.text);
    }
    return check_version(if_version, key, state);
}

Status Reader::get(const syncline_get_req& req, const syncline_get_sink& sink) const {
    Key key;
    Status status = parse_key(view_of(req.key), key);
    if (!status.ok()) {
        return status;
    }
    if (key.is_container) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                             "a container has no body: " + printable(key.text));
    }
    const std::int64_t settled_before_ns = root_.settled_before_ns();
    const std::string_view if_version = view_of(req.if_version);
    Fd file;
    bool is_link = false;
    status = open_entry(key, file, is_link);
    if (!status.ok()) {
        return status;
    }
    if (is_link) {
        return get_link(key, req, sink);
    }
    // The version that is asked for was seen before now. If it still holds after a body was read in
    // one piece, it held all the while, and looking once is enough.
    const Buffer buffer;
    ssize_t read_ahead = -1;
    if (!if_version.empty() && req.offset == 0) {
        read_ahead = pread(file.get(), buffer.data(), Buffer::kSize, 0);
    }
    FileState state;
    status = examine_file(file.get(), key, if_version, state);
    if (!status.ok()) {
        return status;
    }
    ItemHolder holder;
    holder.set_seen(state, key.text, settled_before_ns);
    holder.add_flags(attribute_flags(file.get()));
    status = refused(sink.begin(&sink, &holder.item()));
    if (!status.ok()) {
        return status;
    }
    const std::uint64_t begin = std::min(req.offset, state.size);
    const std::uint64_t end = req.length < state.size - begin ? begin + req.length : state.size;
    if (read_ahead >= 0 && static_cast<std::uint64_t>(read_ahead) == state.size) {
        return end == 0 ? Status() : refused(sink.write(&sink, buffer.data(), end));
    }
    return stream(file.get(), key.text, state, begin, end, buffer, sink);
}

Status Reader::stream(int fd, std::string_view key, const FileState& before, std::uint64_t offset,
                      std::uint64_t end, const Buffer& buffer,
                      const syncline_get_sink& sink) const {
    while (offset < end) {
        const std::size_t want =
            static_cast<std::size_t>(std::min<std::uint64_t>(Buffer::kSize, end - offset));
        const ssize_t got = pread(fd, buffer.data(), want, static_cast<off_t>(offset));
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return errno_status(errno, "read", key);
        }
        if (got == 0) {
            return changed(key); // shorter than it was
        }
        const Status status =
            refused(sink.write(&sink, buffer.data(), static_cast<std::uint64_t>(got)));
        if (!status.ok()) {
            return Status::error(status.code(), "");
        }
        offset += static_cast<std::uint64_t>(got);
        if (offset < end && is_cancelled(call_)) {
            return cancelled_status();
        }
        if (root_.tweaks().during_copy) {
            root_.tweaks().during_copy();
        }
    }
    FileState after;
    if (const int error = stat_fd(fd, after)) {
        return errno_status(error, "examine", key);
    }
    return token_of(after) == token_of(before) ? Status() : changed(key);
}

Status Reader::get_link(const Key& key, const syncline_get_req& req,
                        const syncline_get_sink& sink) const {
    const std::int64_t settled_before_ns = root_.settled_before_ns();
    Fd parent;
    FileState state;
    Status status = look_up(root_, key, parent, state);
    if (!status.ok()) {
        return status;
    }
    const std::string name(key.leaf);
    char target[PATH_MAX];
    const ssize_t length = readlinkat(parent.get(), name.c_str(), target, sizeof target);
    if (length < 0) {
        return errno == EINVAL ? changed(key.text) : errno_status(errno, "read the link", key.text);
    }
    FileState after;
    if (stat_at(parent.get(), name.c_str(), after) != 0 || token_of(after) != token_of(state)) {
        return changed(key.text);
    }
    status = check_version(view_of(req.if_version), key, state);
    if (!status.ok()) {
        return status;
    }
    state.size = static_cast<std::uint64_t>(length);
    ItemHolder holder;
    holder.set_seen(after, key.text, settled_before_ns);
    status = refused(sink.begin(&sink, &holder.item()));
    if (!status.ok()) {
        return status;
    }
    const std::uint64_t begin = std::min(req.offset, state.size);
    const std::uint64_t count = std::min(req.length, state.size - begin);
    return count == 0 ? Status() : refused(sink.write(&sink, target + begin, count));
}

Status Reader::open_body(const syncline_get_req& req, const syncline_item_sink& sink,
                         Fd& out) const {
    Key key;
    Status status = parse_key(view_of(req.key), key);
    if (!status.ok()) {
        return status;
    }
    if (key.is_container) {
        return Status::error(SYNCLINE_E_INVALID_ARGUMENT,
                             "a container has no body: " + printable(key.text));
    }
    const std::int64_t settled_before_ns = root_.settled_before_ns();
    Fd file;
    bool is_link = false;
    status = open_entry(key, file, is_link);
    if (!status.ok()) {
        return status;
    }
    if (is_link) {
        return Status::error(SYNCLINE_E_NOT_SUPPORTED,
                             "a link has no file behind its body: " + printable(key.text));
    }
    FileState state;
    status = examine_file(file.get(), key, view_of(req.if_version), state);
    if (!status.ok()) {
        return status;
    }
    ItemHolder holder;
    holder.set_seen(state, key.text, settled_before_ns);
    holder.add_flags(attribute_flags(file.get()));
    status = push(sink, holder.item());
    if (status.ok()) {
        out = std::move(file);
    }
    return status;
}

} // namespace syncline::fs
