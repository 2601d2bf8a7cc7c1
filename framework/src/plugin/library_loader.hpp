// From a file to a library that is loaded, initialised and described, or to the reason why not.
//
// What is mapped stays mapped for the life of the process: its code may be on some thread's stack,
// and runtimes do not survive unloading. A Library only counts who uses it; the last user undoes
// init. One mutex guards loading.
#pragma once

#include "plugin/host_services.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <syncline/abi/entry.h>

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace syncline::plugin {

// One thing a library offers. `location` and all that depends on where the library was found is the
// registry's.
struct Offer {
    const syncline_descriptor* descriptor = nullptr;
    PluginDescription description;
};

class Library {
public:
    Library(const syncline_entry& entry, std::unique_ptr<HostServices> host)
        : entry_(entry), host_(std::move(host)) {}
    ~Library();
    Library(const Library&) = delete;
    Library& operator=(const Library&) = delete;

    const syncline_factory& factory() const { return *factory_; }
    const std::vector<Offer>& offers() const { return offers_; }
    // Lifecycle calls of the library's instances, one at a time.
    std::mutex& control() const { return control_; }

private:
    friend class LibraryLoader;

    const syncline_entry& entry_;
    std::unique_ptr<HostServices> host_; // outlives deinit
    const syncline_factory* factory_ = nullptr;
    std::vector<Offer> offers_;
    mutable std::mutex control_;
};

using Loaded = std::variant<std::shared_ptr<const Library>, LoadFailure>;

// What a bundle's manifest promises about its library.
struct LibraryPin {
    std::string digest; // SHA-256 in hexadecimal; empty: any
};

class LibraryLoader {
public:
    // `cache` has been prepared by prepare_cache().
    LibraryLoader(std::filesystem::path cache, const Clock& clock)
        : cache_(std::move(cache)), clock_(clock) {}

    // A library that is loaded already, by its content, is not initialised twice. Never throws.
    Loaded load(const std::filesystem::path& path, const LibraryPin& pin) const;

private:
    Loaded load_locked(const std::filesystem::path& path, const LibraryPin& pin) const;
    std::optional<LoadFailure> open(const std::filesystem::path& path,
                                    const std::filesystem::path& copy,
                                    const syncline_entry** entry) const;
    std::optional<LoadFailure> describe(const std::filesystem::path& path, Library& library) const;

    const std::filesystem::path cache_;
    const Clock& clock_;
};

} // namespace syncline::plugin
