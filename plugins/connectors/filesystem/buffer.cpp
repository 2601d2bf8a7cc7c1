#include "buffer.hpp"

#include <utility>

namespace syncline::fs {

namespace {

thread_local std::unique_ptr<std::uint8_t[]> spare;

} // namespace

Buffer::Buffer() : bytes_(std::move(spare)) {
    if (!bytes_) {
        bytes_.reset(
            new std::uint8_t[kOffset + kSize]); // not zeroed: untouched pages stay unallocated
    }
}

Buffer::~Buffer() { spare = std::move(bytes_); }

} // namespace syncline::fs
