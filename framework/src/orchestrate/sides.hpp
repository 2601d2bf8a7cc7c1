// The two places of a sync: what it is called after them, what locks them, and how each is opened.
#pragma once

#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/location.hpp"
#include "syncline/state/state.hpp"

#include <memory>
#include <string>

namespace syncline {

struct Sides {
    Location source;
    Location target;

    std::string sync_name() const { return source.canonical + " <-> " + target.canonical; }
};

// As a person wrote them.
Result<Sides> parse_sides(const std::string& source, const std::string& target,
                          const PluginRegistry& plugins);

// Of the two places, whichever comes first: `sync B A` has a base of its own, but must not write
// what `sync A B` reads.
Result<std::unique_ptr<SyncLock>> lock_sides(StateDirectory& directory, const Sides& sides);

// A directory that was there at the last run and is gone needs a person; one that never was is a
// mistake in the command.
Status check_sides_exist(const Sides& sides, bool has_run);

// `options` without its location and the guard's seeds.
Result<std::unique_ptr<Endpoint>> open_side(const Location& location,
                                            std::unique_ptr<Connector> connector,
                                            EndpointOptions options, const Clock& clock,
                                            const CallContext& call);

} // namespace syncline
