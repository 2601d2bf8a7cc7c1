#include "attributes.hpp"

#include <cerrno>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace syncline::fs {

namespace {

constexpr std::size_t kNamesAtOnce = 1024;
constexpr std::size_t kMaxAttribute = 64 * 1024; // of Linux, for one value
constexpr std::uint64_t kSmallestHole = 64 * 1024;
constexpr std::uint64_t kSmallestWithHoles = 256 * 1024;

constexpr std::string_view kAclPrefix = "system.posix_acl_";
constexpr std::string_view kAccessAcl = "system.posix_acl_access";
constexpr std::string_view kUserPrefix = "user.";
constexpr std::string_view kLabel = "security.selinux"; // the system gives each file its own

bool starts_with(std::string_view text, std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix;
}

} // namespace

std::uint64_t attribute_flags(int fd) {
    char names[kNamesAtOnce];
    const ssize_t size = flistxattr(fd, names, sizeof names);
    if (size < 0) {
        return errno == ERANGE ? SYNCLINE_ITEM_ATTRIBUTES : 0;
    }
    std::uint64_t flags = 0;
    for (ssize_t at = 0; at < size;) {
        const std::string_view name(names + at);
        at += static_cast<ssize_t>(name.size()) + 1;
        if (starts_with(name, kAclPrefix)) {
            flags |= SYNCLINE_ITEM_ACL;
        } else if (name != kLabel) {
            flags |= SYNCLINE_ITEM_ATTRIBUTES;
        }
    }
    return flags;
}

bool has_holes(const FileState& state) {
    return state.type == FileType::file && state.size >= kSmallestWithHoles &&
           state.stored + kSmallestHole <= state.size;
}

std::uint64_t state_flags(const FileState& state) {
    static const uid_t user = geteuid();
    static const gid_t group = getegid();
    std::uint64_t flags = 0;
    if (state.type == FileType::other) {
        return flags;
    }
    if (state.uid != user || state.gid != group) {
        flags |= SYNCLINE_ITEM_FOREIGN_OWNER;
    }
    if (state.type == FileType::file && state.links > 1) {
        flags |= SYNCLINE_ITEM_HARD_LINKED;
    }
    if (has_holes(state)) {
        flags |= SYNCLINE_ITEM_HOLES;
    }
    return flags;
}

void copy_attributes(int from, int to) {
    char names[kNamesAtOnce];
    const ssize_t size = flistxattr(from, names, sizeof names);
    std::vector<char> value;
    for (ssize_t at = 0; at < size;) {
        const std::string_view name(names + at);
        at += static_cast<ssize_t>(name.size()) + 1;
        if (name != kAccessAcl && !starts_with(name, kUserPrefix)) {
            continue;
        }
        value.resize(kMaxAttribute);
        const ssize_t got = fgetxattr(from, name.data(), value.data(), value.size());
        if (got >= 0) {
            (void)fsetxattr(to, name.data(), value.data(), static_cast<std::size_t>(got), 0);
        }
    }
}

} // namespace syncline::fs
