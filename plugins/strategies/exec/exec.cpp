/// The plugin library `exec`: lets a program of the user's merge.
///
/// Calls may come from any thread, one at a time per instance; each has a directory and a process
/// of its own.
#include "process.hpp"
#include "scratch.hpp"

#include <syncline/sdk/sdk.hpp>

#include <algorithm>
#include <cstdlib>

namespace sdk = syncline::sdk;
namespace strategies = syncline::strategies;

namespace {

constexpr std::int64_t kMaxSize = std::int64_t{64} << 20; // what the host takes as a merge result
constexpr std::int64_t kUsualSize = std::int64_t{16} << 20;
constexpr std::int64_t kMaxTimeoutMs = 3'600'000;
constexpr std::size_t kMaxExtension = 16;

constexpr const char* kSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "required": ["program"],
  "properties": {
    "program": {
      "type": "string",
      "description": "absolute path of the merge program, or a name that is looked for in PATH"
    },
    "arg": {
      "type": "array", "items": {"type": "string"},
      "description": "an argument; {base}, {source}, {target} and {output} are paths of files; default those four (repeatable)"
    },
    "result": {
      "type": "string", "enum": ["output", "stdout", "source", "target"],
      "description": "where the program leaves the merged content: output (default), stdout, or in the place of source or target"
    },
    "timeout_ms": {
      "type": "integer", "minimum": 1, "maximum": 3600000,
      "description": "when it is killed; default 60000"
    },
    "max_size": {
      "type": "integer", "minimum": 1, "maximum": 67108864,
      "description": "larger contents are declined; bytes, default 16777216"
    }
  }
})json";

/// `.md` of `docs/a.md`, so that a program can tell what it merges; empty if it is not plain.
std::string extension_of(std::string_view key) {
    const std::size_t slash = key.rfind('/');
    const std::string_view name = slash == std::string_view::npos ? key : key.substr(slash + 1);
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0 || name.size() - dot > kMaxExtension) {
        return {};
    }
    const std::string_view extension = name.substr(dot);
    const bool plain = std::all_of(extension.begin() + 1, extension.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    });
    return plain ? std::string(extension) : std::string();
}

std::string without_nul(std::string_view text) {
    std::string out(text);
    out.erase(std::remove(out.begin(), out.end(), '\0'), out.end());
    return out;
}

std::string one_line(const std::string& messages) {
    std::string line = sdk::printable(messages.substr(0, messages.find('\n')));
    return line.empty() ? std::string() : ": " + line;
}

class Exec final : public sdk::MergingStrategy {
public:
    explicit Exec(const sdk::Setup& setup) : MergingStrategy(setup, kMaxSize, kUsualSize) {
        const auto& config = setup.config;
        config.only({"program", "arg", "result", "timeout_ms", "max_size"});
        program_ = config.string("program");
        const bool has_slash = program_.find('/') != std::string::npos;
        if (program_.empty() || program_.find('\0') != std::string::npos ||
            (has_slash && program_.front() != '/')) {
            throw config.invalid("program", "an absolute path, or a name without slashes");
        }
        arguments_ = config.strings("arg");
        for (const std::string& argument : arguments_) {
            if (argument.find('\0') != std::string::npos) {
                throw config.invalid("arg", "text without NUL");
            }
        }
        if (arguments_.empty()) {
            arguments_ = {"{base}", "{source}", "{target}", "{output}"};
        }
        result_ = config.string("result", "output");
        if (result_ != "output" && result_ != "stdout" && result_ != "source" &&
            result_ != "target") {
            throw config.invalid("result", "output, stdout, source or target");
        }
        const std::int64_t timeout_ms = config.integer("timeout_ms", 60'000);
        if (timeout_ms < 1 || timeout_ms > kMaxTimeoutMs) {
            throw config.invalid("timeout_ms", "a number from 1 to 3600000");
        }
        timeout_ = std::chrono::milliseconds(timeout_ms);
    }

    sdk::Decision merge(sdk::Call& call, const sdk::Conflict& conflict,
                        const Contents& contents) override {
        using sdk::Decision;
        const strategies::Scratch scratch;
        const std::string extension = extension_of(conflict.key);
        scratch.write("base" + extension, contents.base);
        scratch.write("source" + extension, contents.source);
        scratch.write("target" + extension, contents.target);
        const strategies::Ending ending =
            strategies::run(program_for(call, conflict, scratch, extension));
        switch (ending.how) {
        case strategies::Ending::How::cancelled:
            call.throw_if_cancelled();
            throw sdk::Error(SYNCLINE_E_TIMEOUT, "there was no time left for " + program_);
        case strategies::Ending::How::timed_out:
            return Decision::defer(program_ + " was killed: it took longer than " +
                                   std::to_string(timeout_.count()) + " ms");
        case strategies::Ending::How::signalled:
            return Decision::defer(program_ + " was killed by signal " +
                                   std::to_string(ending.code) + one_line(ending.messages));
        case strategies::Ending::How::exited:
            break;
        }
        if (ending.code == 1) {
            return Decision::decline(program_ + " found changes that collide");
        }
        if (ending.code != 0) {
            return Decision::defer(program_ + " failed with exit code " +
                                   std::to_string(ending.code) + one_line(ending.messages));
        }
        const std::optional<std::string> merged =
            scratch.read((result_ == "stdout" ? "output" : result_) + extension, limit());
        if (!merged) {
            return Decision::defer(program_ + " ended well but left no merged file");
        }
        conflict.merged.write(*merged);
        return Decision::merge("merged by " + program_);
    }

private:
    strategies::Program program_for(const sdk::Call& call, const sdk::Conflict& conflict,
                                    const strategies::Scratch& scratch,
                                    const std::string& extension) const {
        strategies::Program program;
        program.file = program_;
        program.directory = scratch.path();
        program.timeout = timeout_;
        program.cancelled = [&call] {
            return call.cancelled() ||
                   (call.has_deadline() && call.time_left() == std::chrono::nanoseconds(0));
        };
        if (result_ == "stdout") {
            program.output = scratch.path_of("output" + extension);
        }
        for (std::string argument : arguments_) {
            for (const char* file : {"base", "source", "target", "output"}) {
                const std::string word = "{" + std::string(file) + "}";
                const std::string path = scratch.path_of(file + extension);
                for (std::size_t at = argument.find(word); at != std::string::npos;
                     at = argument.find(word, at + path.size())) {
                    argument.replace(at, word.size(), path);
                }
            }
            program.arguments.push_back(std::move(argument));
        }
        // Nothing else of the environment: it may hold secrets of the endpoints.
        for (const char* name : {"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE",
                                 "TZ", "TERM", "DISPLAY", "WAYLAND_DISPLAY", "XDG_RUNTIME_DIR"}) {
            if (const char* value = std::getenv(name)) {
                program.environment.push_back(std::string(name) + "=" + value);
            }
        }
        program.environment.push_back("TMPDIR=" + scratch.path());
        program.environment.push_back("SYNCLINE_KEY=" + without_nul(conflict.key));
        program.environment.push_back("SYNCLINE_SOURCE=" + without_nul(conflict.source_label));
        program.environment.push_back("SYNCLINE_TARGET=" + without_nul(conflict.target_label));
        return program;
    }

    std::string program_;
    std::vector<std::string> arguments_;
    std::string result_;
    std::chrono::milliseconds timeout_{0};
};

} // namespace

SYNCLINE_PLUGIN(sdk::strategy<Exec>(sdk::Descriptor("syncline.strategy.exec", "1.0.0", "Exec")
                                        .vendor("Syncline")
                                        .description("Lets a program of yours merge, three ways")
                                        .schema(kSchema)));
