// What copies of a run do not keep of the items they were made from: counted by kind, with the
// first names, so that it is told without a line per item.
//
// Threads: one at a time.
#pragma once

#include "syncline/core/item.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

struct LossCount {
    Loss loss = Loss::hard_links;
    std::uint64_t count = 0;
    std::vector<Bytes> keys; // the first of them
};

class Losses {
public:
    static constexpr std::size_t kNames = 3;

    Losses();
    void add(std::uint8_t losses, BytesView key); // of Loss; other flags do not count
    void add(const Losses& more);
    // One entry per kind that was met.
    std::vector<LossCount> entries() const;

private:
    std::array<LossCount, 5> counts_;
};

std::string_view name_of(Loss loss);             // "hard-links"
std::string display_loss(const LossCount& loss); // one line: how many, what becomes of it, names

} // namespace syncline
