// What both sides last agreed on, per item of one sync. Read as one ordered stream while planning,
// written in batches while executing. A write is durable only after commit(), which the executor
// calls only after the written side has confirmed that its data is: so the base is never ahead of
// the data. Keys are in the source's form.
//
// Threads: one at a time per store. A cursor must be gone before the first write.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <vector>

namespace syncline {

template <typename B>
struct BasicBaseEntry {
    B key;
    B source_version; // empty: keep no token, the next run compares content
    B target_version;
    B source_id; // stable identities, where the side has them
    B target_id;
    B hash; // of the agreed content; empty: not known
    B meta; // core/meta.hpp
    std::uint64_t size = kUnknownSize;
    std::int64_t mtime_ns = kUnknownTime;
    HashAlgo hash_algo = HashAlgo::none;
    ItemKind kind = ItemKind::object;
    bool differs = false; // a decision let the sides differ; tokens say when one of them moves.
                          // `hash` is the source's digest and then the target's (XXH3-128 each)
                          // where a token is missing, else empty; hash_algo is none
};
using BaseEntryView = BasicBaseEntry<BytesView>;
using BaseEntry = BasicBaseEntry<Bytes>;

template <typename To, typename From>
BasicBaseEntry<To> convert_entry(const BasicBaseEntry<From>& from) {
    BasicBaseEntry<To> to;
    to.key = To(from.key);
    to.source_version = To(from.source_version);
    to.target_version = To(from.target_version);
    to.source_id = To(from.source_id);
    to.target_id = To(from.target_id);
    to.hash = To(from.hash);
    to.meta = To(from.meta);
    to.size = from.size;
    to.mtime_ns = from.mtime_ns;
    to.hash_algo = from.hash_algo;
    to.kind = from.kind;
    to.differs = from.differs;
    return to;
}
inline BaseEntry to_entry(const BaseEntryView& view) { return convert_entry<Bytes>(view); }
inline BaseEntryView to_view(const BaseEntry& entry) { return convert_entry<BytesView>(entry); }

// Changes on their way to a base, in one piece of memory.
class BaseChanges {
public:
    struct Change {
        BaseEntryView entry;
        bool erase = false; // of the entry only the key counts
    };

    BaseChanges() = default;
    BaseChanges(BaseChanges&&) noexcept = default;
    BaseChanges& operator=(BaseChanges&&) noexcept = default;

    void add(const BaseEntryView& entry, bool erase); // copies what it borrows
    const std::vector<Change>& all() const { return changes_; }

private:
    std::unique_ptr<std::pmr::monotonic_buffer_resource> bytes_;
    std::vector<Change> changes_;
};

class BaseCursor {
public:
    virtual ~BaseCursor() = default;
    // The next entry by ascending key, or false at the end. `entry` borrows until the next call.
    virtual Result<bool> next(BaseEntryView& entry) = 0;
};

class BaseStore {
public:
    virtual ~BaseStore() = default;
    // scan() and count() show what was committed; find() also what is not yet.
    virtual Result<std::unique_ptr<BaseCursor>> scan() = 0;
    virtual Result<std::optional<BaseEntry>> find(BytesView key) = 0;
    virtual Result<std::uint64_t> count() = 0;
    virtual Status put(const BaseEntryView& entry) = 0;
    virtual Status erase(BytesView key) = 0; // absent: ok
    // Makes all puts and erases since the last commit durable together. After an error none is, and
    // it can be tried again.
    virtual Status commit() = 0;
    virtual Status rollback() = 0; // forgets them
};

} // namespace syncline
