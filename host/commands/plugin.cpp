#include "command_line.hpp"
#include "commands.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

namespace syncline::host {

namespace {

using nlohmann::ordered_json;

std::string label_of(const std::string& id) { return id.substr(id.rfind('.') + 1); }

ordered_json to_json(const PluginDescription& plugin) {
    ordered_json json = {
        {"id", plugin.id},
        {"kind", name_of(plugin.kind)},
        {"name", label_of(plugin.id)},
        {"title", plugin.name},
        {"version", plugin.version},
        {"vendor", plugin.vendor},
        {"description", plugin.description},
        {"url", plugin.url},
        {"schemes", plugin.schemes},
        {"features", plugin.features},
        {"abi", std::to_string(plugin.abi_major) + "." + std::to_string(plugin.abi_minor)},
        {"sdk", plugin.sdk},
        {"library", plugin.library.string()}};
    const ordered_json schema = ordered_json::parse(plugin.config_schema, nullptr, false);
    json["config_schema"] = schema.is_discarded() ? ordered_json(plugin.config_schema) : schema;
    return json;
}

std::string dump(const ordered_json& json) {
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

int list(const PluginRegistry& registry, bool json) {
    const std::vector<PluginDescription> plugins = registry.plugins();
    const std::vector<LoadFailure> failures = registry.failures();
    if (json) {
        ordered_json out = {{"plugins", ordered_json::array()},
                            {"failures", ordered_json::array()}};
        for (const PluginDescription& plugin : plugins) {
            out["plugins"].push_back(to_json(plugin));
        }
        for (const LoadFailure& failure : failures) {
            out["failures"].push_back({{"library", failure.library.string()},
                                       {"kind", name_of(failure.kind)},
                                       {"message", failure.message}});
        }
        std::cout << dump(out) << '\n';
    } else {
        std::size_t width = 4;
        for (const PluginDescription& plugin : plugins) {
            width = std::max(width, label_of(plugin.id).size());
        }
        for (const PluginDescription& plugin : plugins) {
            std::cout << std::left << std::setw(10) << name_of(plugin.kind) << ' '
                      << std::setw(static_cast<int>(width)) << label_of(plugin.id) << "  "
                      << std::setw(8) << plugin.version << ' ' << display_key(plugin.description)
                      << '\n';
        }
        if (plugins.empty()) {
            std::cout << "no plugins found\n";
        }
    }
    std::cout.flush();
    for (const LoadFailure& failure : failures) {
        std::cerr << "syncline: " << display_key(failure.library.string())
                  << " is not used: " << failure.message << '\n';
    }
    return failures.empty() ? exit_code::kInSync : exit_code::kConfiguration;
}

int info(const PluginRegistry& registry, const std::string& name, bool json) {
    Status not_found;
    std::vector<PluginDescription> matches;
    for (const PluginKind kind :
         {PluginKind::connector, PluginKind::strategy, PluginKind::scheduler}) {
        Result<PluginDescription> found = registry.find(kind, name);
        if (found.ok()) {
            matches.push_back(*std::move(found));
        }
    }
    if (matches.empty()) {
        std::vector<std::string> names;
        for (const PluginDescription& plugin : registry.plugins()) {
            names.push_back(label_of(plugin.id));
        }
        const std::string near = nearest(name, names);
        return fail(Status(Code::not_found, "no plugin is called '" + display_key(name) + "'" +
                                                (near.empty() ? "; see 'syncline plugin list'"
                                                              : "; did you mean '" + near + "'?")));
    }
    for (const PluginDescription& plugin : matches) {
        if (json) {
            std::cout << dump(to_json(plugin)) << '\n';
            continue;
        }
        const auto line = [](const char* what, const std::string& value) {
            if (!value.empty()) {
                std::cout << std::left << std::setw(13) << what << display_key(value) << '\n';
            }
        };
        line("name", label_of(plugin.id));
        line("id", plugin.id);
        line("kind", std::string(name_of(plugin.kind)));
        line("title", plugin.name);
        line("version", plugin.version);
        line("vendor", plugin.vendor);
        line("description", plugin.description);
        line("url", plugin.url);
        std::string schemes;
        for (const std::string& scheme : plugin.schemes) {
            schemes +=
                (schemes.empty() ? "" : ", ") + scheme + (plugin.wraps() ? "+SCHEME://" : "://");
        }
        line("schemes", schemes);
        line("library", plugin.library.string());
        line("built with", plugin.sdk + ", ABI " + std::to_string(plugin.abi_major) + "." +
                               std::to_string(plugin.abi_minor));
        const ordered_json schema = ordered_json::parse(plugin.config_schema, nullptr, false);
        if (schema.is_object() && schema.contains("properties") && !schema["properties"].empty()) {
            std::cout << "options\n";
            for (const auto& [option, property] : schema["properties"].items()) {
                std::cout << "  " << std::left << std::setw(24) << option << ' '
                          << (property.is_object()
                                  ? property.value("description", property.value("type", ""))
                                  : "")
                          << '\n';
            }
        }
    }
    return exit_code::kInSync;
}

} // namespace

int plugin_command(const Arguments& arguments) {
    CommonOptions common;
    po::options_description options("usage: syncline plugin list | plugin info NAME\n\nOptions",
                                    100, 60);
    add_common_options(options, common);
    po::options_description hidden;
    std::vector<std::string> words;
    hidden.add_options()("word", po::value(&words));
    po::positional_options_description positional;
    positional.add("word", 2);
    po::variables_map vm;
    const Status parsed = parse_arguments(arguments, options, hidden, positional, vm);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (vm.count("help") != 0) {
        std::cout << options << '\n';
        return exit_code::kInSync;
    }
    const bool list_wanted = words.size() == 1 && words[0] == "list";
    const bool info_wanted = words.size() == 2 && words[0] == "info";
    if (!list_wanted && !info_wanted) {
        return usage_error("use 'syncline plugin list' or 'syncline plugin info NAME'");
    }
    Result<std::unique_ptr<PluginRegistry>> registry = open_plugins(common);
    if (!registry.ok()) {
        return fail(registry.status());
    }
    return list_wanted ? list(**registry, common.json())
                       : info(**registry, words[1], common.json());
}

} // namespace syncline::host
