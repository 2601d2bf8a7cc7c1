// A sync opened for something other than a run of it: its state, and its sides where they are
// needed.
#pragma once

#include "orchestrate/sides.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/orchestrate/going_back.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <memory>
#include <optional>
#include <string>

namespace syncline {

class Session {
public:
    // Of a sync that has run before, else Code::not_found; then nothing is created.
    static Result<std::unique_ptr<Session>> open(const PluginRegistry& plugins,
                                                 const SyncPlace& place, const Clock& clock);
    // Also of one that never ran and leaves no trace: state() must not be called then.
    static Result<std::unique_ptr<Session>> open_any(const PluginRegistry& plugins,
                                                     const SyncPlace& place, const Clock& clock);

    bool has_state() const { return state_ != nullptr; }
    SyncState& state() { return *state_; }
    const std::string& name() const { return name_; }
    const std::string& source() const { return sides_.source.shown; }
    const std::string& target() const { return sides_.target.shown; }

    Status lock(); // no run of this sync until this is gone
    // Both sides, checked to be the places that they were.
    Status open_sides(const RunServices& services, const GuardOptions& guard,
                      const CallContext& call, bool force_identity);
    Endpoint& at(Side side) { return side == Side::source ? *source_ : *target_; }

private:
    Session() = default;
    Status make_side(const RunServices& services, const Location& location,
                     const GuardOptions& guard, const CallContext& call,
                     std::unique_ptr<Endpoint>& side) const;

    SyncPlace place_;
    Sides sides_;
    std::string name_;
    // In the order in which they depend on each other: destroyed in reverse.
    std::unique_ptr<StateDirectory> directory_;
    std::unique_ptr<SyncLock> lock_;
    std::unique_ptr<SyncState> state_;
    std::unique_ptr<Endpoint> source_;
    std::unique_ptr<Endpoint> target_;
};

} // namespace syncline
