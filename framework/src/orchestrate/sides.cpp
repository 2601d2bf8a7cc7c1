#include "orchestrate/sides.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace syncline {

Result<Sides> parse_sides(const std::string& source, const std::string& target,
                          const PluginRegistry& plugins) {
    Sides sides;
    for (const auto& [name, text, into] : {std::tuple("source", &source, &sides.source),
                                           std::tuple("target", &target, &sides.target)}) {
        Result<Location> location = parse_location(*text, plugins);
        if (!location.ok()) {
            return location.status().with_context(name);
        }
        *into = *std::move(location);
    }
    return sides;
}

Result<std::unique_ptr<SyncLock>> lock_sides(StateDirectory& directory, const Sides& sides) {
    const auto [first, second] = std::minmax(sides.source.canonical, sides.target.canonical);
    return directory.lock(first + " <-> " + second);
}

Status check_sides_exist(const Sides& sides, bool has_run) {
    for (const Location* location : {&sides.source, &sides.target}) {
        if (!location->missing.empty()) {
            return has_run ? Status(Code::root_missing,
                                    location->shown + " was there at the last run and is gone; is "
                                                      "it mounted? Nothing was changed")
                           : Status(Code::invalid_config, location->missing);
        }
    }
    return {};
}

Result<std::unique_ptr<Endpoint>> open_side(const Location& location,
                                            std::unique_ptr<Connector> connector,
                                            EndpointOptions options, const Clock& clock,
                                            const CallContext& call) {
    options.location = location.shown;
    // Guards must not act in step: each has a jitter of its own.
    options.guard.retry.seed = static_cast<std::uint64_t>(clock.mono_ns());
    options.guard.breaker.seed = options.guard.retry.seed + 1;
    return make_endpoint(std::move(connector), std::move(options), clock, call);
}

} // namespace syncline
