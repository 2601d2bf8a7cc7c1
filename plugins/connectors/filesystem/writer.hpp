// Everything that changes the tree. Each operation takes effect whole or not at all, and only if
// its condition holds at that moment: against other operations of this connector, in any process,
// because names change under a lock on the directory; against foreign programs because what was
// displaced is checked afterwards and put back if it was not what was expected. Only removing (and
// file systems without RENAME_EXCHANGE) keeps a gap of microseconds between check and act.
//
// Others may do with a copy no more than with its original, as far as that tells; what is new gets
// no more than the umask leaves, either. Replacing a file makes a new inode: its permission bits,
// less those that `posix.access` denies, the attributes of users, the access control list and, with
// privilege, the owner are carried over; hard links are severed.
#pragma once

#include "body.hpp"
#include "leftovers.hpp"
#include "staged.hpp"
#include "version.hpp"

#include <optional>

namespace syncline::fs {

class Writer {
public:
    Writer(const Root& root, const syncline_call* call) : root_(root), call_(call) {}

    Status put(const syncline_put_req& req, Body& body, const syncline_item_sink& sink);
    Status remove(const syncline_remove_req& req);
    Status rename(const syncline_rename_req& req, const syncline_item_sink& sink);
    Status set_meta(const syncline_put_req& req, const syncline_item_sink& sink);

private:
    struct Wanted { // what the request's item says
        std::uint32_t kind = 0;
        bool has_mtime = false;
        std::int64_t mtime_ns = 0;
        bool has_meta = false;
        bool is_executable = false;
        std::optional<unsigned> access; // what group and others may do with it at most
    };
    static unsigned new_mode(const Wanted& wanted, bool is_executable);

    [[nodiscard]] Status check_allowed(std::uint32_t condition) const;
    static Status read_request(const syncline_put_req& req, Key& key, Wanted& wanted);
    Status put_container(const Key& key, const syncline_put_req& req, const Wanted& wanted,
                         const syncline_item_sink& sink);
    Status put_entry(const Key& key, const syncline_put_req& req, const Wanted& wanted, Body& body,
                     const syncline_item_sink& sink);
    Status fill_file(Staged& staged, const Key& key, const Wanted& wanted,
                     const FileState* replaced, Body& body) const;
    [[nodiscard]] Status check_still_there(const Key& key, int parent) const;
    void keep_attributes(const Key& key, const FileState& replaced, int to) const;
    Status publish(Staged& staged, DirectoryLock& lock, int parent, const Key& key,
                   const syncline_put_req& req, bool exists);
    Status remove_container(int parent, const Key& key);
    Status move(int from_parent, const Key& from, int to_parent, const Key& to,
                const FileState& moving, const syncline_rename_req& req);
    Status move_over(int from_parent, const Key& from, int to_parent, const Key& to,
                     const FileState& moving, const FileState& replaced);
    Status push_written(const FileState& state, std::string_view key,
                        const syncline_item_sink& sink) const;

    const Root& root_;
    const syncline_call* call_;
};

} // namespace syncline::fs
