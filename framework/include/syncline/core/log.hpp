// Diagnostics for operators, apart from what the program prints as its result. Kept behind one
// function so that the logging library is known to one source file.
#pragma once

#include <string>
#include <string_view>

namespace syncline {

enum class LogLevel { trace, debug, info, warning, error };

struct LogOptions {
    LogLevel console_level = LogLevel::warning; // to stderr
    std::string file;                           // empty: none; receives debug and above
};

// Once, before other threads start. Before it, messages of level warning and above go to stderr.
// False when the file cannot be opened; then nothing changed.
bool init_logging(const LogOptions& options);

bool log_enabled(LogLevel level);
void log(LogLevel level, std::string_view part, std::string_view message); // any thread

} // namespace syncline
