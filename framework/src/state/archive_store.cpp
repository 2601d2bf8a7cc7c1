#include "state/archive_store.hpp"

#include "syncline/core/failpoint.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/io_buffer.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace syncline::state {
namespace {

namespace fs = std::filesystem;
using sqlite::Database;
using sqlite::Statement;

constexpr std::size_t kDigestBytes = 32;
constexpr std::size_t kReadBytes = std::size_t{256} << 10U;
constexpr std::size_t kKernelCopyStep = std::size_t{16} << 20U;
// More files than this are made durable by one call for the whole file system.
constexpr std::size_t kMostSingleSyncs = 8;
// Contents dropped in one transaction, during which no other process can write to the state file.
constexpr std::int64_t kDroppedAtOnce = 256;
// Room is made for more than one content at a time: a share of the whole.
constexpr std::uint64_t kRoomShare = 64;

Status cancelled() { return {Code::cancelled, "interrupted"}; }

struct Digests {
    Bytes sha256;
    Bytes content_hash;
};

// Of the first `size` bytes, which must be all.
Result<Digests> digests_of(int fd, std::uint64_t size, const fs::path& file,
                           const std::stop_token& stop) {
    Sha256Hasher address;
    ContentHasher content;
    const IoBuffer buffer(kReadBytes);
    std::uint64_t at = 0;
    for (;;) {
        if (stop.stop_requested()) {
            return cancelled();
        }
        const ssize_t got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return status_of_errno(errno, "read", file);
        }
        if (got == 0) {
            break;
        }
        address.update(buffer.data(), static_cast<std::size_t>(got));
        content.update(buffer.data(), static_cast<std::size_t>(got));
        at += static_cast<std::uint64_t>(got);
    }
    if (at != size) {
        return Status(Code::integrity, "'" + display_key(file.native()) + "' has " +
                                           std::to_string(at) + " bytes instead of " +
                                           std::to_string(size));
    }
    return Digests{address.digest(), content.digest()};
}

Status write_all(int fd, const char* data, std::size_t size, const fs::path& file) {
    while (size > 0) {
        const ssize_t written = ::write(fd, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return status_of_errno(errno, "write to the archive", file);
        }
        data += written;
        size -= static_cast<std::size_t>(written);
    }
    return {};
}

// By the cheapest way that works between the two: shared blocks, a copy inside the kernel, a copy
// through memory. The number of bytes copied.
Result<std::uint64_t> copy_file(int from, int to, const fs::path& file,
                                const std::stop_token& stop) {
    struct stat found {};
    if (::fstat(from, &found) != 0) {
        return status_of_errno(errno, "examine what goes into the archive as", file);
    }
    if (!S_ISREG(found.st_mode)) {
        return Status(Code::not_supported, "what is to be archived is no regular file");
    }
    if (::ioctl(to, FICLONE, from) == 0) {
        struct stat copied {};
        return ::fstat(to, &copied) == 0
                   ? Result<std::uint64_t>(static_cast<std::uint64_t>(copied.st_size))
                   : status_of_errno(errno, "examine", file);
    }
    std::uint64_t at = 0;
    for (bool in_kernel = true; in_kernel;) {
        if (stop.stop_requested()) {
            return cancelled();
        }
        auto offset = static_cast<off64_t>(at);
        const ssize_t got = ::copy_file_range(from, &offset, to, nullptr, kKernelCopyStep, 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EFBIG || errno == EIO)) {
            return status_of_errno(errno, "write to the archive", file);
        }
        in_kernel = got > 0;
        at += got > 0 ? static_cast<std::uint64_t>(got) : 0;
    }
    const IoBuffer buffer(kReadBytes);
    for (;;) {
        if (stop.stop_requested()) {
            return cancelled();
        }
        const ssize_t got = ::pread(from, buffer.data(), buffer.size(), static_cast<off_t>(at));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return status_of_errno(errno, "read what goes into the archive as", file);
        }
        if (got == 0) {
            return at;
        }
        SYNCLINE_TRY(write_all(to, buffer.data(), static_cast<std::size_t>(got), file));
        at += static_cast<std::uint64_t>(got);
    }
}

// The digest that a file name of `incoming` begins with; empty: it is a temporary one.
Bytes digest_in(const std::string& name) {
    Bytes digest;
    if (name.size() < 2 * kDigestBytes) {
        return digest;
    }
    for (std::size_t i = 0; i < kDigestBytes; ++i) {
        int byte = 0;
        for (const char c : {name[2 * i], name[2 * i + 1]}) {
            const std::size_t digit = std::string_view("0123456789abcdef").find(c);
            if (digit == std::string_view::npos) {
                return {};
            }
            byte = byte * 16 + static_cast<int>(digit);
        }
        digest.push_back(static_cast<char>(byte));
    }
    return digest;
}

// What is written while this lives is durable when it is committed; else with the next that is.
class DurableWrites {
public:
    static Result<DurableWrites> begin(Database& database) {
        SYNCLINE_TRY(database.execute("PRAGMA synchronous = FULL"));
        return DurableWrites(database);
    }
    DurableWrites(DurableWrites&& from) noexcept
        : database_(std::exchange(from.database_, nullptr)) {}
    DurableWrites& operator=(DurableWrites&&) = delete;
    ~DurableWrites() {
        if (database_ != nullptr) {
            (void)database_->execute("PRAGMA synchronous = NORMAL");
        }
    }

private:
    explicit DurableWrites(Database& database) : database_(&database) {}
    Database* database_;
};

class FileBody final : public ArchivedBody {
public:
    FileBody(FileDescriptor file, fs::path path, std::uint64_t size)
        : file_(std::move(file)), path_(std::move(path)), size_(size) {}

    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read(char* buffer, std::size_t capacity) override {
        for (;;) {
            const ssize_t got = ::pread(file_.get(), buffer, capacity, static_cast<off_t>(at_));
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return status_of_errno(errno, "read", path_);
            }
            at_ += static_cast<std::uint64_t>(got);
            return static_cast<std::size_t>(got);
        }
    }
    Status rewind() override {
        at_ = 0;
        return {};
    }
    int fd() const override { return file_.get(); }

private:
    FileDescriptor file_;
    fs::path path_;
    std::uint64_t size_;
    std::uint64_t at_ = 0;
};

} // namespace

// A file of `incoming`, removed with this unless it was handed over.
class FileArchiveStore::Incoming {
public:
    Incoming(FileArchiveStore& store, FileDescriptor file, fs::path path)
        : store_(store), file_(std::move(file)), path_(std::move(path)) {}
    ~Incoming() {
        if (!path_.empty()) {
            ::unlink(path_.c_str());
            const std::lock_guard lock(store_.mutex_);
            store_.end_incoming();
        }
    }
    Incoming(const Incoming&) = delete;
    Incoming& operator=(const Incoming&) = delete;

    int fd() const { return file_.get(); }
    const fs::path& path() const { return path_; }
    void hand_over() { path_.clear(); }

private:
    FileArchiveStore& store_;
    FileDescriptor file_;
    fs::path path_;
};

class FileArchiveStore::Writer final : public ArchiveWriter {
public:
    Writer(FileArchiveStore& store, std::unique_ptr<Incoming> incoming, std::uint64_t most)
        : store_(store), incoming_(std::move(incoming)), most_(most) {}

    Status write(BytesView bytes) override {
        if (bytes.size() > most_ - content_.size) {
            return store_.too_large(content_.size + bytes.size());
        }
        SYNCLINE_TRY(write_all(incoming_->fd(), bytes.data(), bytes.size(), incoming_->path()));
        address_.update(bytes.data(), bytes.size());
        hash_.update(bytes.data(), bytes.size());
        content_.size += bytes.size();
        return {};
    }
    Result<ArchivedContent> finish() override {
        content_.digest = address_.digest();
        content_.content_hash = hash_.digest();
        return store_.accept(*incoming_, std::move(content_));
    }

private:
    FileArchiveStore& store_;
    std::unique_ptr<Incoming> incoming_;
    const std::uint64_t most_;
    ArchivedContent content_;
    Sha256Hasher address_;
    ContentHasher hash_;
};

void FileArchiveStore::set_limits(const ArchiveLimits& limits) {
    const std::lock_guard lock(mutex_);
    limits_ = limits;
}

Status FileArchiveStore::too_large(std::uint64_t size) const {
    return {Code::too_large, "more than the archive keeps of one item (" + display_size(size) +
                                 ", at most " + display_size(limits_.max_item_bytes) + ")"};
}

fs::path FileArchiveStore::path_of(BytesView digest) const {
    const std::string hex = to_hex(digest);
    return directory_ / hex.substr(0, 2) / hex.substr(2);
}

Status FileArchiveStore::open() {
    if (database_) {
        return {};
    }
    SYNCLINE_TRY(make_private_directory(directory_));
    SYNCLINE_TRY(make_private_directory(directory_ / "incoming"));
    SYNCLINE_STATE_ASSIGN(lock_, open_private_file(directory_ / "lock", 0));
    SYNCLINE_STATE_ASSIGN(Database database,
                          Database::open(state_file_, sqlite::OpenMode::read_write));
    SYNCLINE_TRY(database.execute("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -512;"
                                  "PRAGMA journal_size_limit = 67108864"));
    SYNCLINE_STATE_ASSIGN(const std::int64_t total,
                          database.query_integer("SELECT coalesce(sum(size), 0) FROM archived"));
    total_bytes_ = static_cast<std::uint64_t>(total);
    opened_wall_ns_ = clock_.wall_ns();
    database_ = std::move(database);
    return tidy_incoming();
}

// What another process may still need is left to it.
Status FileArchiveStore::tidy_incoming() {
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        return {};
    }
    Status status;
    std::error_code error;
    for (fs::directory_iterator at(directory_ / "incoming", error), end; !error && at != end;
         at.increment(error)) {
        const Bytes digest = digest_in(at->path().filename().native());
        bool is_entered = false;
        if (!digest.empty()) {
            Result<Statement> find = database_->prepare("SELECT 1 FROM archived WHERE digest = ?1");
            if (find.ok()) {
                find->bind(1, digest);
                const Result<bool> row = find->step();
                is_entered = row.ok() && *row;
                status = row.status();
            } else {
                status = find.status();
            }
        }
        if (!status.ok()) {
            break;
        }
        if (is_entered) {
            status = move_to_place(at->path(), digest);
        } else {
            ::unlink(at->path().c_str());
        }
    }
    ::flock(lock_.get(), LOCK_UN);
    return status;
}

Status FileArchiveStore::move_to_place(const fs::path& file, BytesView digest) const {
    const fs::path place = path_of(digest);
    SYNCLINE_FAILPOINT("archive.before-move");
    int error = ::rename(file.c_str(), place.c_str()) == 0 ? 0 : errno;
    if (error == ENOENT) {
        SYNCLINE_TRY(make_private_directory(place.parent_path()));
        error = ::rename(file.c_str(), place.c_str()) == 0 ? 0 : errno;
    }
    SYNCLINE_FAILPOINT("archive.after-move");
    return error == 0 ? Status() : status_of_errno(error, "put into the archive", place);
}

// The first file of this process in `incoming` takes the lock, the last one gives it back.
Status FileArchiveStore::begin_incoming() {
    if (incoming_ == 0) {
        while (::flock(lock_.get(), LOCK_SH) != 0) {
            if (errno != EINTR) {
                return status_of_errno(errno, "lock", directory_ / "lock");
            }
        }
    }
    ++incoming_;
    return {};
}

void FileArchiveStore::end_incoming() {
    if (--incoming_ == 0) {
        ::flock(lock_.get(), LOCK_UN);
    }
}

Result<std::unique_ptr<FileArchiveStore::Incoming>>
FileArchiveStore::new_incoming(std::uint64_t size) {
    const std::lock_guard lock(mutex_);
    if (size != kUnknownSize && size > limits_.max_item_bytes) {
        return too_large(size);
    }
    SYNCLINE_TRY(open());
    SYNCLINE_TRY(begin_incoming());
    for (;;) {
        const fs::path path =
            directory_ / "incoming" /
            ("tmp-" + std::to_string(::getpid()) + "-" + std::to_string(next_name_++));
        const int fd =
            ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd >= 0) {
            return std::make_unique<Incoming>(*this, FileDescriptor(fd), path);
        }
        if (errno != EEXIST) {
            Status status = status_of_errno(errno, "create", path);
            end_incoming();
            return status;
        }
    }
}

Result<std::unique_ptr<ArchiveWriter>> FileArchiveStore::put(std::uint64_t size) {
    SYNCLINE_STATE_ASSIGN(std::unique_ptr<Incoming> incoming, new_incoming(size));
    return std::unique_ptr<ArchiveWriter>(
        std::make_unique<Writer>(*this, std::move(incoming), limits_.max_item_bytes));
}

Result<ArchivedContent> FileArchiveStore::put_file(int fd, std::uint64_t size,
                                                   const std::stop_token& stop) {
    SYNCLINE_STATE_ASSIGN(const std::unique_ptr<Incoming> incoming, new_incoming(size));
    ArchivedContent content;
    SYNCLINE_STATE_ASSIGN(content.size, copy_file(fd, incoming->fd(), incoming->path(), stop));
    if (content.size > limits_.max_item_bytes) {
        return too_large(content.size);
    }
    // Of the copy, so that the digest is that of what is kept, whatever happens to the original.
    SYNCLINE_STATE_ASSIGN(Digests digests,
                          digests_of(incoming->fd(), content.size, incoming->path(), stop));
    content.digest = std::move(digests.sha256);
    content.content_hash = std::move(digests.content_hash);
    return accept(*incoming, std::move(content));
}

// A content that is kept already is written once more: its file may have been damaged since.
Result<ArchivedContent> FileArchiveStore::accept(Incoming& incoming, ArchivedContent content) {
    const std::lock_guard lock(mutex_);
    std::uint64_t waiting = 0;
    for (const Pending& pending : pending_) {
        waiting += pending.content.size;
    }
    const std::uint64_t used = total_bytes_ + waiting;
    if (used + content.size > limits_.max_bytes) {
        const std::uint64_t wanted =
            used + std::max(content.size, limits_.max_bytes / kRoomShare) - limits_.max_bytes;
        SYNCLINE_STATE_ASSIGN(const std::uint64_t freed, drop(opened_wall_ns_, wanted));
        if (used + content.size > limits_.max_bytes + freed) {
            return Status(Code::too_large,
                          "the archive is full with what must stay and what this run put there (" +
                              display_size(used - freed) + " of " +
                              display_size(limits_.max_bytes) + ")");
        }
    }
    fs::path named = directory_ / "incoming" /
                     (to_hex(content.digest) + "-" + std::to_string(::getpid()) + "-" +
                      std::to_string(next_name_++));
    if (::rename(incoming.path().c_str(), named.c_str()) != 0) {
        return status_of_errno(errno, "put into the archive", named);
    }
    incoming.hand_over();
    pending_.push_back({content, std::move(named)});
    return content;
}

Status FileArchiveStore::sync_pending(const std::vector<Pending>& pending) {
    const fs::path incoming = directory_ / "incoming";
    if (pending.size() > kMostSingleSyncs) {
        return ::syncfs(lock_.get()) == 0 ? Status()
                                          : status_of_errno(errno, "make durable", incoming);
    }
    for (const Pending& entry : pending) {
        const FileDescriptor file(::open(entry.file.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
        if (!file.is_open() || ::fsync(file.get()) != 0) {
            return status_of_errno(errno, "make durable", entry.file);
        }
    }
    SYNCLINE_TRY(sync_directory(incoming));
    // Who made these may have been another process, which was killed before it got here.
    if (!has_durable_place_) {
        SYNCLINE_TRY(sync_directory(directory_));
        SYNCLINE_TRY(sync_directory(directory_.parent_path()));
        has_durable_place_ = true;
    }
    return {};
}

Status FileArchiveStore::enter(const std::vector<Pending>& pending) {
    SYNCLINE_STATE_ASSIGN(const DurableWrites durable, DurableWrites::begin(*database_));
    SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(*database_));
    SYNCLINE_STATE_ASSIGN(Statement find,
                          database_->prepare("SELECT 1 FROM archived WHERE digest = ?1"));
    SYNCLINE_STATE_ASSIGN(Statement put,
                          database_->prepare("INSERT OR REPLACE INTO archived (digest, "
                                             "content_hash, size, used_wall_ns) "
                                             "VALUES (?1, ?2, ?3, ?4)"));
    std::uint64_t added = 0;
    for (const Pending& entry : pending) {
        find.bind(1, entry.content.digest);
        SYNCLINE_STATE_ASSIGN(const bool is_known, find.step());
        find.reset();
        added += is_known ? 0 : entry.content.size;
        put.bind(1, entry.content.digest);
        put.bind(2, entry.content.content_hash);
        put.bind(3, static_cast<std::int64_t>(entry.content.size));
        put.bind(4, clock_.wall_ns());
        SYNCLINE_TRY(put.run());
    }
    SYNCLINE_TRY(transaction.commit());
    total_bytes_ += added;
    return {};
}

Status FileArchiveStore::make_durable() {
    const std::lock_guard lock(mutex_);
    if (pending_.empty()) {
        return {};
    }
    SYNCLINE_TRY(sync_pending(pending_));
    SYNCLINE_FAILPOINT("archive.before-enter");
    SYNCLINE_TRY(enter(pending_));
    SYNCLINE_FAILPOINT("archive.after-enter");
    Status status;
    for (const Pending& entry : pending_) {
        const Status moved = move_to_place(entry.file, entry.content.digest);
        status = status.ok() ? moved : status;
        end_incoming();
    }
    pending_.clear();
    return status;
}

Result<std::unique_ptr<ArchivedBody>> FileArchiveStore::get(BytesView digest,
                                                            const std::stop_token& stop) {
    if (digest.size() != kDigestBytes) {
        return Status(Code::not_found, "the archive keeps no such content");
    }
    fs::path path = path_of(digest);
    std::uint64_t size = 0;
    {
        const std::lock_guard lock(mutex_);
        SYNCLINE_TRY(open());
        const auto pending =
            std::find_if(pending_.begin(), pending_.end(),
                         [&](const Pending& entry) { return entry.content.digest == digest; });
        if (pending != pending_.end()) {
            path = pending->file;
            size = pending->content.size;
        } else {
            SYNCLINE_STATE_ASSIGN(
                Statement find, database_->prepare("SELECT size FROM archived WHERE digest = ?1"));
            find.bind(1, digest);
            SYNCLINE_STATE_ASSIGN(const bool is_kept, find.step());
            if (!is_kept) {
                return Status(Code::not_found, "the archive no longer keeps this content");
            }
            size = static_cast<std::uint64_t>(find.integer(0));
        }
    }
    FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!file.is_open()) {
        return errno == ENOENT
                   ? Status(Code::integrity,
                            "the archive's file '" + display_key(path.native()) + "' is missing")
                   : status_of_errno(errno, "open", path);
    }
    SYNCLINE_STATE_ASSIGN(const Digests digests, digests_of(file.get(), size, path, stop));
    if (digests.sha256 != digest) {
        return Status(Code::integrity, "the archive's file '" + display_key(path.native()) +
                                           "' was damaged; its content is not what was kept");
    }
    return std::unique_ptr<ArchivedBody>(
        std::make_unique<FileBody>(std::move(file), std::move(path), size));
}

Result<bool> FileArchiveStore::has(BytesView digest) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(Statement find,
                          database_->prepare("SELECT 1 FROM archived WHERE digest = ?1"));
    find.bind(1, digest);
    return find.step();
}

Result<bool> FileArchiveStore::touch(BytesView digest) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(
        Statement update,
        database_->prepare("UPDATE archived SET used_wall_ns = ?2 WHERE digest = ?1"));
    update.bind(1, digest);
    update.bind(2, clock_.wall_ns());
    SYNCLINE_TRY(update.run());
    return sqlite3_changes(database_->handle()) > 0;
}

Result<std::optional<ArchivedContent>> FileArchiveStore::find(BytesView content_hash) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(
        Statement find,
        database_->prepare("SELECT digest, size FROM archived WHERE content_hash = ?1 "
                           "ORDER BY used_wall_ns DESC LIMIT 1"));
    find.bind(1, content_hash);
    SYNCLINE_STATE_ASSIGN(const bool is_kept, find.step());
    if (!is_kept) {
        return std::optional<ArchivedContent>();
    }
    return std::optional(ArchivedContent{Bytes(find.bytes(0)), Bytes(content_hash),
                                         static_cast<std::uint64_t>(find.integer(1))});
}

Status FileArchiveStore::pin(BytesView name, BytesView digest) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(const DurableWrites durable, DurableWrites::begin(*database_));
    // In one statement, so that no other process drops the content in between.
    SYNCLINE_STATE_ASSIGN(
        Statement put, database_->prepare("INSERT OR REPLACE INTO pin (sync, name, digest) "
                                          "SELECT ?1, ?2, digest FROM archived WHERE digest = ?3"));
    put.bind(1, sync_);
    put.bind(2, name);
    put.bind(3, digest);
    SYNCLINE_TRY(put.run());
    if (sqlite3_changes(database_->handle()) == 0) {
        return {Code::not_found, "the archive does not keep the content to pin"};
    }
    return {};
}

Status FileArchiveStore::unpin(BytesView name) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(Statement remove,
                          database_->prepare("DELETE FROM pin WHERE sync = ?1 AND name = ?2"));
    remove.bind(1, sync_);
    remove.bind(2, name);
    return remove.run();
}

Result<std::optional<Bytes>> FileArchiveStore::pinned(BytesView name) {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(
        Statement find, database_->prepare("SELECT digest FROM pin WHERE sync = ?1 AND name = ?2"));
    find.bind(1, sync_);
    find.bind(2, name);
    SYNCLINE_STATE_ASSIGN(const bool is_there, find.step());
    return is_there ? std::optional(Bytes(find.bytes(0))) : std::nullopt;
}

Result<std::uint64_t> FileArchiveStore::drop(std::int64_t used_before, std::uint64_t bytes) {
    std::uint64_t freed = 0;
    for (bool is_more = true; is_more && freed < bytes;) {
        SYNCLINE_STATE_ASSIGN(auto transaction, sqlite::Transaction::begin(*database_));
        SYNCLINE_STATE_ASSIGN(
            Statement oldest,
            database_->prepare("SELECT digest, size FROM archived WHERE used_wall_ns < ?1 "
                               "AND NOT EXISTS (SELECT 1 FROM pin WHERE pin.digest = "
                               "archived.digest) ORDER BY used_wall_ns LIMIT ?2"));
        oldest.bind(1, used_before);
        oldest.bind(2, kDroppedAtOnce);
        std::vector<Bytes> dropped;
        is_more = false;
        while (freed < bytes) {
            SYNCLINE_STATE_ASSIGN(const bool has_row, oldest.step());
            if (!has_row) {
                break;
            }
            dropped.emplace_back(oldest.bytes(0));
            freed += static_cast<std::uint64_t>(oldest.integer(1));
            is_more = true;
        }
        oldest.reset();
        SYNCLINE_STATE_ASSIGN(Statement remove,
                              database_->prepare("DELETE FROM archived WHERE digest = ?1"));
        for (const Bytes& digest : dropped) {
            remove.bind(1, digest);
            SYNCLINE_TRY(remove.run());
        }
        SYNCLINE_FAILPOINT("archive.before-drop");
        // Before anybody can enter the same content again. A file that stays behind an interrupted
        // transaction is missed by no one; an entry without its file is found out when it is read.
        for (const Bytes& digest : dropped) {
            const fs::path path = path_of(digest);
            if (::unlink(path.c_str()) != 0 && errno != ENOENT) {
                return status_of_errno(errno, "remove from the archive", path);
            }
            SYNCLINE_FAILPOINT("archive.after-remove");
        }
        SYNCLINE_TRY(transaction.commit());
        SYNCLINE_FAILPOINT("archive.after-drop");
    }
    total_bytes_ -= std::min(total_bytes_, freed);
    return freed;
}

Status FileArchiveStore::prune() {
    const std::lock_guard lock(mutex_);
    std::error_code error;
    if (!database_ && !fs::exists(directory_, error)) {
        return {}; // nothing was ever kept
    }
    SYNCLINE_TRY(open());
    SYNCLINE_TRY(drop(clock_.wall_ns() - limits_.max_age_ns, UINT64_MAX).status());
    SYNCLINE_STATE_ASSIGN(const std::int64_t total,
                          database_->query_integer("SELECT coalesce(sum(size), 0) FROM archived"));
    total_bytes_ = static_cast<std::uint64_t>(total);
    if (total_bytes_ > limits_.max_bytes) {
        SYNCLINE_TRY(drop(INT64_MAX, total_bytes_ - limits_.max_bytes).status());
    }
    return {};
}

Result<ArchiveUsage> FileArchiveStore::usage() {
    const std::lock_guard lock(mutex_);
    SYNCLINE_TRY(open());
    SYNCLINE_STATE_ASSIGN(
        Statement sum, database_->prepare("SELECT count(*), coalesce(sum(size), 0) FROM archived"));
    SYNCLINE_TRY(sum.step().status());
    return ArchiveUsage{static_cast<std::uint64_t>(sum.integer(0)),
                        static_cast<std::uint64_t>(sum.integer(1))};
}

} // namespace syncline::state
