// Where a side is: a directory or an endpoint URL as a person writes it, and what the engine makes
// of it.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <string>
#include <string_view>

namespace syncline {

struct Location {
    std::string scheme;    // "file" for a directory
    std::string canonical; // for people and for the sync's identity: no user info, no query
    std::string url;       // without query
    std::string query;     // without '?'
};

// A URL only if it looks like one (`name://`), else a directory. Code::root_missing if that
// directory does not exist.
Result<Location> parse_location(std::string_view text);

// The JSON document that configures the connector for it: the query's values in the types that its
// schema names.
Result<std::string> connector_config(const Location& location, const PluginDescription& connector);

} // namespace syncline
