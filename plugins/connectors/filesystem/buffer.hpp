// Where bytes wait between two system calls.
//
// One for the duration of a call. A thread keeps the last it used, so that copying a small file
// touches neither a fresh page nor one that another core had last; a call within a call of the same
// thread (a sink that reads elsewhere) gets one of its own.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace syncline::fs {

class Buffer {
public:
    static constexpr std::size_t kSize = std::size_t{256} << 10U;

    Buffer();
    ~Buffer();
    Buffer(const Buffer&) = delete;
    Buffer& operator=(const Buffer&) = delete;

    [[nodiscard]] std::uint8_t* data() const { return bytes_.get() + kOffset; }

private:
    // What malloc gives for this size begins 16 bytes into a page. To there and from there the
    // kernel copies file pages at half the speed on AMD processors whose `rep movsb` is slow when
    // both addresses have nearly the same offset in their pages; a few cache lines further on it is
    // not.
    static constexpr std::size_t kOffset = 240;

    std::unique_ptr<std::uint8_t[]> bytes_;
};

} // namespace syncline::fs
