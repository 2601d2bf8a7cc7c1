/// Runs one program to its end, without a shell, in a process group of its own.
#ifndef SYNCLINE_STRATEGIES_EXEC_PROCESS_HPP
#define SYNCLINE_STRATEGIES_EXEC_PROCESS_HPP

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <vector>

namespace syncline::strategies {

struct Program {
    std::string file;                   ///< an absolute path, or a name that is looked for in PATH
    std::vector<std::string> arguments; ///< without the program's own name
    std::vector<std::string> environment; ///< all of it, as NAME=value
    std::string directory;                ///< its working directory
    std::string output; ///< where its standard output goes; empty: to the messages
    std::chrono::milliseconds timeout{60'000};
    std::function<bool()> cancelled; ///< asked at least every 50 ms
};

struct Ending {
    enum class How { exited, signalled, timed_out, cancelled };
    How how = How::exited;
    int code = 0;         ///< the exit code, or the signal
    std::string messages; ///< the beginning of what it wrote to standard error, at most 2 KiB
};

/// Standard input is empty; no descriptor but the standard ones is passed on; signals are as in a
/// fresh process. When it returns, the program and every process of its group are gone, however it
/// ended. Throws sdk::Error if it cannot be started. Threads: any.
Ending run(const Program& program);

} // namespace syncline::strategies

#endif
