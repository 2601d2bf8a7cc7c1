#include "command_line.hpp"
#include "commands.hpp"
#include "interrupts.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <algorithm>
#include <exception>
#include <fcntl.h>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <poll.h>
#include <unistd.h>
#include <vector>

namespace {

using namespace syncline;
using namespace syncline::host;

using Command = std::function<int(const Arguments&)>;

// A command that can be interrupted.
Command interruptible(int (*run)(const Arguments&, const std::shared_ptr<Interrupts>&)) {
    return [run](const Arguments& arguments) {
        return run(arguments, std::make_shared<Interrupts>(syncline::system_clock()));
    };
}

const std::map<std::string, Command>& commands() {
    static const std::map<std::string, Command> known{
        {"sync", interruptible(sync_command)},
        {"plan", interruptible(plan_command)},
        {"apply", interruptible(apply_command)},
        {"explain", interruptible(explain_command)},
        {"conflicts", interruptible(conflicts_command)},
        {"failures", interruptible(failures_command)},
        {"history", history_command},
        {"undo", interruptible(undo_command)},
        {"restore", interruptible(restore_command)},
        {"verify", interruptible(verify_command)},
        {"plugin", plugin_command},
        {"version", version_command},
        {"help", help_command},
    };
    return known;
}

int dispatch(const std::string& word, const Arguments& rest) {
    const std::string command = word == "--help" || word == "-h" ? "help"
                                : word == "--version"            ? "version"
                                                                 : word;
    if (command == "help" && !rest.empty() && rest[0] != "help" && commands().contains(rest[0])) {
        return dispatch(rest[0], {"--help"});
    }
    if (const auto found = commands().find(command); found != commands().end()) {
        return found->second(rest);
    }
    std::vector<std::string> names;
    for (const auto& [name, run] : commands()) {
        names.push_back(name);
    }
    const std::string near = nearest(command, names);
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
