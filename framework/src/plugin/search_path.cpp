#include "syncline/core/log.hpp"
#include "syncline/plugin/plugin_registry.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <system_error>

namespace syncline {

namespace {

// Beside the program as it is built, and as it is installed.
constexpr std::array<const char*, 2> kDefaults = {"../plugins", "../lib/syncline/plugins"};

std::filesystem::path absolute(const std::filesystem::path& path) {
    std::error_code error;
    std::filesystem::path result = std::filesystem::absolute(path, error);
    return error ? path : result.lexically_normal();
}

} // namespace

std::vector<std::filesystem::path>
plugin_directories(const std::vector<std::string>& from_command_line, bool no_defaults) {
    std::vector<std::filesystem::path> directories;
    for (const std::string& directory : from_command_line) {
        directories.push_back(absolute(directory));
    }
    if (const char* variable = std::getenv("SYNCLINE_PLUGIN_PATH")) {
        std::string_view rest = variable;
        while (!rest.empty()) {
            const std::string_view entry = rest.substr(0, rest.find(':'));
            rest.remove_prefix(std::min(entry.size() + 1, rest.size()));
            if (entry.starts_with('/')) {
                directories.emplace_back(entry);
            } else if (!entry.empty()) {
                // A relative one would load code from wherever the program happens to be started.
                log(LogLevel::warning, "plugin",
                    "ignored " + std::string(entry) +
                        " in SYNCLINE_PLUGIN_PATH: only absolute directories count");
            }
        }
    }
    if (!no_defaults) {
        std::error_code error;
        const std::filesystem::path program =
            std::filesystem::read_symlink("/proc/self/exe", error);
        for (const char* place : kDefaults) {
            const std::filesystem::path directory =
                (program.parent_path() / place).lexically_normal();
            if (!program.empty() && std::filesystem::is_directory(directory, error)) {
                directories.push_back(directory);
            }
        }
    }
    return directories;
}

} // namespace syncline
