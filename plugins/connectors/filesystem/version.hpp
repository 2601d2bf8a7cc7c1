// From the state of a file to what the host sees of it: version token, identity, item.
#pragma once

#include "posix.hpp"

#include <array>
#include <string_view>

namespace syncline::fs {

// mtime, size, inode and ctime, little-endian. The ctime is what makes a rewrite with a restored
// mtime visible.
using Token = std::array<std::uint8_t, 32>;
// Inode and birth time: an inode number alone is reused as soon as its file is gone.
using Identity = std::array<std::uint8_t, 16>;

// The permission bits that the metadata `posix.access` names, and those of an item without it.
constexpr std::uint32_t kAccessBits = 066;
constexpr std::uint32_t kUsualAccess = 044;

Token token_of(const FileState& state);
bool same_token(const FileState& state, std::string_view token);

// Whether `now` is still the same content as `before`, whatever happened to its name (which moves
// ctime).
bool same_content(const FileState& before, const FileState& now);

// Fills `item`; `token` and `id` receive the bytes it points to and must live as long, as must
// `key`. `settled_before_ns` is the time at which the call began minus the clock's granularity;
// what was touched since is flagged UNSETTLED.
void make_item(const FileState& state, std::string_view key, std::int64_t settled_before_ns,
               Token& token, Identity& id, syncline_item& item);

// One item with all it points to.
class ItemHolder {
public:
    // The result of an operation of ours. Its ctime is always recent, and harmless: a write after
    // us changes mtime unless that lies within the granularity too.
    void set_written(const FileState& state, std::string_view key, std::int64_t settled_before_ns);
    void set_seen(const FileState& state, std::string_view key, std::int64_t settled_before_ns);
    void add_flags(std::uint64_t flags) { item_.flags |= flags; }
    [[nodiscard]] const syncline_item& item() const { return item_; }

private:
    Token token_{};
    Identity id_{};
    syncline_item item_{};
};

// CONFLICT or ALREADY_EXISTS with what is there now.
Status version_moved(syncline_status code, std::string message, std::string_view key,
                     const FileState& current);

} // namespace syncline::fs
