// Finds plugins on disk, loads them and makes instances of what they offer. One broken plugin hides
// no other: it is kept with the reason why it cannot be used, and the others work.
//
// Libraries are loaded from a private copy named by its digest, so that the bytes that were checked
// are the bytes that are mapped, and replacing an installed file never touches a running one. They
// are never unloaded.
//
// Threads: load() from one thread; everything else from any thread.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/conflict_strategy.hpp"
#include "syncline/plugin/connector.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

enum class PluginKind : std::uint32_t { connector = 1, strategy = 2, scheduler = 3 };
std::string_view name_of(PluginKind kind);

// One thing a library offers, as its descriptor tells before anything of it is created.
struct PluginDescription {
    bool has_feature(std::string_view feature) const;
    // A connector around another one, which it gets from make_wrapper().
    bool wraps() const { return has_feature("wrapper"); }
    // Of a wrapper: shows exactly what the inner connector holds, so both are the same place.
    bool is_transparent() const { return has_feature("transparent"); }

    PluginKind kind = PluginKind::connector;
    std::string id; // <vendor>.<kind>.<name>
    std::string version;
    std::string name;
    std::string vendor;
    std::string description;
    std::string url;
    std::string config_schema; // JSON Schema text
    std::uint64_t caps_max = 0;
    std::vector<std::string> features;
    std::vector<std::string> schemes; // connectors: the URL schemes they take
    std::filesystem::path library;    // where it was found, not the private copy
    std::string sdk;
    unsigned abi_major = 0;
    unsigned abi_minor = 0;
};

enum class LoadFailureKind {
    not_found,
    wrong_platform,
    missing_dependency,
    no_entry,
    abi_too_new,
    abi_too_old,
    init_failed,
    broken,         // the entry or its factory breaks the rules of the ABI
    unreadable,     // the file, or the manifest of its bundle, cannot be read
    digest_differs, // not the file that the manifest of its bundle names
    cache_refused,  // no private place for copies; `library` is the first of those that were tried,
                    // and nothing was loaded
};
std::string_view name_of(LoadFailureKind kind);

struct LoadFailure {
    LoadFailureKind kind = LoadFailureKind::broken;
    std::filesystem::path library;
    std::string message; // what is wrong and what to do
};

struct PluginSearch {
    std::vector<std::filesystem::path>
        directories; // in order of preference; a file loads that library alone
    // Private copies go to the first of these that can be used, created 0700.
    std::vector<std::filesystem::path> caches;
};

// --plugin-path directories, then SYNCLINE_PLUGIN_PATH (absolute entries only), then unless
// `no_defaults` ../plugins beside the program.
std::vector<std::filesystem::path>
plugin_directories(const std::vector<std::string>& from_command_line, bool no_defaults);

class PluginRegistry {
public:
    virtual ~PluginRegistry() = default;

    // Loads everything in the directories. Called again, it takes up what was added or replaced
    // since: new instances come from the new libraries, existing ones go on with the old.
    virtual void load(const PluginSearch& search) = 0;
    // As load(), where it looked last, if a file there was added, replaced or removed since; each
    // run begins with it. A library that was replaced by one that cannot be used stays in use.
    virtual void refresh() {}

    virtual std::vector<PluginDescription>
    plugins() const = 0; // sorted by kind and id; one per id, the one that is used
    virtual std::vector<LoadFailure> failures() const = 0;

    // By full id or, where unambiguous, its last label. The error suggests a near name and lists
    // full ids.
    virtual Result<PluginDescription> find(PluginKind kind, std::string_view id_or_label) const = 0;
    // The connector with the longest registered scheme that fits: the whole of `scheme`, or all
    // before one of its '+'.
    virtual Result<PluginDescription> find_scheme(std::string_view scheme) const = 0;

    // `config_json` is valid under the description's schema as far as the plugin checks it: errors
    // name the place. The instance may outlive nothing but the registry.
    virtual Result<std::unique_ptr<Connector>> make_connector(std::string_view id,
                                                              std::string_view config_json) = 0;
    // As make_connector, of one that wraps `inner`, which must come from this registry. The wrapper
    // alone uses it from then on, and it lives until after the wrapper.
    virtual Result<std::unique_ptr<Connector>> make_wrapper(std::string_view id,
                                                            std::string_view config_json,
                                                            std::unique_ptr<Connector> inner) = 0;
    virtual Result<std::unique_ptr<ConflictStrategy>>
    make_strategy(std::string_view id, std::string_view config_json) = 0;
};

std::unique_ptr<PluginRegistry> make_plugin_registry(const Clock& clock);

} // namespace syncline
