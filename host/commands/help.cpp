#include "command_line.hpp"
#include "commands.hpp"

#include <iostream>

namespace syncline::host {

int version_command(const Arguments& arguments) {
    if (!arguments.empty() && arguments[0] != "--help" && arguments[0] != "-h") {
        return usage_error("'syncline version' takes no arguments; see 'syncline help'");
    }
    std::cout << "syncline " << SYNCLINE_VERSION << '\n';
    return 0;
}

int help_command(const Arguments&) {
    std::cout << R"(Syncline keeps two places in sync, through plugins.

usage: syncline COMMAND ...

  sync SOURCE TARGET    make both sides the same
  plan SOURCE TARGET    show what sync would do; changes nothing
  apply PLAN            carry out a plan that 'plan --out' wrote
  explain SOURCE TARGET KEY
                        say what would happen to one item, and why
  plugin list           which plugins there are, and which could not be used
  plugin info NAME      what one plugin is and how it is configured
  version               print the version
  help                  print this

SOURCE and TARGET are directories, or URLs of a scheme that a connector plugin takes.
'syncline COMMAND --help' tells a command's options.

Exit codes: 0 in sync, 1 unexpected error, 2 usage, 3 configuration or missing root, 4 some items failed,
5 temporary failure (run again), 6 unresolved conflicts, 7 needs a person, 8 a guard stopped the run before it
changed anything, 11 another run holds the lock, 130 or 143 interrupted.
)";
    return 0;
}

} // namespace syncline::host
