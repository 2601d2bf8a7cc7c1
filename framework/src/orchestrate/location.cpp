#include "syncline/orchestrate/location.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

namespace syncline {

namespace {

bool unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~' || c == '/';
}

std::string percent_encode(std::string_view text) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const char raw : text) {
        const auto c = static_cast<unsigned char>(raw);
        if (unreserved(c)) {
            out += raw;
        } else {
            out += '%';
            out += digits[c >> 4U];
            out += digits[c & 15U];
        }
    }
    return out;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        unsigned value = 0;
        if (i + 2 >= text.size()) {
            return std::nullopt;
        }
        const auto [end, error] =
            std::from_chars(text.data() + i + 1, text.data() + i + 3, value, 16);
        if (error != std::errc() || end != text.data() + i + 3) {
            return std::nullopt;
        }
        out += static_cast<char>(value);
        i += 2;
    }
    return out;
}

// What stands before the first `separator`; all of `text` where there is none. (Not with
// string_view::find, whose inlined search GCC 12 warns about where the text may be empty.)
std::string_view before(std::string_view text, char separator) {
    const auto end = std::find(text.begin(), text.end(), separator);
    return text.substr(0, static_cast<std::size_t>(end - text.begin()));
}

// The scheme of `text` if it is a URL: `^[a-z][a-z0-9+.-]*://`.
std::optional<std::string_view> scheme_of(std::string_view text) {
    const std::size_t end = text.find("://");
    if (end == std::string_view::npos || end == 0 || text[0] < 'a' || text[0] > 'z') {
        return std::nullopt;
    }
    const std::string_view scheme = text.substr(0, end);
    const bool legal = std::all_of(scheme.begin(), scheme.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '.' || c == '-';
    });
    return legal ? std::optional(scheme) : std::nullopt;
}

Result<Location> directory_location(std::string_view text) {
    std::error_code error;
    std::filesystem::path real =
        std::filesystem::weakly_canonical(std::filesystem::path(text), error);
    if (error) {
        return Status(Code::permission_denied, "'" + display_key(text) + "': " + error.message());
    }
    real = std::filesystem::absolute(real, error).lexically_normal();
    if (!real.has_filename() && real.has_relative_path()) {
        real = real.parent_path(); // a trailing slash is no other place
    }
    Location location;
    location.scheme = "file";
    location.canonical = real.native();
    location.url = "file://" + percent_encode(real.native());
    const std::filesystem::file_status status = std::filesystem::status(real, error);
    if (!std::filesystem::exists(status)) {
        location.missing = "'" + display_key(text) +
                           "': no such directory; create it first (mkdir) or check the spelling";
    } else if (!std::filesystem::is_directory(status)) {
        location.missing =
            "'" + display_key(text) + "' is not a directory; a sync needs two directories";
    }
    return location;
}

// A query value in the type its schema names; text where the schema says nothing else.
Result<nlohmann::json> coerce(const std::string& name, const std::string& value,
                              const nlohmann::json& schema) {
    const auto bad = [&](std::string_view expected) {
        return Status(Code::invalid_config, "the value '" + value + "' of '" + name +
                                                "' should be " + std::string(expected));
    };
    std::string type = "string";
    const nlohmann::json* property = nullptr;
    if (schema.contains("properties") && schema["properties"].contains(name)) {
        property = &schema["properties"][name];
        type = property->value("type", "string");
        if (type == "array" && property->contains("items")) {
            type = (*property)["items"].value("type", "string");
        }
    }
    if (type == "integer" || type == "number") {
        if (type == "integer") {
            std::int64_t number = 0;
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), number);
            if (error != std::errc() || end != value.data() + value.size()) {
                return bad("a whole number");
            }
            return nlohmann::json(number);
        }
        double number = 0;
        const auto [end, error] =
            std::from_chars(value.data(), value.data() + value.size(), number);
        if (error != std::errc() || end != value.data() + value.size()) {
            return bad("a number");
        }
        return nlohmann::json(number);
    }
    if (type == "boolean") {
        if (value != "true" && value != "false") {
            return bad("true or false");
        }
        return nlohmann::json(value == "true");
    }
    if (!is_utf8(value)) {
        return bad("UTF-8 text");
    }
    return nlohmann::json(value);
}

} // namespace

Result<Location> parse_location(std::string_view text) {
    if (text.empty()) {
        return Status(Code::invalid_config,
                      "a side of the sync is empty; name a directory or a URL");
    }
    const std::optional<std::string_view> scheme = scheme_of(text);
    if (!scheme) {
        return directory_location(text);
    }
    if (std::count(text.begin(), text.end(), '\0') != 0 || !is_utf8(text)) {
        return Status(Code::invalid_config,
                      "a URL must be UTF-8 text without NUL: '" + display_key(text) + "'");
    }
    Location location;
    location.scheme = *scheme;
    const std::size_t question = text.find('?');
    location.url = text.substr(0, question);
    location.query = question == std::string_view::npos ? "" : text.substr(question + 1);
    if (location.scheme == "file") {
        // The same directory must be the same place however it is written.
        std::string_view path =
            std::string_view(location.url).substr(std::string_view("file://").size());
        if (path.starts_with("localhost/")) {
            path.remove_prefix(std::string_view("localhost").size());
        }
        const std::optional<std::string> decoded = percent_decode(path);
        if (!decoded || !decoded->starts_with('/') ||
            std::count(decoded->begin(), decoded->end(), '\0') != 0) {
            return Status(Code::invalid_config,
                          "'" + location.url +
                              "' should be file:// and an absolute path, %-encoded");
        }
        Result<Location> directory = directory_location(*decoded);
        if (directory.ok()) {
            directory->query = location.query;
        }
        return directory;
    }
    location.canonical = location.url;
    const std::size_t host = location.scheme.size() + 3;
    const std::size_t host_end =
        std::min(location.canonical.find('/', host), location.canonical.size());
    const std::size_t at = location.canonical.rfind('@', host_end);
    if (at != std::string::npos && at >= host) {
        location.canonical.erase(host, at + 1 - host); // user info is nobody's business
    }
    while (location.canonical.size() > host + 1 && location.canonical.back() == '/') {
        location.canonical.pop_back();
    }
    return location;
}

Result<std::string> connector_config(const Location& location, const PluginDescription& connector) {
    nlohmann::json config = {{"url", location.url}};
    const nlohmann::json schema = nlohmann::json::parse(connector.config_schema, nullptr, false);
    std::string_view rest = location.query;
    while (!rest.empty()) {
        const std::string_view pair = before(rest, '&');
        rest.remove_prefix(std::min(pair.size() + 1, rest.size()));
        if (pair.empty()) {
            continue;
        }
        const std::string_view raw_name = before(pair, '=');
        const std::optional<std::string> name = percent_decode(raw_name);
        const std::optional<std::string> value =
            percent_decode(raw_name.size() < pair.size() ? pair.substr(raw_name.size() + 1)
                                                         : std::string_view("true"));
        if (!name || !value || !is_utf8(*name)) {
            return Status(Code::invalid_config,
                          "the query of '" + location.canonical + "' is not %-encoded text");
        }
        if (*name == "url") {
            return Status(Code::invalid_config,
                          "'url' cannot be given in the query of '" + location.canonical + "'");
        }
        const bool known = !schema.is_object() || !schema.contains("properties") ||
                           schema["properties"].contains(*name) ||
                           schema.value("additionalProperties", true);
        if (!known) {
            std::vector<std::string> names;
            for (const auto& [property, unused] : schema["properties"].items()) {
                names.push_back(property);
            }
            const std::string near = nearest(*name, names);
            return Status(Code::invalid_config,
                          connector.id + " has no option '" + *name + "'" +
                              (near.empty() ? "" : "; did you mean '" + near + "'?"));
        }
        Result<nlohmann::json> typed = coerce(*name, *value, schema);
        if (!typed.ok()) {
            return typed.status();
        }
        const bool array = schema.is_object() && schema.contains("properties") &&
                           schema["properties"].contains(*name) &&
                           schema["properties"][*name].value("type", "") == "array";
        if (config.contains(*name)) {
            if (!config[*name].is_array()) {
                config[*name] = nlohmann::json::array({config[*name]});
            }
            config[*name].push_back(*std::move(typed));
        } else if (array) {
            config[*name] = nlohmann::json::array({*std::move(typed)});
        } else {
            config[*name] = *std::move(typed);
        }
    }
    return config.dump();
}

} // namespace syncline
