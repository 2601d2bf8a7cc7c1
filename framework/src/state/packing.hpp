// Numbers and byte strings one after the other in one blob, for what the database itself never
// looks at.
#pragma once

#include "syncline/core/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

namespace syncline::state {

inline void put_number(std::uint64_t value, Bytes& out) {
    std::array<char, 10> bytes; // 64 bits, seven at a time
    std::size_t count = 0;
    while (value >= 0x80) {
        bytes[count++] = static_cast<char>((value & 0x7f) | 0x80);
        value >>= 7;
    }
    bytes[count++] = static_cast<char>(value);
    out.append(bytes.data(), count);
}

inline void put_bytes(BytesView bytes, Bytes& out) {
    put_number(bytes.size(), out);
    out.append(bytes);
}

// Reads what was put, in the same order; bytes borrow. What does not fit reads as 0 and as empty,
// and shows at the end.
class Reader {
public:
    explicit Reader(BytesView bytes) : rest_(bytes) {}

    std::uint64_t number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
            const auto byte = static_cast<unsigned char>(rest_.front());
            rest_.remove_prefix(1);
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) {
                return value;
            }
        }
        is_broken_ = true;
        return 0;
    }
    BytesView bytes() {
        const std::uint64_t size = number();
        if (size > rest_.size()) {
            is_broken_ = true;
            return {};
        }
        const BytesView taken = rest_.substr(0, static_cast<std::size_t>(size));
        rest_.remove_prefix(taken.size());
        return taken;
    }
    bool at_end() const { return rest_.empty(); }
    BytesView rest() const { return rest_; }
    bool is_broken() const { return is_broken_; }
    bool read_all() const { return !is_broken_ && rest_.empty(); }

private:
    BytesView rest_;
    bool is_broken_ = false;
};

} // namespace syncline::state
