#include "command_line.hpp"

#include "syncline/core/clock.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <cstdlib>
#include <iostream>
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
    if (vm.count("output") != 0) {
        const std::string& output = vm["output"].as<std::string>();
        if (output != "text" && output != "json") {
            return usage("'" + display_key(output) +
                         "' is no output format; use -o text or -o json");
        }
    }
    return {};
}

Status parse_globs(const std::vector<std::string>& arguments,
                   const po::options_description& options, KeyFilter& into) {
    using namespace po::command_line_style;
    const auto parsed = po::command_line_parser(arguments)
                            .options(options)
                            .style(unix_style & ~allow_guessing)
                            .allow_unregistered()
                            .run();
    std::vector<std::pair<bool, std::string>> globs;
    for (const auto& option : parsed.options) {
        if (option.string_key == "include" || option.string_key == "exclude") {
            for (const std::string& glob : option.value) {
                globs.emplace_back(option.string_key == "include", glob);
            }
        }
    }
    Result<KeyFilter> filter = KeyFilter::make(globs);
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
    std::unique_ptr<PluginRegistry> registry = make_plugin_registry(system_clock());
    PluginSearch search;
    search.directories = plugin_directories(options.plugin_paths, options.no_default_plugins);
    search.cache = home_based("XDG_CACHE_HOME", ".cache") / "plugins";
    registry->load(search);
    for (const LoadFailure& failure : registry->failures()) {
        log(LogLevel::warning, "plugin", failure.library.string() + ": " + failure.message);
    }
    return registry;
}

std::filesystem::path default_state_directory() {
    return home_based("XDG_STATE_HOME", ".local/state");
}

int fail(const Status& status) {
    std::cerr << "syncline: " << status.message() << '\n';
    return exit_code_of(status);
}

int usage_error(const std::string& message) {
    std::cerr << "syncline: " << message << '\n';
    return exit_code::kUsage;
}

} // namespace syncline::host
