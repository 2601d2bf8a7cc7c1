// From the configuration's JSON to Settings.
#pragma once

#include "root.hpp"

#include <syncline/sdk/json.hpp>

namespace syncline::fs {

extern const char* const kConfigSchema;

// Throws sdk::Error(INVALID_CONFIG). Looks at nothing but the text.
Settings read_config(const sdk::json::Config& config);

} // namespace syncline::fs
