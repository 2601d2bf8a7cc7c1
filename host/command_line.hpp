// The command line: options every command shares, and errors that say what was meant.
#pragma once

#include "syncline/core/status.hpp"
#include "syncline/plugin/plugin_registry.hpp"
#include "syncline/reconcile/rules.hpp"

#include <boost/program_options.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace syncline::host {

namespace po = boost::program_options;

struct CommonOptions {
    std::vector<std::string> plugin_paths;
    bool no_default_plugins = false;
    bool verbose = false;
    std::string log_file;
    std::string output = "text";
    bool json() const { return output == "json"; }
};

void add_common_options(po::options_description& into, CommonOptions& options);

// Parses what follows the command's name. Code::invalid_argument names the mistake and, where there
// is one, the near option. `--help` is left to the caller: vm.count("help").
Status parse_arguments(const std::vector<std::string>& arguments,
                       const po::options_description& options,
                       const po::options_description& positional_options,
                       const po::positional_options_description& positional, po::variables_map& vm);

// --include and --exclude decide by which comes last, so their order on the command line counts;
// the rules of a file (--rules) stand where its option does.
// The arguments must have been parsed without an error.
Status parse_globs(const std::vector<std::string>& arguments,
                   const po::options_description& options, KeyFilter& into);

// Sets up logging and loads the plugins.
Result<std::unique_ptr<PluginRegistry>> open_plugins(const CommonOptions& options);

std::filesystem::path default_state_directory();

// From now on fail() and usage_error() also print a JSON document on stdout, as -o json promises.
// Called before anything is parsed, since what cannot be parsed is an error too.
void errors_as_json(const std::vector<std::string>& arguments);

// {"code", "message"}: what stands under "error" in every JSON document.
nlohmann::ordered_json error_object(const Status& status);

// Prints `syncline: <message>` to stderr.
void complain(const Status& status);

// As complain(), with the JSON document where that was asked for, and gives the exit code.
int fail(const Status& status);
int usage_error(const std::string& message);

} // namespace syncline::host
