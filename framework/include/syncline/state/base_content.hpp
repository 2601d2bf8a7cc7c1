// The contents that both sides agreed on, kept in the archive for merges that need a common
// version. The archive's pin of an item says where its base's content is; the base's own hash says
// whether that is still the one.
//
// Threads: as the archive's.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/state/archive_store.hpp"
#include "syncline/state/base_store.hpp"

#include <optional>

namespace syncline {

// The pin of an item's base content.
inline Bytes base_content_name(BytesView key) {
    Bytes name("base/");
    name += key;
    return name;
}

// Where the archive has the content of a base entry; no value: it has not.
inline Result<std::optional<ArchivedContent>> find_base_content(ArchiveStore& archive,
                                                                const BaseEntryView& entry) {
    if (entry.hash.empty() || entry.hash_algo != HashAlgo::xxh3_128 ||
        entry.kind != ItemKind::object || entry.differs) {
        return std::optional<ArchivedContent>();
    }
    const Result<std::optional<Bytes>> pinned = archive.pinned(base_content_name(entry.key));
    if (!pinned.ok()) {
        return pinned.status();
    }
    Result<std::optional<ArchivedContent>> found = archive.find(entry.hash);
    if (found.ok() && *found && (!*pinned || **pinned != (*found)->digest)) {
        return std::optional<ArchivedContent>(); // another one of that hash, or one that may go
    }
    return found;
}

// All of an archived content, in memory.
inline Result<Bytes> read_archived(ArchiveStore& archive, BytesView digest,
                                   const std::stop_token& stop) {
    Result<std::unique_ptr<ArchivedBody>> body = archive.get(digest, stop);
    if (!body.ok()) {
        return body.status();
    }
    Bytes bytes(static_cast<std::size_t>((*body)->size()), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        const Result<std::size_t> got = (*body)->read(bytes.data() + at, bytes.size() - at);
        if (!got.ok()) {
            return got.status();
        }
        if (*got == 0) {
            return Status(Code::integrity, "an archived content ends too early");
        }
        at += *got;
    }
    return bytes;
}

} // namespace syncline
