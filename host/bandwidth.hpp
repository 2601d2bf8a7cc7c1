// What people write for a rate: 500K, 10M, 1.5G.
#pragma once

#include "syncline/core/status.hpp"

#include <cstdint>
#include <string>

namespace syncline::host {

// Bytes per second, at least 1.
Result<std::uint64_t> parse_rate(const std::string& text);

} // namespace syncline::host
