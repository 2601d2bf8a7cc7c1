// Directories that were found a moment ago, for the next new file in one of them: finding the
// directory is a tenth of what making a small file costs.
//
// For kMomentNs, about what a body takes that is written without looking again, a directory counts
// as being where it was found. Should somebody move it away just then, the next files go along, as
// they would had they been made a moment earlier; our own moves and removals make all be found
// anew. Usable from any thread.
#pragma once

#include "posix.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>

namespace syncline::fs {

class RecentDirectories {
public:
    static constexpr std::int64_t kMomentNs = 200'000;

    struct Directory {
        Fd fd;
        std::int64_t found_ns = 0;
        std::uint64_t epoch = 0;
    };

    explicit RecentDirectories(std::function<std::int64_t()> now_mono_ns)
        : now_mono_ns_(std::move(now_mono_ns)) {}

    // False if it has to be opened, with the moment noted.
    bool take(std::string_view path, Directory& out);
    void give_back(std::string_view path, Directory directory);
    void forget(); // something was moved or removed

private:
    struct Slot {
        std::string path;
        Directory directory;
    };

    std::function<std::int64_t()> now_mono_ns_;
    std::mutex mutex_;
    std::array<Slot, 4> slots_; // about one for each thread that writes
    std::size_t next_ = 0;
    std::uint64_t epoch_ = 0;
};

} // namespace syncline::fs
