#include "command_line.hpp"

#include "syncline/core/clock.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/reconcile/rules_file.hpp"

#include <cstdlib>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <unistd.h>

namespace syncline::host {

namespace {

std::filesystem::path home_based(const char* variable, const char* below_home) {
    if (const char* base = std::getenv(variable); base != nullptr && *base == '/') {
        return std::filesystem::path(base) / "syncline";
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') {
        return std::filesystem::path(home) / below_home / "syncline";
    }
    return std::filesystem::temp_directory_path() / ("syncline-" + std::to_string(::getuid()));
}

// Where private copies of plugins may go. They can be made again, so any private place will do.
std::vector<std::filesystem::path> plugin_caches() {
    std::vector<std::filesystem::path> places{home_based("XDG_CACHE_HOME", ".cache") / "plugins"};
    if (const char* run = std::getenv("XDG_RUNTIME_DIR"); run != nullptr && *run == '/') {
        places.push_back(std::filesystem::path(run) / "syncline" / "plugins");
    }
    std::error_code error;
    const std::filesystem::path temporary = std::filesystem::temp_directory_path(error);
    if (!error) {
        // Without a directory in between: one that another user made could be moved away.
        places.push_back(temporary / ("syncline-plugins-" + std::to_string(::geteuid())));
    }
    return places;
}

bool json_errors = false; // set once, before other threads start

Status check_common_values(const po::variables_map& vm) {
    const auto empty = [](const char* option, const char* what) {
        return Status(Code::invalid_argument,
                      std::string("--") + option + " needs " + what + "; it is empty");
    };
    if (vm.count("output") != 0) {
        const std::string& output = vm["output"].as<std::string>();
        if (output != "text" && output != "json") {
            return Status(Code::invalid_argument,
                          "'" + display_key(output) +
                              "' is no output format; use -o text or -o json");
        }
    }
    if (vm.count("log-file") != 0 && vm["log-file"].as<std::string>().empty()) {
        return empty("log-file", "the name of a file");
    }
    if (vm.count("plugin-path") != 0) {
        for (const std::string& path : vm["plugin-path"].as<std::vector<std::string>>()) {
            if (path.empty()) {
                return empty("plugin-path", "a directory");
            }
        }
    }
    return {};
}

} // namespace

void add_common_options(po::options_description& into, CommonOptions& options) {
    auto add = into.add_options();
    add("output,o", po::value(&options.output)->value_name("FORMAT")->default_value("text"),
        "text or json");
    add("plugin-path", po::value(&options.plugin_paths)->value_name("DIR")->composing(),
        "look for plugins here first (repeatable)");
    add("no-default-plugins", po::bool_switch(&options.no_default_plugins),
        "look for plugins nowhere else");
    add("verbose,v", po::bool_switch(&options.verbose), "tell on stderr what is being done");
    add("log-file", po::value(&options.log_file)->value_name("FILE"),
        "append diagnostics to this file");
    add("help,h", "show this help");
}

Status parse_arguments(const std::vector<std::string>& arguments,
                       const po::options_description& options,
                       const po::options_description& positional_options,
                       const po::positional_options_description& positional,
                       po::variables_map& vm) {
    po::options_description all;
    all.add(options).add(positional_options);
    const auto usage = [](std::string message) {
        return Status(Code::invalid_argument, std::move(message));
    };
    try {
        using namespace po::command_line_style;
        const int style = (unix_style & ~allow_guessing);
        po::store(po::command_line_parser(arguments)
                      .options(all)
                      .positional(positional)
                      .style(style)
                      .run(),
                  vm);
        if (vm.count("help") == 0) {
            po::notify(vm);
        }
    } catch (const po::unknown_option& error) {
        std::vector<std::string> names;
        for (const auto& option : options.options()) {
            names.push_back("--" + option->long_name());
        }
        const std::string near = nearest(error.get_option_name(), names);
        return usage("unknown option '" + display_key(error.get_option_name()) + "'" +
                     (near.empty() ? "; see --help" : "; did you mean '" + near + "'?"));
    } catch (const po::too_many_positional_options_error&) {
        return usage("too many arguments; see --help (quote names that contain spaces)");
    } catch (const po::error& error) {
        return usage(std::string(error.what()) + "; see --help");
    }
    return check_common_values(vm);
}

Status parse_globs(const std::vector<std::string>& arguments,
                   const po::options_description& options, KeyFilter& into) {
    using namespace po::command_line_style;
    const auto parsed = po::command_line_parser(arguments)
                            .options(options)
                            .style(unix_style & ~allow_guessing)
                            .allow_unregistered()
                            .run();
    std::vector<FilterRule> rules;
    for (const auto& option : parsed.options) {
        for (const std::string& value : option.value) {
            if (option.string_key == "include" || option.string_key == "exclude") {
                rules.push_back({option.string_key == "include", value, "--" + option.string_key});
            } else if (option.string_key == "rules") {
                Result<std::vector<FilterRule>> from_file = read_rules_file(value);
                if (!from_file.ok()) {
                    return from_file.status();
                }
                std::move(from_file->begin(), from_file->end(), std::back_inserter(rules));
            }
        }
    }
    Result<KeyFilter> filter = KeyFilter::make(std::move(rules));
    if (!filter.ok()) {
        return Status(Code::invalid_argument, filter.status().message());
    }
    into = *std::move(filter);
    return {};
}

Result<std::unique_ptr<PluginRegistry>> open_plugins(const CommonOptions& options) {
    LogOptions log_options;
    log_options.console_level = options.verbose ? LogLevel::debug : LogLevel::error;
    log_options.file = options.log_file;
    if (!init_logging(log_options)) {
        return Status(Code::invalid_config,
                      "cannot write the log file '" + options.log_file +
                          "'; check that its directory exists and may be written");
    }
    for (const std::string& path : options.plugin_paths) {
        std::error_code error;
        if (!std::filesystem::exists(path, error)) {
            return Status(Code::invalid_config, "--plugin-path '" + display_key(path) +
                                                    "': no such directory; check the spelling");
        }
    }
    std::unique_ptr<PluginRegistry> registry = make_plugin_registry(system_clock());
    PluginSearch search;
    search.directories = plugin_directories(options.plugin_paths, options.no_default_plugins);
    search.caches = plugin_caches();
    registry->load(search);
    for (const LoadFailure& failure : registry->failures()) {
        if (failure.kind == LoadFailureKind::cache_refused) {
            return Status(Code::invalid_config,
                          "no plugin can be loaded, for their private copies have no place (" +
                              failure.message +
                              "); set XDG_CACHE_HOME or TMPDIR to a directory that you can write");
        }
        log(LogLevel::warning, "plugin", failure.library.string() + ": " + failure.message);
    }
    for (const PluginDescription& plugin : registry->plugins()) {
        log(LogLevel::debug, "plugin",
            plugin.id + " " + plugin.version + " from " + plugin.library.string());
    }
    return registry;
}

std::filesystem::path default_state_directory() {
    return home_based("XDG_STATE_HOME", ".local/state");
}

void errors_as_json(const std::vector<std::string>& arguments) {
    for (std::size_t i = 0; i < arguments.size() && arguments[i] != "--"; ++i) {
        const std::string& word = arguments[i];
        const bool names_value = (word == "-o" || word == "--output") && i + 1 < arguments.size();
        const std::string& value = names_value ? arguments[i + 1] : word;
        json_errors = json_errors || (names_value && value == "json") || word == "-ojson" ||
                      word == "--output=json";
    }
}

nlohmann::ordered_json error_object(const Status& status) {
    const std::string& message = status.message();
    return {{"code", name_of(status.code())},
            {"message", is_utf8(message) ? message : display_line(message)}};
}

void complain(const Status& status) {
    std::cerr << "syncline: " << display_line(status.message()) << '\n';
}

int fail(const Status& status) {
    const int code = exit_code_of(status);
    if (json_errors) {
        const nlohmann::ordered_json document = {{"error", error_object(status)},
                                                 {"exit_code", code}};
        std::cout << document.dump(2) << std::endl;
    }
    complain(status);
    return code;
}

int usage_error(const std::string& message) { return fail({Code::invalid_argument, message}); }

} // namespace syncline::host
