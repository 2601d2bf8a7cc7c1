#include "syncline/core/failpoint.hpp"

#ifndef NDEBUG

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>

namespace syncline {

namespace {

std::string from_environment(const char* variable) {
    const char* value = std::getenv(variable);
    return value != nullptr ? value : "";
}

struct Wish {
    Wish()
        : name(from_environment("SYNCLINE_FAILPOINT")),
          hold(from_environment("SYNCLINE_FAILPOINT_HOLD")),
          log(from_environment("SYNCLINE_FAILPOINT_LOG")) {
        if (const std::size_t colon = name.rfind(':'); colon != std::string::npos) {
            left = std::atol(name.c_str() + colon + 1);
            name.resize(colon);
        }
    }
    std::string name;
    std::string hold;
    std::string log;
    std::atomic<long> left{1};
};

Wish& wish() {
    static Wish the_wish;
    return the_wish;
}

std::atomic<FailpointHook> the_hook{nullptr};

// FIFOs: opening one waits for the test at its other end.
void hold_until_told(const std::string& path) {
    char byte = '.';
    const int reached = ::open((path + ".reached").c_str(), O_WRONLY | O_CLOEXEC);
    if (reached >= 0 && ::write(reached, &byte, 1) == 1) {
        ::close(reached);
    }
    const int go = ::open((path + ".go").c_str(), O_RDONLY | O_CLOEXEC);
    if (go >= 0 && ::read(go, &byte, 1) >= 0) {
        ::close(go);
    }
}

} // namespace

bool failpoints_are_armed() {
    static const bool by_environment = !wish().name.empty() || !wish().log.empty();
    return by_environment || the_hook.load(std::memory_order_relaxed) != nullptr;
}

void reach_failpoint(std::string_view name) {
    if (const FailpointHook hook = the_hook.load()) {
        hook(name);
    }
    Wish& wished = wish();
    if (!wished.log.empty()) {
        const std::string line = std::string(name) + "\n";
        const int log = ::open(wished.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (log >= 0 && ::write(log, line.data(), line.size()) >= 0) {
            ::close(log);
        }
    }
    if (name != wished.name || wished.left.fetch_sub(1) != 1) {
        return;
    }
    if (wished.hold.empty()) {
        ::raise(SIGKILL);
    }
    hold_until_told(wished.hold);
}

void set_failpoint_hook(FailpointHook hook) { the_hook.store(hook); }

} // namespace syncline

#endif
