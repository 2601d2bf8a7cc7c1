#include "command_line.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <exception>
#include <initializer_list>
#include <iostream>
#include <memory>
#include <utility>

namespace {

using namespace syncline;
using namespace syncline::host;

int dispatch(const std::string& command, const Arguments& rest) {
    if (command == "help" || command == "--help" || command == "-h") {
        return help_command(rest);
    }
    if (command == "version" || command == "--version") {
        return version_command(rest);
    }
    if (command == "plugin") {
        return plugin_command(rest);
    }
    using RunCommand = int (*)(const Arguments&, const std::shared_ptr<Interrupts>&);
    for (const auto& [name, run] :
         std::initializer_list<std::pair<const char*, RunCommand>>{{"sync", sync_command},
                                                                   {"plan", plan_command},
                                                                   {"apply", apply_command},
                                                                   {"explain", explain_command}}) {
        if (command == name) {
            return run(rest, std::make_shared<Interrupts>(syncline::system_clock()));
        }
    }
    const std::vector<std::string> known{"sync",   "plan",    "apply", "explain",
                                         "plugin", "version", "help"};
    const std::string near = nearest(command, known);
    return usage_error("unknown command '" + display_key(command) + "'" +
                       (near.empty() ? "; see 'syncline help'" : "; did you mean '" + near + "'?"));
}

} // namespace

int main(int argc, char** argv) {
    try {
        if (argc < 2) {
            return usage_error("no command given; see 'syncline help'");
        }
        const int code = dispatch(argv[1], Arguments(argv + 2, argv + argc));
        if (!std::cout.flush()) {
            std::cerr << "syncline: could not write the result to standard output\n";
            return code == syncline::exit_code::kInSync ? syncline::exit_code::kUnexpected : code;
        }
        return code;
    } catch (const std::exception& error) {
        std::cerr << "syncline: unexpected error: " << error.what()
                  << "; please report it with what you did\n";
        return syncline::exit_code::kUnexpected;
    }
}
