// Where the bytes of a put come from.
#pragma once

#include "root.hpp"

namespace syncline::fs {

class Body {
public:
    Body() = default;
    Body(const Body&) = delete;
    Body& operator=(const Body&) = delete;
    virtual ~Body() = default;

    // Writes all of it to `out`, an empty file. Fails with INTEGRITY if the length is not the
    // announced one, with CONFLICT if the source changed meanwhile.
    virtual Status copy_to(int out) = 0;

    // All of it as text of at most `limit` bytes, for the target of a link.
    virtual Status read_text(std::size_t limit, std::string& out) = 0;
};

// A host's reader. `announced` is the size in the request's item, or SYNCLINE_SIZE_UNKNOWN.
class ReaderBody final : public Body {
public:
    ReaderBody(const Root& root, const syncline_call* call, const syncline_reader& reader,
               std::uint64_t announced, std::string_view key)
        : root_(root), call_(call), reader_(reader), announced_(announced), key_(key) {}

    Status copy_to(int out) override;
    Status read_text(std::size_t limit, std::string& out) override;

private:
    [[nodiscard]] Status check_length(std::uint64_t total) const;

    const Root& root_;
    const syncline_call* call_;
    const syncline_reader& reader_;
    std::uint64_t announced_;
    std::string_view key_;
};

// A file of this machine: cloned where the file system can, else copied inside the kernel.
class FileBody final : public Body {
public:
    FileBody(const Root& root, const syncline_call* call, int fd, std::uint64_t announced,
             std::string_view key)
        : root_(root), call_(call), fd_(fd), announced_(announced), key_(key) {}

    Status copy_to(int out) override;
    Status read_text(std::size_t limit, std::string& out) override;

private:
    bool clone_to(int out, std::uint64_t device) const;
    Status copy_range(int out, std::uint64_t begin, std::uint64_t end) const;
    Status copy_around_holes(int out, std::uint64_t size) const; // which stay holes
    Status copy_in_kernel(int out, std::uint64_t& done, std::uint64_t size) const;
    Status copy_through_buffer(int out, std::uint64_t done, std::uint64_t size) const;
    [[nodiscard]] Status changed() const;

    const Root& root_;
    const syncline_call* call_;
    int fd_;
    std::uint64_t announced_;
    std::string_view key_;
};

} // namespace syncline::fs
