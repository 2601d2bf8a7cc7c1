// Files and directories of the state, private to their owner.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/status.hpp"

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace syncline::state {

class FileDescriptor {
public:
    FileDescriptor() = default;
    explicit FileDescriptor(int descriptor) : descriptor_(descriptor) {}
    FileDescriptor(FileDescriptor&& from) noexcept
        : descriptor_(std::exchange(from.descriptor_, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& from) noexcept {
        std::swap(descriptor_, from.descriptor_);
        return *this;
    }
    ~FileDescriptor();

    int get() const { return descriptor_; }
    bool is_open() const { return descriptor_ >= 0; }

private:
    int descriptor_ = -1;
};

// "cannot `doing` 'path': reason; advice", with the code that the error number `error` stands for.
Status status_of_errno(int error, std::string_view doing, const std::filesystem::path& path);

// Makes `directory` (0700) and what is missing above it. One that exists keeps its mode.
Status make_private_directory(const std::filesystem::path& directory);

// Opens for reading and writing; creates with mode 0600.
Result<FileDescriptor> open_private_file(const std::filesystem::path& file, int extra_flags);

// Makes names that were added to or removed from `directory` durable.
Status sync_directory(const std::filesystem::path& directory);

// The 32 random bytes in `file`, which is made (0600) if it is not there. Two processes that make
// it at once get the same.
Result<Bytes> read_or_make_key(const std::filesystem::path& file);

// A file name that stands for a sync, whose own name may hold any bytes.
std::string file_stem_of(std::string_view sync_name);

} // namespace syncline::state
