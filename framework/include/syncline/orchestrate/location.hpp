// Where a side is: a directory or an endpoint URL as a person writes it, and what the engine makes
// of it.
//
// A URL may name connectors around another one, outermost first: `fault+file:///dir`. Each scheme
// before a '+' that belongs to a wrapper wraps the rest; a connector that is none takes its whole
// scheme, so a scheme with a '+' of its own needs no escape.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

struct Wrapper {
    PluginDescription connector;
    std::string url; // what it is configured with: itself around the rest; no user info, no query
};

struct Location {
    std::string scheme; // of what is inside all wrappers; "file" for a directory
    // The sync's identity: no user info, no query, and no transparent wrapper. With one or without
    // it is the same place, so a failure can be rehearsed on a real sync and the base stays good;
    // another wrapper (one that encrypts, say) shows other items and so is another place.
    std::string canonical;
    std::string shown;             // for people: as canonical, with every wrapper
    std::string url;               // of what is inside all wrappers, without query
    std::string query;             // for all of them, without '?'
    std::string directory;         // the path of a directory, whatever wraps it; empty: it is none
    std::string missing;           // why the directory cannot be used; empty: it is there
    std::vector<Wrapper> wrappers; // outermost first
};

// A URL only if it looks like one (`name://`), else a directory. One that is not there has a
// location all the same: what is known of the sync tells whether it never was (a mistake in the
// command) or vanished (a matter for a person).
Result<Location> parse_location(std::string_view text, const PluginRegistry& plugins);

// What a path would be called as an item of a directory, "." for the directory itself; nothing
// where it does not lie in it or the location is none.
std::optional<Bytes> key_below(const Location& location, const std::filesystem::path& path);

// The JSON documents that configure the connectors for it, wrappers outermost first and then
// `inside`: the query's values in the types that the schemas name. A value goes to the outermost
// connector that has an option of its name; `inner.` before the name passes it on to the next one.
Result<std::vector<std::string>> connector_configs(const Location& location,
                                                   const PluginDescription& inside);

// The JSON document that configures any plugin from the query of a URL, without '?'. `shown`: what
// the query belongs to, for people.
Result<std::string> config_of_query(const PluginDescription& plugin, std::string_view query,
                                    std::string_view shown);

// The connector for it in all its wrappers, configured; for one of its resource types where it has
// several (empty: its only one).
Result<std::unique_ptr<Connector>> open_connector(PluginRegistry& plugins, const Location& location,
                                                  const std::string& resource_type = {});

} // namespace syncline
