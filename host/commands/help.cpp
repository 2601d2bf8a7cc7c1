#include "command_line.hpp"
#include "commands.hpp"
#include "syncline/core/text.hpp"

#include <iostream>

namespace syncline::host {

int version_command(const Arguments& arguments) {
    if (!arguments.empty() && arguments[0] != "--help" && arguments[0] != "-h") {
        return usage_error("'syncline version' takes no arguments; see 'syncline help'");
    }
    std::cout << "syncline " << SYNCLINE_VERSION << '\n';
    return 0;
}

int help_command(const Arguments& arguments) {
    const bool wants_more = arguments.size() == 1 && arguments[0] != "help" &&
                            arguments[0] != "--help" && arguments[0] != "-h";
    if (wants_more || arguments.size() > 1) {
        return usage_error("there is no help about '" + display_key(arguments[0]) +
                           "'; see 'syncline help'");
    }
    std::cout << R"(Syncline keeps two places in sync, through plugins.

usage: syncline COMMAND ...

  sync SOURCE TARGET            make both sides the same
  plan SOURCE TARGET            show what sync would do; changes nothing
  apply PLAN                    carry out a plan that 'plan --out' wrote
  explain SOURCE TARGET KEY     say what would happen to one item, and why
  conflicts list|show|resolve SOURCE TARGET ...
                                what both sides changed: look at it and settle it
  failures list|retry|drop SOURCE TARGET ...
                                what the last run could not bring over
  history SOURCE TARGET         which runs there were, and what each did (--run N)
  undo SOURCE TARGET RUN        put what a run wrote back to what was there before it
  restore SOURCE TARGET KEY     bring one item's old content back
  verify SOURCE TARGET          compare both sides byte by byte; changes nothing
  plugin list                   which plugins there are, and which could not be used
  plugin info NAME              what one plugin is and how it is configured
  version                       print the version
  help [COMMAND]                print this, or a command's options

SOURCE and TARGET are directories, or URLs of a scheme that a connector plugin takes.
'syncline COMMAND --help' tells a command's options.

Exit codes: 0 in sync, 1 unexpected error, 2 usage, 3 configuration or missing root, 4 some items failed,
5 temporary failure (run again), 6 unresolved conflicts, 7 needs a person, 8 a guard stopped the run before it
changed anything, 9 verify found differences, 11 another run holds the lock, 130 or 143 interrupted, 141 nobody read
the output to its end.
)";
    return 0;
}

} // namespace syncline::host
