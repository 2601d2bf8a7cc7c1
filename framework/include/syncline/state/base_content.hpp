// The contents that both sides agreed on, kept in the archive for merges that need a common version.
// The archive's pin of an item says where its base's content is; the base's own hash says whether
// that is still the one.
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

} // namespace syncline
