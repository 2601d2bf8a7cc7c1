// The settings of the connector as people write them.
#pragma once

#include "rules.hpp"

#include <syncline/sdk/json.hpp>

namespace syncline::fault {

extern const char* const kConfigSchema;

// Throws INVALID_CONFIG. Without a seed each instance draws its own.
Settings read_config(const sdk::json::Config& config);

} // namespace syncline::fault
