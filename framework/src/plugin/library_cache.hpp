// The private copies that libraries are loaded from: a directory of this user alone, each file
// named by its digest.
//
// The bytes that were checked are the bytes that are mapped, whatever happens to the installed file
// meanwhile. Copies are not removed: they are small, and another process may be about to map one.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/status.hpp"

#include <filesystem>
#include <string>

namespace syncline::plugin {

// The content of a private copy, mapped for reading. Only for files that nobody shortens.
class MappedFile {
public:
    static Result<MappedFile> open(const std::filesystem::path& path);

    MappedFile(MappedFile&& from) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;
    ~MappedFile();

    BytesView bytes() const { return bytes_; }

private:
    explicit MappedFile(BytesView bytes) : bytes_(bytes) {}

    BytesView bytes_;
};

struct CachedLibrary {
    std::filesystem::path path; // absolute
    std::string digest;         // SHA-256 in hexadecimal
    MappedFile content;
};

// Creates the directory (0700) if it is absent. Refuses one that others could write to.
Status prepare_cache(const std::filesystem::path& directory);

// The private copy of `library`, made now if there is none. Its digest was taken from the copy:
// now, or when a record was made that still fits both files in every number the system keeps about
// them.
Result<CachedLibrary> cache_library(const std::filesystem::path& directory,
                                    const std::filesystem::path& library);

} // namespace syncline::plugin
