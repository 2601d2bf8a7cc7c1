#include "lister.hpp"

#include "attributes.hpp"
#include "leftovers.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

namespace syncline::fs {

namespace {

constexpr std::size_t kDirectoryBuffer = 64 * 1024;
constexpr std::size_t kKeyArena = 64 * 1024;
// Asking the host costs next to nothing, a look at an entry costs about 1.5 µs.
constexpr std::size_t kEntriesPerCancelCheck = 64;

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

// Where a name stands among its siblings; a directory stands where "name/" does.
std::uint64_t head_of(std::string_view name, bool is_directory) {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof out; ++i) {
        const unsigned char byte = i < name.size() ? static_cast<unsigned char>(name[i])
                                   : i == name.size() && is_directory ? '/'
                                                                      : 0;
        out = out << 8U | byte;
    }
    return out;
}

int compare_names(std::string_view a, bool a_is_directory, std::string_view b,
                  bool b_is_directory) {
    const std::size_t common = std::min(a.size(), b.size());
    if (const int order = std::memcmp(a.data(), b.data(), common)) {
        return order;
    }
    const auto next = [common](std::string_view name, bool is_directory) {
        return common < name.size() ? static_cast<unsigned char>(name[common])
               : is_directory       ? '/'
                                    : 0;
    };
    const int order = next(a, a_is_directory) - next(b, b_is_directory);
    // Equal next bytes mean that one is "x" as a directory and the other begins with "x/":
    // impossible among names.
    return order;
}

} // namespace

Lister::Lister(const Root& root, const syncline_call* call, const syncline_item_sink& sink)
    : root_(root), call_(call), sink_(sink), settled_before_ns_(root.settled_before_ns()) {}

Status Lister::run(const ListRequest& request) {
    request_ = request;
    const std::size_t page = std::min<std::size_t>(kPageItems, request.max_items);
    items_.resize(page);
    tokens_.resize(page);
    ids_.resize(page);
    key_arena_.resize(kKeyArena);
    directory_buffer_.resize(kDirectoryBuffer);
    bool found = false;
    Status status = enter_start(request.prefix, found);
    if (status.ok() && found && !stopped_) {
        status = walk();
    }
    if (!status.ok()) {
        return status;
    }
    status = flush();
    if (status.ok() && truncated_) {
        const syncline_status answer = sink_.next(&sink_, bytes_of(last_key_));
        if (answer < 0) {
            return Status::error(answer, "");
        }
    }
    return status;
}

// Opens the deepest directory that holds all of the prefix, so that nothing else is even read.
Status Lister::enter_start(std::string_view prefix, bool& found) {
    const std::size_t cut = prefix.rfind('/');
    const std::string_view directory =
        cut == std::string_view::npos ? std::string_view() : prefix.substr(0, cut + 1);
    name_prefix_ = prefix.substr(directory.size());
    start_key_length_ = directory.size();
    key_ = directory;
    Level level;
    if (!directory.empty()) {
        Key parsed;
        if (!parse_key(directory, parsed).ok()) {
            return {}; // no item can have such a key
        }
        if (!wants_below(directory)) {
            return {};
        }
    }
    int error = root_.open_beneath(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, level.fd);
    if (!directory.empty() && (error == ENOENT || error == ENOTDIR || error == ELOOP)) {
        return {};
    }
    FileState state;
    if (error == 0) {
        error = stat_fd(level.fd.get(), state);
    }
    if (error == 0 && state.device != root_.device()) {
        error = EXDEV;
    }
    bool cancelled = false;
    if (error == 0) {
        error = read_names(level.fd.get(), cancelled);
    }
    if (cancelled) {
        return cancelled_status();
    }
    if (error != 0) {
        if (directory.empty()) {
            return error == ENOENT
                       ? Status::error(SYNCLINE_E_NOT_FOUND, "the directory " +
                                                                 printable(root_.settings().path) +
                                                                 " is gone")
                       : errno_status(error, "read the directory", root_.settings().path);
        }
        if (wants(directory)) {
            return emit_raw(directory, SYNCLINE_KIND_CONTAINER, 0);
        }
        return errno_status(error, "read the directory", directory);
    }
    level.device = state.device;
    level.inode = state.inode;
    level.key_length = directory.size();
    levels_.push_back(std::move(level));
    found = true;
    return !directory.empty() && wants(directory) ? emit(state, directory, 0) : Status();
}

// Appends the sorted entries of `fd`. 0 or an errno; then nothing was appended.
int Lister::read_names(int fd, bool& cancelled) {
    const std::size_t first_entry = entries_.size();
    const std::size_t first_name = names_.size();
    for (;;) {
        const ssize_t got = getdents64(fd, directory_buffer_.data(), directory_buffer_.size());
        cancelled = is_cancelled(call_);
        if (got == 0 && !cancelled) {
            break;
        }
        if (got < 0 || cancelled) {
            const int error = got < 0 ? errno : ECANCELED;
            entries_.resize(first_entry);
            names_.resize(first_name);
            return error;
        }
        for (ssize_t at = 0; at < got;) {
            const char* raw = directory_buffer_.data() + at;
            unsigned short record = 0;
            std::memcpy(&record, raw + offsetof(dirent64, d_reclen), sizeof record);
            const char* name = raw + offsetof(dirent64, d_name);
            add_entry(name, static_cast<unsigned char>(raw[offsetof(dirent64, d_type)]), fd);
            at += record;
        }
        if (names_.size() > UINT32_MAX - (1U << 20U)) {
            entries_.resize(first_entry);
            names_.resize(first_name);
            return ENOMEM; // offsets into the arena are 32 bits wide
        }
    }
    // In the start directory of a prefix only some names count.
    if (levels_.empty() && !name_prefix_.empty()) {
        const auto drop = [this](const Entry& entry) {
            const std::string_view name(name_of(entry), entry.length);
            return !starts_with(name, name_prefix_);
        };
        entries_.erase(std::remove_if(entries_.begin() + static_cast<std::ptrdiff_t>(first_entry),
                                      entries_.end(), drop),
                       entries_.end());
    }
    sort_entries(first_entry);
    return 0;
}

void Lister::add_entry(std::string_view name, unsigned char type, int fd) {
    if (name == "." || name == "..") {
        return;
    }
    Hint hint = Hint::unknown;
    switch (type) {
    case DT_REG:
        hint = Hint::file;
        break;
    case DT_DIR:
        hint = Hint::directory;
        break;
    case DT_LNK:
        hint = Hint::link;
        break;
    case DT_UNKNOWN: {
        // Order depends on what is a directory, so this has to be known before sorting.
        FileState state;
        const int error = stat_at(fd, std::string(name).c_str(), state);
        if (error == ENOENT) {
            return;
        }
        if (error == 0) {
            hint = state.type == FileType::file        ? Hint::file
                   : state.type == FileType::directory ? Hint::directory
                   : state.type == FileType::link      ? Hint::link
                                                       : Hint::other;
        }
        break;
    }
    default:
        hint = Hint::other;
        break;
    }
    if (is_temp_name(name) && hint != Hint::directory) {
        if (!is_dry_run(call_)) {
            remove_leftover(fd, std::string(name).c_str());
        }
        return;
    }
    if (hint == Hint::unknown) {
        // It could be either; both keys are unknown, and so is everything below the second.
        push_entry(name, Hint::directory);
        hint = Hint::file;
    }
    push_entry(name, hint);
}

void Lister::push_entry(std::string_view name, Hint hint) {
    Entry entry{};
    entry.head = head_of(name, hint == Hint::directory);
    entry.name = static_cast<std::uint32_t>(names_.size());
    entry.length = static_cast<std::uint16_t>(name.size());
    entry.hint = hint;
    entries_.push_back(entry);
    names_.insert(names_.end(), name.begin(), name.end());
    names_.push_back('\0');
}

void Lister::sort_entries(std::size_t first) {
    const auto begin = entries_.begin() + static_cast<std::ptrdiff_t>(first);
    const auto compare = [this](const Entry& a, const Entry& b) {
        return compare_names({name_of(a), a.length}, a.hint == Hint::directory,
                             {name_of(b), b.length}, b.hint == Hint::directory);
    };
    std::sort(begin, entries_.end(), [&](const Entry& a, const Entry& b) {
        return a.head != b.head ? a.head < b.head : compare(a, b) < 0;
    });
    // A directory that changes while it is read may show a name twice.
    const auto same = [&](const Entry& a, const Entry& b) {
        return a.head == b.head && compare(a, b) == 0;
    };
    entries_.erase(std::unique(begin, entries_.end(), same), entries_.end());
}

Status Lister::walk() {
    if (root_.tweaks().before_descending) {
        root_.tweaks().before_descending();
    }
    std::size_t visited = 0;
    while (!levels_.empty() && !stopped_) {
        Level& level = levels_.back();
        if (level.next_entry == entries_.size()) {
            pop_level();
            continue;
        }
        if (visited++ % kEntriesPerCancelCheck == 0 && is_cancelled(call_)) {
            return cancelled_status();
        }
        const Entry entry = entries_[level.next_entry++];
        Status status = visit(level, entry);
        if (!status.ok()) {
            return status;
        }
    }
    return {};
}

std::string_view Lister::set_key(const Level& level, const Entry& entry) {
    key_.resize(level.key_length);
    key_.append(name_of(entry), entry.length);
    if (entry.hint == Hint::directory) {
        key_ += '/';
    }
    return key_;
}

bool Lister::wants(std::string_view key) const {
    return key > request_.after && starts_with(key, request_.prefix);
}

bool Lister::wants_below(std::string_view container) const {
    return (container > request_.after || starts_with(request_.after, container)) &&
           (starts_with(container, request_.prefix) || starts_with(request_.prefix, container));
}

Status Lister::visit(Level& level, const Entry& entry) {
    const std::string_view key = set_key(level, entry);
    const bool is_directory = entry.hint == Hint::directory;
    if (!wants(key) && !(is_directory && wants_below(key))) {
        return {};
    }
    if (!level.fd.valid() && !reopen(level)) {
        return emit_unknown(entry, "its directory was moved away during the listing");
    }
    if (is_directory) {
        return visit_directory(level, entry, key.size());
    }
    FileState state;
    const int error = stat_at(level.fd.get(), name_of(entry), state);
    if (error == ENOENT) {
        return {};
    }
    if (error != 0) {
        return emit_unknown(entry, std::strerror(error));
    }
    if (state.type == FileType::directory) {
        return emit_unknown(entry, "it became a directory during the listing");
    }
    return emit(state, key, 0);
}

Status Lister::visit_directory(Level& level, const Entry& entry, std::size_t key_length) {
    if (is_temp_name({name_of(entry), entry.length})) {
        return emit_unknown(entry,
                            "directories of this name cannot be synced, the name is reserved");
    }
    Level below;
    below.fd.reset(
        openat(level.fd.get(), name_of(entry), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    int error = below.fd.valid() ? 0 : errno;
    if (error == ENOENT) {
        return {};
    }
    FileState state;
    if (error == 0) {
        error = stat_fd(below.fd.get(), state);
    }
    if (error == 0 && (state.device != root_.device() || state.is_mount_root)) {
        return emit_unknown(entry, "it is a mount point", SYNCLINE_ITEM_MOUNT_POINT);
    }
    below.device = state.device;
    below.inode = state.inode;
    below.key_length = key_length;
    below.first_entry = entries_.size();
    below.next_entry = entries_.size();
    below.first_name = names_.size();
    const std::string_view key(key_);
    if (error == 0 && wants_below(key)) {
        bool cancelled = false;
        error = read_names(below.fd.get(), cancelled);
        if (cancelled) {
            return cancelled_status();
        }
        if (error == ENOENT) {
            return {}; // removed between both calls
        }
    }
    if (error != 0) {
        return emit_unknown(entry, error == ENOTDIR || error == ELOOP
                                       ? "it changed its kind during the listing"
                                       : std::strerror(error));
    }
    Status status = wants(key) ? emit(state, key, attribute_flags(below.fd.get())) : Status();
    if (!status.ok() || stopped_) {
        return status;
    }
    levels_.push_back(std::move(below)); // invalidates `level`
    close_far_levels();
    return {};
}

void Lister::close_far_levels() {
    if (levels_.size() > kMaxOpen) {
        levels_[levels_.size() - kMaxOpen - 1].fd.reset();
    }
}

bool Lister::reopen(Level& level) {
    Fd fd;
    FileState state;
    const std::string_view path = std::string_view(key_).substr(0, level.key_length);
    if (root_.open_beneath(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, fd) != 0 ||
        stat_fd(fd.get(), state) != 0 || state.inode != level.inode ||
        state.device != level.device) {
        return false;
    }
    level.fd = std::move(fd);
    return true;
}

void Lister::pop_level() {
    entries_.resize(levels_.back().first_entry);
    names_.resize(levels_.back().first_name);
    levels_.pop_back();
}

Status Lister::room_for(std::size_t key_bytes) {
    if (count_ == items_.size() || (count_ > 0 && keys_used_ + key_bytes > key_arena_.size())) {
        Status status = flush();
        if (!status.ok() || stopped_) {
            return status;
        }
    }
    if (emitted_ + count_ >= request_.max_items) {
        Status status = flush();
        stopped_ = true;
        truncated_ = true;
        return status;
    }
    if (key_bytes > key_arena_.size()) {
        key_arena_.resize(key_bytes);
    }
    return {};
}

Status Lister::emit(const FileState& state, std::string_view key, std::uint64_t flags) {
    Status status = room_for(key.size());
    if (!status.ok() || stopped_) {
        return status;
    }
    char* copy = key_arena_.data() + keys_used_;
    std::memcpy(copy, key.data(), key.size());
    keys_used_ += key.size();
    syncline_item& item = items_[count_];
    make_item(state, {copy, key.size()}, settled_before_ns_, tokens_[count_], ids_[count_], item);
    item.flags |= flags;
    ++count_;
    return {};
}

Status Lister::emit_unknown(const Entry& entry, const char* why, std::uint64_t flags) {
    const std::string_view key = set_key(levels_.back(), entry);
    root_.log(SYNCLINE_LOG_WARNING, "not readable: " + printable(key) + ": " + why);
    const std::uint32_t kind = entry.hint == Hint::directory ? SYNCLINE_KIND_CONTAINER
                               : entry.hint == Hint::file    ? SYNCLINE_KIND_OBJECT
                               : entry.hint == Hint::link    ? SYNCLINE_KIND_LINK
                                                             : 0;
    return wants(key) ? emit_raw(key, kind, flags) : Status();
}

Status Lister::emit_raw(std::string_view key, std::uint32_t kind, std::uint64_t flags) {
    FileState nothing;
    Status status = emit(nothing, key, SYNCLINE_ITEM_UNREADABLE | flags);
    if (status.ok() && !stopped_) {
        items_[count_ - 1].kind = kind;
    }
    return status;
}

Status Lister::flush() {
    if (count_ == 0) {
        return {};
    }
    last_key_ = view_of(items_[count_ - 1].key);
    const syncline_status answer = sink_.items(&sink_, items_.data(), count_, sizeof items_[0]);
    emitted_ += count_;
    count_ = 0;
    keys_used_ = 0;
    if (answer < 0) {
        return Status::error(answer, "");
    }
    if (answer == SYNCLINE_STOP) {
        stopped_ = true;
        truncated_ = true;
    }
    return {};
}

} // namespace syncline::fs
