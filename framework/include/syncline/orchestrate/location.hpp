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
    std::string missing;   // why the directory cannot be used; empty: it is there
};

// A URL only if it looks like one (`name://`), else a directory. One that is not there has a
// location all the same: what is known of the sync tells whether it never was (a mistake in the
// command) or vanished (a matter for a person).
Result<Location> parse_location(std::string_view text);

// The JSON document that configures the connector for it: the query's values in the types that its
// schema names.
Result<std::string> connector_config(const Location& location, const PluginDescription& connector);

} // namespace syncline
