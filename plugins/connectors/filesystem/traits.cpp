// What kind of file system the root lies on, and a name for it that two endpoints on it share.
#include "root.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <memory>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>

namespace syncline::fs {

namespace {

constexpr std::int64_t kMillisecond = 1'000'000;
constexpr std::int64_t kFatGranularity = 2'000 * kMillisecond;
constexpr std::int64_t kExfatGranularity = 10 * kMillisecond;
// Kernels stamp files with the time of the last timer tick, at most 10 ms ago (CONFIG_HZ=100).
constexpr std::int64_t kTickGranularity = 10 * kMillisecond;

constexpr std::uint64_t kMagicExfat = 0x2011BAB0;
constexpr std::uint64_t kMagicCifs = 0xFF534D42;
constexpr std::uint64_t kMagicSmb2 = 0xFE534D42;
constexpr unsigned long kCaseFolding = 0x40000000; // FS_CASEFOLD_FL

bool never_exchanges(std::uint64_t magic) {
    return magic == MSDOS_SUPER_MAGIC || magic == kMagicExfat || magic == kMagicCifs ||
           magic == kMagicSmb2 || magic == NFS_SUPER_MAGIC || magic == V9FS_MAGIC;
}

// mountinfo writes blank, tab, newline and backslash as three octal digits.
std::string unescape(const std::string& text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 3 < text.size()) {
            out += static_cast<char>(std::strtol(text.substr(i + 1, 3).c_str(), nullptr, 8));
            i += 3;
        } else {
            out += text[i];
        }
    }
    return out;
}

// Where mount `id` begins in its file system, and where it is attached.
bool find_mount(std::uint64_t id, std::string& inside, std::string& attached) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
        std::fopen("/proc/self/mountinfo", "re"), std::fclose);
    if (!file) {
        return false;
    }
    char* line = nullptr;
    std::size_t capacity = 0;
    bool found = false;
    while (!found && getline(&line, &capacity, file.get()) > 0) {
        // 36 35 98:0 /inside/the/filesystem /attached/here ...
        std::string fields[5];
        const char* at = line;
        for (std::string& field : fields) {
            const std::size_t length = std::strcspn(at, " \n");
            field.assign(at, length);
            at += length + (at[length] == ' ' ? 1 : 0);
        }
        if (std::strtoull(fields[0].c_str(), nullptr, 10) == id) {
            inside = unescape(fields[3]);
            attached = unescape(fields[4]);
            found = true;
        }
    }
    std::free(line);
    return found;
}

// The path of `fd` inside its file system: the same through every mount of it, bind mounts
// included. Where the mount table does not help, the absolute path.
std::string path_in_filesystem(int fd, const std::string& given) {
    const std::unique_ptr<char, void (*)(void*)> resolved(realpath(given.c_str(), nullptr),
                                                          std::free);
    std::string path = resolved ? resolved.get() : given;
    struct statx raw {};
    if (statx(fd, "", AT_EMPTY_PATH, STATX_MNT_ID, &raw) != 0 ||
        (raw.stx_mask & STATX_MNT_ID) == 0) {
        return path;
    }
    std::string inside;
    std::string attached;
    if (!find_mount(raw.stx_mnt_id, inside, attached)) {
        return path;
    }
    if (attached == "/") {
        attached.clear();
    }
    if (path.compare(0, attached.size(), attached) != 0 ||
        (path.size() > attached.size() && path[attached.size()] != '/')) {
        return path;
    }
    if (inside == "/") {
        inside.clear();
    }
    const std::string rest = path.substr(attached.size());
    path = inside + (rest == "/" ? "" : rest);
    return path.empty() ? "/" : path;
}

} // namespace

void Root::learn_traits() {
    struct statfs raw {};
    std::uint64_t magic = 0;
    std::uint64_t fsid = 0;
    if (fstatfs(fd_.get(), &raw) == 0) {
        magic = static_cast<std::uint32_t>(raw.f_type);
        static_assert(sizeof raw.f_fsid == sizeof fsid);
        std::memcpy(&fsid, &raw.f_fsid, sizeof fsid);
        traits_.is_read_only = (static_cast<unsigned long>(raw.f_flags) & ST_RDONLY) != 0;
    }
    traits_.is_fat = magic == MSDOS_SUPER_MAGIC;
    traits_.can_exchange = !never_exchanges(magic) && !settings_.tweaks.no_exchange;
    traits_.folds_case =
        traits_.is_fat || magic == kMagicExfat || magic == kMagicCifs || magic == kMagicSmb2;
    unsigned long attributes = 0;
    if (ioctl(fd_.get(), FS_IOC_GETFLAGS, &attributes) == 0 && (attributes & kCaseFolding) != 0) {
        traits_.folds_case = true;
    }
    traits_.mtime_granularity_ns = traits_.is_fat         ? kFatGranularity
                                   : magic == kMagicExfat ? kExfatGranularity
                                                          : 1;
    traits_.granularity_ns = traits_.is_fat ? kFatGranularity : kTickGranularity;
    if (settings_.granularity_ns) {
        traits_.granularity_ns = *settings_.granularity_ns;
    }
    // f_fsid comes from the file system's own identity and so survives a remount or another port;
    // without one the device number has to do.
    char text[80];
    if (fsid != 0) {
        std::snprintf(text, sizeof text, "fs:%llx:%016llx", static_cast<unsigned long long>(magic),
                      static_cast<unsigned long long>(fsid));
    } else {
        std::snprintf(text, sizeof text, "dev:%llx:%llx", static_cast<unsigned long long>(magic),
                      static_cast<unsigned long long>(state_.device));
    }
    traits_.scope_id = text;
    traits_.scope_path = path_in_filesystem(fd_.get(), settings_.path);
}

} // namespace syncline::fs
