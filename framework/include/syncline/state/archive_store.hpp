// The contents that runs overwrote or deleted, and what else must outlive a run (the base of a
// merge): content-addressed files in the state directory, private to their owner, so that equal
// contents are kept once. Bounded in size and age, the oldest go first; a pinned content stays.
//
//   auto writer = archive.put(size);            // or put_file(fd, size), which lets the kernel
//   copy writer->write(bytes); ... auto kept = writer->finish();               // kept->digest is
//   its address archive.make_durable();                     // before the last other copy goes auto
//   body = archive.get(kept->digest);      // whole and verified, or an error
//
// Costs nothing until it is first used. The archive is that of the state directory, shared by its
// syncs and by processes; only pins belong to a sync.
//
// Errors: Code::too_large when a content will not be kept because of a bound (the message says
// which), Code::quota_exceeded when the disk is full, Code::not_found for a content that is not (or
// no longer) kept, Code::integrity for one whose bytes were damaged on disk.
//
// Threads: any; a writer or body belongs to one at a time.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string_view>

namespace syncline {

struct ArchivedContent {
    Bytes digest;       // SHA-256: the address. Contents come from people, who may choose them.
    Bytes content_hash; // XXH3-128, as the base keeps it (core/hash.hpp)
    std::uint64_t size = 0;
};

struct ArchiveLimits {
    std::uint64_t max_bytes = std::uint64_t{10} << 30U;
    std::uint64_t max_item_bytes = std::uint64_t{1} << 30U; // larger ones are refused
    std::int64_t max_age_ns =
        std::int64_t{30} * 86'400'000'000'000LL; // since it was last put or touched
};

struct ArchiveUsage {
    std::uint64_t contents = 0;
    std::uint64_t bytes = 0;
};

// A content on its way in. Dropped before finish(), it leaves nothing.
class ArchiveWriter {
public:
    virtual ~ArchiveWriter() = default;
    virtual Status write(BytesView bytes) = 0;
    virtual Result<ArchivedContent> finish() = 0; // once, at the end
};

// A content on its way out. It was verified when it was opened.
class ArchivedBody {
public:
    virtual ~ArchivedBody() = default;
    virtual std::uint64_t size() const = 0;
    // Bytes read into `buffer`; 0 at the end.
    virtual Result<std::size_t> read(char* buffer, std::size_t capacity) = 0;
    virtual Status rewind() = 0;
    virtual int fd() const = 0; // for reading, closed with the body; -1: it is in no file
};

class ArchiveStore {
public:
    virtual ~ArchiveStore() = default;

    virtual void set_limits(const ArchiveLimits& limits) = 0;

    // `size`: in bytes, or kUnknownSize; used to refuse a content early.
    virtual Result<std::unique_ptr<ArchiveWriter>> put(std::uint64_t size) = 0;
    // All of a file, from its beginning; `fd` stays the caller's and so does its offset.
    virtual Result<ArchivedContent> put_file(int fd, std::uint64_t size,
                                             const std::stop_token& stop) = 0;
    // Makes every content that was put so far survive a power cut. A content that is not durable
    // when the process ends may be gone.
    virtual Status make_durable() = 0;

    // Reads and verifies all of it before it returns.
    virtual Result<std::unique_ptr<ArchivedBody>> get(BytesView digest,
                                                      const std::stop_token& stop) = 0;
    virtual Result<bool> has(BytesView digest) = 0;
    // As has(). If so it counts as used now: this store does not drop it to make room.
    virtual Result<bool> touch(BytesView digest) = 0;
    // A kept content by its XXH3-128, which is what the base knows; no value: none.
    virtual Result<std::optional<ArchivedContent>> find(BytesView content_hash) = 0;

    // Keeps a content whatever its age, until the name is given to another content or unpinned.
    // Names belong to the sync; "base/<key>", say. Durable on return. The content must have been
    // made durable.
    virtual Status pin(BytesView name, BytesView digest) = 0;
    virtual Status unpin(BytesView name) = 0;                        // absent: ok
    virtual Result<std::optional<Bytes>> pinned(BytesView name) = 0; // its digest

    // Drops what is older or more than the limits allow, oldest first, pinned ones never, and what
    // a crash left.
    virtual Status prune() = 0;
    virtual Result<ArchiveUsage> usage() = 0;
};

} // namespace syncline
