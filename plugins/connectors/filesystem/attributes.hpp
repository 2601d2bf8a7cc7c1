// What a file has beside its content, times and permissions.
#pragma once

#include "posix.hpp"

namespace syncline::fs {

// SYNCLINE_ITEM_ATTRIBUTES and SYNCLINE_ITEM_ACL, as far as an open file or directory has them. One
// call of the system.
std::uint64_t attribute_flags(int fd);

// SYNCLINE_ITEM_HARD_LINKED, FOREIGN_OWNER and HOLES, which looking at it told already.
std::uint64_t state_flags(const FileState& state);

// Whether reading only what is stored is worth while.
bool has_holes(const FileState& state);

// Gives `to` the user's attributes and the access control list of `from`, as far as that is
// allowed and possible.
void copy_attributes(int from, int to);

} // namespace syncline::fs
