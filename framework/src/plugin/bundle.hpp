// A plugin with a manifest: <name>/plugin.json beside its library, read before anything is opened.
//
//     { "manifest_version": 1, "id": "example.connector.shelf", "version": "1.0.0", "kinds":
//     ["connector"],
//       "abi": { "major": 1, "minor": 0, "min_host_minor": 0 }, "platform": "linux-x86_64",
//       "files": { "shelf.so": "<SHA-256 in hexadecimal>" } }
//
// Only manifest_version and files are required. Members this version does not know are ignored; a
// manifest that must not be read so has a higher manifest_version.
#pragma once

#include "syncline/plugin/plugin_registry.hpp"

#include <filesystem>
#include <string>
#include <variant>

namespace syncline::plugin {

inline constexpr const char* kManifestName = "plugin.json";

struct BundledLibrary {
    std::filesystem::path path;
    std::string digest; // SHA-256 in hexadecimal, as the manifest says
};

// `manifest` is the path of a plugin.json.
std::variant<BundledLibrary, LoadFailure> read_bundle(const std::filesystem::path& manifest);

} // namespace syncline::plugin
