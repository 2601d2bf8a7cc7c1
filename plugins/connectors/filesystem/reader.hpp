// Looking at one item, and reading its body.
#pragma once

#include "buffer.hpp"
#include "root.hpp"
#include "version.hpp"

namespace syncline::fs {

// The state of what `key` names in the directory `parent`. NOT_FOUND if there is nothing, or a
// thing that this key cannot name (a directory for "a", a file for "a/").
Status look_in(int parent, const Key& key, FileState& state);

// The same from the root; on success `parent` is open (O_PATH).
Status look_up(const Root& root, const Key& key, Fd& parent, FileState& state);

class Reader {
public:
    Reader(const Root& root, const syncline_call* call) : root_(root), call_(call) {}

    Status stat(std::string_view key, const syncline_item_sink& sink) const;

    // Streams one version: size, mtime and ctime after the last byte must be those from before the
    // first.
    Status get(const syncline_get_req& req, const syncline_get_sink& sink) const;

    // A descriptor to read a regular file from, and its item.
    Status open_body(const syncline_get_req& req, const syncline_item_sink& sink, Fd& out) const;

private:
    Status open_entry(const Key& key, Fd& out, bool& is_link) const;
    Status examine_file(int fd, const Key& key, std::string_view if_version,
                        FileState& state) const; // CONFLICT unless it has that version
    Status get_link(const Key& key, const syncline_get_req& req,
                    const syncline_get_sink& sink) const;
    Status stream(int fd, std::string_view key, const FileState& before, std::uint64_t offset,
                  std::uint64_t end, const Buffer& buffer, const syncline_get_sink& sink) const;

    const Root& root_;
    const syncline_call* call_;
};

// Pushes one item; a refusal of the sink is returned unchanged.
Status push(const syncline_item_sink& sink, const syncline_item& item);

} // namespace syncline::fs
