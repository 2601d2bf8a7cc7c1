// What the tests of this folder share: a directory of their own, and the plugins that break rules.
#pragma once

#include "fakes/temporary_directory.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>

namespace syncline {

inline std::ostream& operator<<(std::ostream& out, Code code) { return out << name_of(code); }
inline std::ostream& operator<<(std::ostream& out, LoadFailureKind kind) {
    return out << name_of(kind);
}

namespace test {

class TempDir : public fakes::TemporaryDirectory {
public:
    std::filesystem::path operator/(const char* name) const { return path() / name; }
};

inline std::string read_all(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_all(const std::filesystem::path& path, const std::string& content) {
    std::ofstream(path, std::ios::binary) << content;
}

inline std::filesystem::path broken_plugin(const std::string& name) {
    return std::filesystem::path(SYNCLINE_BROKEN_PLUGIN_DIR) / (name + ".so");
}

inline bool has_text(const std::string& text, std::string_view part) {
    const bool found = text.find(part) != text.npos;
    if (!found) {
        BOOST_TEST_MESSAGE("'" << part << "' is not in: " << text);
    }
    return found;
}

// A clock that stands still.
// A registry that has loaded the given libraries or directories.
struct Loaded {
    explicit Loaded(std::vector<std::filesystem::path> directories,
                    const Clock& clock = system_clock())
        : registry(make_plugin_registry(clock)) {
        search.directories = std::move(directories);
        search.caches = {temp / "cache"};
        registry->load(search);
    }
    TempDir temp;
    PluginSearch search;
    std::unique_ptr<PluginRegistry> registry;
};

inline std::string mode(const std::string& name) { return "{\"mode\":\"" + name + "\"}"; }

// The lying plugin, and its instances by mode.
struct Lying : Loaded {
    explicit Lying(const Clock& clock = system_clock()) : Loaded({broken_plugin("lying")}, clock) {}
    Result<std::unique_ptr<Connector>> try_connector(const std::string& how) {
        return registry->make_connector("test.connector.lying", mode(how));
    }
    std::unique_ptr<Connector> connector(const std::string& how) {
        auto made = try_connector(how);
        BOOST_REQUIRE_MESSAGE(made.ok(), made.status().message());
        return *std::move(made);
    }
    std::unique_ptr<ConflictStrategy> strategy(const std::string& how) {
        auto made = registry->make_strategy("test.strategy.lying", mode(how));
        BOOST_REQUIRE_MESSAGE(made.ok(), made.status().message());
        return *std::move(made);
    }
};

} // namespace test
} // namespace syncline
