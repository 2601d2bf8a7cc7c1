#include "syncline/orchestrate/location.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

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
    location.shown = location.canonical;
    location.directory = location.canonical;
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

// What a connector's schema says about its options.
class Options {
public:
    explicit Options(const PluginDescription& connector)
        : id_(connector.id),
          schema_(nlohmann::json::parse(connector.config_schema, nullptr, false)) {}

    const std::string& id() const { return id_; }
    bool names(const std::string& option) const { return property(option) != nullptr; }
    bool takes_any() const {
        return !has_properties() || schema_.value("additionalProperties", true);
    }
    std::vector<std::string> all() const {
        std::vector<std::string> names;
        if (has_properties()) {
            for (const auto& [name, unused] : schema_["properties"].items()) {
                names.push_back(name);
            }
        }
        return names;
    }
    bool is_list(const std::string& option) const { return type_of(property(option)) == "array"; }
    // "string" where the schema says nothing else.
    std::string type_of_one(const std::string& option) const {
        const nlohmann::json* found = property(option);
        if (type_of(found) == "array") {
            return found->contains("items") ? type_of(&(*found)["items"]) : "string";
        }
        return type_of(found);
    }

private:
    bool has_properties() const { return schema_.is_object() && schema_.contains("properties"); }
    const nlohmann::json* property(const std::string& option) const {
        return has_properties() && schema_["properties"].contains(option)
                   ? &schema_["properties"][option]
                   : nullptr;
    }
    static std::string type_of(const nlohmann::json* property) {
        return property != nullptr && property->is_object() ? property->value("type", "string")
                                                            : "string";
    }

    std::string id_;
    nlohmann::json schema_;
};

template <typename Number>
std::optional<Number> number_of(const std::string& text) {
    Number number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

// A query value in the type its schema names.
Result<nlohmann::json> coerce(const std::string& name, const std::string& value,
                              const std::string& type) {
    const auto bad = [&](std::string_view expected) {
        return Status(Code::invalid_config, "the value '" + display_key(value) + "' of '" + name +
                                                "' should be " + std::string(expected));
    };
    if (type == "integer") {
        const std::optional<std::int64_t> number = number_of<std::int64_t>(value);
        return number ? Result<nlohmann::json>(*number) : bad("a whole number");
    }
    if (type == "number") {
        const std::optional<double> number = number_of<double>(value);
        return number && std::isfinite(*number) ? Result<nlohmann::json>(*number) : bad("a number");
    }
    if (type == "boolean") {
        if (value != "true" && value != "false") {
            return bad("true or false");
        }
        return nlohmann::json(value == "true");
    }
    if (type == "object") {
        nlohmann::json object = nlohmann::json::parse(value, nullptr, false);
        return object.is_object() ? Result<nlohmann::json>(std::move(object))
                                  : bad("a JSON object");
    }
    if (!is_utf8(value)) {
        return bad("UTF-8 text");
    }
    return nlohmann::json(value);
}

// Which connector an option of the query is for, from the outermost on.
struct Addressee {
    std::size_t index;
    std::string option;
};

Result<Addressee> addressee_of(const std::string& name, const std::vector<Options>& connectors) {
    constexpr std::string_view inwards = "inner.";
    std::string option = name;
    std::size_t first = 0;
    while (option.starts_with(inwards) && first + 1 < connectors.size() &&
           !connectors[first].names(option)) {
        option.erase(0, inwards.size());
        ++first;
    }
    for (std::size_t index = first; index < connectors.size(); ++index) {
        if (connectors[index].names(option)) {
            return Addressee{index, option};
        }
    }
    if (connectors.back().takes_any()) {
        return Addressee{connectors.size() - 1, option};
    }
    std::string ids;
    std::vector<std::string> candidates;
    for (std::size_t index = first; index < connectors.size(); ++index) {
        const Options& connector = connectors[index];
        ids += (ids.empty()                      ? ""
                : index + 1 == connectors.size() ? " nor "
                                                 : ", ") +
               connector.id();
        const std::vector<std::string> names = connector.all();
        candidates.insert(candidates.end(), names.begin(), names.end());
    }
    const std::string near = nearest(option, candidates);
    const bool several = first + 1 < connectors.size();
    return Status(Code::invalid_config,
                  (several ? "neither " + ids + " has an option '" : ids + " has no option '") +
                      display_key(option) + "'" +
                      (near.empty() ? "" : "; did you mean '" + near + "'?"));
}

// The scheme of the wrapper that begins `scheme`, and its connector; none if nothing wraps here.
std::optional<std::pair<std::string_view, PluginDescription>>
wrapper_of(std::string_view scheme, const PluginRegistry& plugins) {
    const Result<PluginDescription> found = plugins.find_scheme(scheme);
    if (!found.ok() || !found->wraps()) {
        return std::nullopt;
    }
    std::string_view longest;
    for (const std::string& own : found->schemes) {
        if (own.size() > longest.size() && scheme.starts_with(own) &&
            scheme.substr(own.size()).starts_with('+')) {
            longest = scheme.substr(0, own.size());
        }
    }
    if (longest.empty()) {
        return std::nullopt; // the wrapper alone; it says itself what it needs
    }
    return std::pair(longest, *found);
}

Result<Location> wrapped_location(std::string_view text, std::string_view scheme,
                                  PluginDescription wrapper, const PluginRegistry& plugins) {
    Result<Location> inside = parse_location(text.substr(scheme.size() + 1), plugins);
    if (!inside.ok()) {
        return inside;
    }
    const auto around = [&](const std::string& place) {
        return std::string(scheme) + "+" + (place.starts_with('/') ? inside->url : place);
    };
    inside->shown = around(inside->shown);
    if (!wrapper.is_transparent()) {
        inside->canonical = around(inside->canonical);
    }
    inside->wrappers.insert(inside->wrappers.begin(), {std::move(wrapper), inside->shown});
    return inside;
}

} // namespace

Result<Location> parse_location(std::string_view text, const PluginRegistry& plugins) {
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
    if (auto wrapper = wrapper_of(*scheme, plugins)) {
        return wrapped_location(text, wrapper->first, std::move(wrapper->second), plugins);
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
    location.shown = location.canonical;
    return location;
}

std::optional<Bytes> key_below(const Location& location, const std::filesystem::path& path) {
    if (location.directory.empty()) {
        return std::nullopt;
    }
    std::error_code error;
    const std::filesystem::path real = std::filesystem::weakly_canonical(path, error);
    const std::filesystem::path root(location.directory);
    const auto [in_root, unused] =
        std::mismatch(root.begin(), root.end(), real.begin(), real.end());
    if (error || in_root != root.end()) {
        return std::nullopt;
    }
    return real.lexically_relative(root).generic_string();
}

namespace {

// Puts the values of a query where they belong: `configs` has one document for each connector.
Status configure(std::string_view rest, std::string_view shown,
                 const std::vector<Options>& connectors, std::vector<nlohmann::json>& configs) {
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
                          "the query of '" + std::string(shown) + "' is not %-encoded text");
        }
        const Result<Addressee> to = addressee_of(*name, connectors);
        if (!to.ok()) {
            return to.status();
        }
        const std::string& option = to->option;
        if (option == "url") {
            return Status(Code::invalid_config,
                          "'url' cannot be given in the query of '" + std::string(shown) + "'");
        }
        const Options& connector = connectors[to->index];
        nlohmann::json& config = configs[to->index];
        Result<nlohmann::json> typed = coerce(option, *value, connector.type_of_one(option));
        if (!typed.ok()) {
            return typed.status();
        }
        if (config.contains(option)) {
            if (!config[option].is_array()) {
                config[option] = nlohmann::json::array({config[option]});
            }
            config[option].push_back(*std::move(typed));
        } else if (connector.is_list(option)) {
            config[option] = nlohmann::json::array({*std::move(typed)});
        } else {
            config[option] = *std::move(typed);
        }
    }
    return {};
}

} // namespace

Result<std::string> config_of_query(const PluginDescription& plugin, std::string_view query,
                                    std::string_view shown) {
    std::vector<nlohmann::json> configs{nlohmann::json::object()};
    SYNCLINE_TRY(configure(query, shown, {Options(plugin)}, configs));
    return configs.front().dump();
}

Result<std::vector<std::string>> connector_configs(const Location& location,
                                                   const PluginDescription& inside) {
    std::vector<Options> connectors;
    std::vector<nlohmann::json> configs;
    for (const Wrapper& wrapper : location.wrappers) {
        connectors.emplace_back(wrapper.connector);
        configs.push_back({{"url", wrapper.url}});
    }
    connectors.emplace_back(inside);
    configs.push_back({{"url", location.url}});
    SYNCLINE_TRY(configure(location.query, location.shown, connectors, configs));
    std::vector<std::string> documents;
    for (const nlohmann::json& config : configs) {
        documents.push_back(config.dump());
    }
    return documents;
}

Result<std::unique_ptr<Connector>> open_connector(PluginRegistry& plugins, const Location& location,
                                                  const std::string& resource_type) {
    const Result<PluginDescription> inside = plugins.find_scheme(location.scheme);
    if (!inside.ok()) {
        return inside.status();
    }
    Result<std::vector<std::string>> configs = connector_configs(location, *inside);
    if (!configs.ok()) {
        return configs.status();
    }
    if (!resource_type.empty()) {
        nlohmann::json config = nlohmann::json::parse(configs->back());
        config["resource"] = resource_type;
        configs->back() = config.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    }
    Result<std::unique_ptr<Connector>> connector =
        plugins.make_connector(inside->id, configs->back());
    for (std::size_t left = location.wrappers.size(); left > 0 && connector.ok(); --left) {
        connector = plugins.make_wrapper(location.wrappers[left - 1].connector.id,
                                         (*configs)[left - 1], *std::move(connector));
    }
    if (!connector.ok()) {
        return connector.status().with_context(location.shown);
    }
    return connector;
}

} // namespace syncline
