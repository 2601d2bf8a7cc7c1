#include "plugin/bundle.hpp"

#include <syncline/abi/types.h>

#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace syncline::plugin {

namespace {

constexpr std::uint64_t kManifestVersion = 1;
constexpr std::size_t kMaxManifest = std::size_t{64} * 1024;
constexpr std::size_t kDigestDigits = 64;

#if defined(__x86_64__)
constexpr const char* kPlatform = "linux-x86_64";
#elif defined(__aarch64__)
constexpr const char* kPlatform = "linux-aarch64";
#else
constexpr const char* kPlatform = "linux";
#endif

std::optional<std::string> read_text(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::string text(kMaxManifest + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (file.bad() || (!file.eof() && file.fail())) {
        return std::nullopt;
    }
    text.resize(static_cast<std::size_t>(file.gcount()));
    return text;
}

std::uint64_t number(const nlohmann::json& object, const char* name, std::uint64_t absent) {
    const auto found = object.find(name);
    if (found == object.end()) {
        return absent;
    }
    return found->is_number_unsigned() ? found->get<std::uint64_t>() : UINT64_MAX;
}

bool is_digest(const std::string& text) {
    return text.size() == kDigestDigits && text.find_first_not_of("0123456789abcdef") == text.npos;
}

} // namespace

std::variant<BundledLibrary, LoadFailure> read_bundle(const std::filesystem::path& manifest) {
    const auto failed = [&](LoadFailureKind kind, std::string message) {
        return LoadFailure{kind, manifest, std::move(message)};
    };
    const auto broken = [&](std::string message) {
        return failed(LoadFailureKind::broken, "this manifest " + std::move(message));
    };
    const std::optional<std::string> text = read_text(manifest);
    if (!text) {
        return failed(LoadFailureKind::unreadable, "this manifest cannot be read");
    }
    if (text->size() > kMaxManifest) {
        return broken("is larger than 64 KiB");
    }
    const nlohmann::json root = nlohmann::json::parse(*text, nullptr, false);
    if (!root.is_object()) {
        return broken("is not a JSON object");
    }
    const std::uint64_t version = number(root, "manifest_version", 0);
    if (version == 0 || version == UINT64_MAX) {
        return broken("has no manifest_version");
    }
    if (version > kManifestVersion) {
        return failed(LoadFailureKind::abi_too_new,
                      "manifest_version " + std::to_string(version) +
                          " is newer than this program knows; a newer syncline is needed");
    }
    if (const auto abi = root.find("abi"); abi != root.end()) {
        if (!abi->is_object()) {
            return broken("has an abi that is not an object");
        }
        const std::uint64_t major = number(*abi, "major", SYNCLINE_ABI_MAJOR);
        const std::uint64_t oldest = number(*abi, "min_host_minor", 0);
        if (major < SYNCLINE_ABI_MAJOR) {
            return failed(LoadFailureKind::abi_too_old,
                          "built for plugin ABI " + std::to_string(major) +
                              "; a newer version of the plugin is needed");
        }
        if (major > SYNCLINE_ABI_MAJOR || oldest > SYNCLINE_ABI_MINOR) {
            return failed(LoadFailureKind::abi_too_new,
                          "needs plugin ABI " + std::to_string(major) + "." +
                              std::to_string(oldest) + " or later, and this program has " +
                              std::to_string(SYNCLINE_ABI_MAJOR) + "." +
                              std::to_string(SYNCLINE_ABI_MINOR) + "; a newer syncline is needed");
        }
    }
    if (const auto platform = root.find("platform"); platform != root.end()) {
        if (!platform->is_string() || platform->get_ref<const std::string&>() != kPlatform) {
            return failed(LoadFailureKind::wrong_platform, "built for " +
                                                               platform->dump(-1, ' ', true) +
                                                               ", and this is " + kPlatform);
        }
    }
    const auto files = root.find("files");
    if (files == root.end() || !files->is_object()) {
        return broken("has no files");
    }
    std::optional<BundledLibrary> library;
    for (const auto& [name, digest] : files->items()) {
        if (!name.ends_with(".so")) {
            continue;
        }
        if (library) {
            return broken("names more than one library");
        }
        if (name.find('/') != name.npos || !digest.is_string() ||
            !is_digest(digest.get_ref<const std::string&>())) {
            return broken("must name its library without a directory, with its SHA-256 in 64 "
                          "small hexadecimal digits");
        }
        library = {manifest.parent_path() / name, digest.get<std::string>()};
    }
    if (!library) {
        return broken("names no library (*.so)");
    }
    return *std::move(library);
}

} // namespace syncline::plugin
