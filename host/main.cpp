#include "command_line.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <iostream>
#include <memory>
#include <poll.h>
#include <unistd.h>

namespace {

using namespace syncline;
using namespace syncline::host;

int dispatch(const std::string& command, const Arguments& rest) {
    const std::vector<std::string> known{"sync", "plan", "plugin", "version", "help"};
    if (command == "help" || command == "--help" || command == "-h") {
        const bool of_command =
            !rest.empty() && std::find(known.begin(), known.end(), rest[0]) != known.end();
        return of_command && rest[0] != "help" ? dispatch(rest[0], {"--help"}) : help_command(rest);
    }
    if (command == "version" || command == "--version") {
        return version_command(rest);
    }
    if (command == "plugin") {
        return plugin_command(rest);
    }
    if (command == "sync" || command == "plan") {
        const auto interrupts = std::make_shared<Interrupts>(syncline::system_clock());
        return command == "sync" ? sync_command(rest, interrupts) : plan_command(rest, interrupts);
    }
    const std::string near = nearest(command, known);
    return usage_error("unknown command '" + display_key(command) + "'" +
                       (near.empty() ? "; see 'syncline help'" : "; did you mean '" + near + "'?"));
}

// Whether nobody reads standard output any more: it is a pipe whose other end was closed, as `head`
// does when it has seen enough.
bool reader_went_away() {
    pollfd out{STDOUT_FILENO, POLLOUT, 0};
    return ::poll(&out, 1, 0) == 1 && (out.revents & (POLLERR | POLLHUP)) != 0;
}

// A standard stream that was closed leaves its number to the next file that is opened: what is
// meant for people would be written into the state. Writing to what stands in for standard output
// fails, since a result that nobody can get is no success.
void occupy_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) < 0) {
            (void)::open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_RDWR);
        }
    }
}

} // namespace

int main(int argc, char** argv) {
    occupy_standard_streams();
    try {
        const Arguments arguments(argv + std::min(argc, 1), argv + argc);
        errors_as_json(arguments);
        if (arguments.empty()) {
            return usage_error("no command given; see 'syncline help'");
        }
        const int code = dispatch(arguments[0], Arguments(arguments.begin() + 1, arguments.end()));
        if (!std::cout.flush()) {
            const bool is_quiet = reader_went_away();
            if (!is_quiet) {
                std::cerr << "syncline: could not write the result to standard output\n";
            }
            return code != exit_code::kInSync ? code
                   : is_quiet                 ? exit_code::kReaderGone
                                              : exit_code::kUnexpected;
        }
        return code;
    } catch (const std::exception& error) {
        return fail({Code::internal, std::string("unexpected error: ") + error.what() +
                                         "; please report it with what you did"});
    }
}
