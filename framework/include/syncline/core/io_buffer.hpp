// A buffer for bytes on their way between the kernel and us.
//
// What malloc gives for a large buffer begins 16 bytes into a page. To there and from there the
// kernel copies file pages at half the speed on AMD processors, whose `rep movsb` is slow when both
// addresses have nearly the same offset in their pages; a few cache lines further on it is not.
#pragma once

#include <cstddef>
#include <memory>

namespace syncline {

class IoBuffer {
public:
    // Not zeroed: untouched pages stay unallocated.
    explicit IoBuffer(std::size_t size) : size_(size), bytes_(new char[kOffset + size]) {}

    char* data() const { return bytes_.get() + kOffset; }
    std::size_t size() const { return size_; }

private:
    static constexpr std::size_t kOffset = 240;

    std::size_t size_;
    std::unique_ptr<char[]> bytes_;
};

} // namespace syncline
