// Names one intended write: the same bytes for every attempt at it, other bytes for every other
// write, in whatever process. A store that keeps them sees that an attempt is a repetition. They
// are drawn at random; nobody has a reason to guess them.
//
// Threads: any.
#pragma once

#include "syncline/core/bytes.hpp"

#include <array>

namespace syncline {

class Intent {
public:
    Intent(); // a new one
    BytesView bytes() const { return {bytes_.data(), bytes_.size()}; }

private:
    std::array<char, 16> bytes_;
};

} // namespace syncline
