// A new file or link before anyone can see it, and the steps that make it visible whole.
//
// Files are nameless (O_TMPFILE) where the file system can, so that even kill -9 leaves nothing;
// else they carry a temporary name and a lock. Links always carry a name, hence are made and used
// under the directory lock only.
#pragma once

#include "leftovers.hpp"
#include "root.hpp"

#include <string>

namespace syncline::fs {

class Staged {
public:
    Staged(const Root& root, int directory) : root_(root), directory_(directory) {}
    ~Staged(); // removes the temporary name if it is still ours
    Staged(const Staged&) = delete;
    Staged& operator=(const Staged&) = delete;

    // An empty file, `mode` cut by the process's umask as for any new file.
    Status open_file(unsigned mode, std::string_view key);
    Status make_link(const std::string& target, std::string_view key);

    [[nodiscard]] int fd() const { return file_.get(); }
    [[nodiscard]] bool is_link() const { return !file_.valid(); }
    [[nodiscard]] const char* name() const { return name_.c_str(); }

    // The state of the staged thing itself, wherever it is named by now; 0 or an errno.
    int state(const char* leaf, FileState& out) const;

    // Appears as `leaf` unless something is there: 0, EEXIST or another errno. Takes the directory
    // lock if it needs it.
    int publish_new(const char* leaf, DirectoryLock& lock);

    // Appears as `leaf` in place of `expected`, which must have been seen there just now under the
    // directory lock. CONFLICT if something else turned out to be there; then that is back in
    // place. Only between our own file appearing and being withdrawn again may a reader have seen
    // it.
    Status replace(const char* leaf, const FileState& expected, std::string_view key);

private:
    Status open_named(unsigned mode, std::string_view key);
    int give_name();
    int link_to(const char* leaf);
    int rename_to(const char* leaf, DirectoryLock& lock);
    Status put_back(const char* leaf, const FileState& displaced, std::string_view key);
    Status replace_unchecked(const char* leaf, const FileState& expected, std::string_view key);

    const Root& root_;
    int directory_;
    Fd file_;
    std::string name_; // "" while nameless
    std::uint64_t link_inode_ = 0;
};

// A failed write; a directory that vanished is a CONFLICT, not an absent object.
Status write_status(int error, std::string_view doing, std::string_view key);

} // namespace syncline::fs
