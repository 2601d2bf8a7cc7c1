// Sorts a listing of any length by key within bounded memory: runs that fit are sorted and written
// to an unlinked file, then merged. A key that came more than once is delivered once, with what was
// said of it last.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <vector>

namespace syncline {

class SpillSort {
public:
    SpillSort(std::filesystem::path directory, std::size_t memory_limit);
    ~SpillSort();
    SpillSort(const SpillSort&) = delete;
    SpillSort& operator=(const SpillSort&) = delete;

    Status add(const ItemView& item);
    Status finish_adding();
    // After finish_adding(): the next item by ascending key, false at the end. Borrowed until the
    // next call.
    Result<bool> next(ItemView& item);

private:
    struct Run;
    Status spill();
    Status refill(Run& run);

    std::filesystem::path directory_;
    std::size_t memory_limit_;
    int file_ = -1;
    std::uint64_t file_size_ = 0;
    Bytes buffer_;                      // encoded items of the run being collected
    std::vector<std::uint32_t> starts_; // where they begin
    std::vector<std::unique_ptr<Run>> runs_;
    std::vector<Run*> heap_;
    Bytes current_;
};

} // namespace syncline
