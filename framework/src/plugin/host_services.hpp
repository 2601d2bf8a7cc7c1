// The host as one plugin instance (or one library, in init) sees it: log lines, thread roles, a
// place for hints and, for a wrapper, the instance inside it. Other host interfaces are absent;
// plugins must do without. Outlives whom it was given to.
#pragma once

#include "syncline/core/clock.hpp"

#include <syncline/abi/host.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

namespace syncline::plugin {

class HostServices {
public:
    // `name` is what log lines are signed with: the plugin's id, or the library's file name.
    // `inner`: what a wrapper wraps, null for all others; outlives this.
    HostServices(std::string name, const Clock& clock, const syncline_plugin* inner = nullptr);
    HostServices(const HostServices&) = delete;
    HostServices& operator=(const HostServices&) = delete;

    const syncline_host* abi() const { return &abi_; }

    // The last line of level warning or above, for a library that fails before it can say why in a
    // call.
    std::string last_complaint() const;

private:
    struct Api;

    // A plugin that logs in a loop must not fill the disk or slow the run down.
    bool may_log();

    syncline_host abi_;
    const std::string name_;
    const Clock& clock_;
    const syncline_plugin* const inner_;
    std::atomic<std::int64_t> second_ = -1; // of the clock, that lines_ counts
    std::atomic<std::uint32_t> lines_ = 0;
    std::atomic<std::uint64_t> dropped_ = 0;
    mutable std::mutex mutex_;
    std::string complaint_;
};

} // namespace syncline::plugin
