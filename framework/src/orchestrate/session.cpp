#include "orchestrate/session.hpp"

#include "syncline/core/text.hpp"
#include "syncline/reconcile/planner.hpp"

#include <utility>

namespace syncline {

Result<std::unique_ptr<Session>> Session::open_any(const PluginRegistry& plugins,
                                                   const SyncPlace& place, const Clock& clock) {
    Result<Sides> sides = parse_sides(place.source, place.target, plugins);
    if (!sides.ok()) {
        return sides.status();
    }
    std::unique_ptr<Session> session(new Session());
    session->place_ = place;
    session->sides_ = *std::move(sides);
    session->name_ = session->sides_.sync_name();
    std::error_code error;
    if (!std::filesystem::exists(place.state_directory / "state.db", error)) {
        return session;
    }
    Result<std::unique_ptr<StateDirectory>> directory =
        open_state_directory(place.state_directory, clock);
    if (!directory.ok()) {
        return directory.status();
    }
    session->directory_ = *std::move(directory);
    Result<std::unique_ptr<SyncState>> state = session->directory_->open_sync(session->name_);
    if (!state.ok()) {
        return state.status();
    }
    session->state_ = *std::move(state);
    return session;
}

Result<std::unique_ptr<Session>> Session::open(const PluginRegistry& plugins,
                                               const SyncPlace& place, const Clock& clock) {
    Result<std::unique_ptr<Session>> session = open_any(plugins, place, clock);
    if (!session.ok()) {
        return session;
    }
    if ((*session)->has_state()) {
        const Result<std::vector<RunRecord>> latest = (*session)->state().runs().latest(1);
        if (!latest.ok()) {
            return latest.status();
        }
        if (!latest->empty()) {
            return session;
        }
    }
    return Status(Code::not_found, "no run of a sync of '" + display_key((*session)->source()) +
                                       "' and '" + display_key((*session)->target()) +
                                       "' is known in '" +
                                       display_key(place.state_directory.native()) +
                                       "'; check the order of the sides, and --state");
}

Status Session::lock() {
    Result<std::unique_ptr<SyncLock>> lock = lock_sides(*directory_, sides_);
    if (!lock.ok()) {
        return lock.status();
    }
    lock_ = *std::move(lock);
    return {};
}

Status Session::open_sides(const RunServices& services, const GuardOptions& guard,
                           const CallContext& call, bool force_identity) {
    std::optional<SyncIdentity> known;
    if (has_state()) {
        Result<std::optional<SyncIdentity>> identity = state_->identity().load();
        if (!identity.ok()) {
            return identity.status();
        }
        known = *std::move(identity);
    }
    SYNCLINE_TRY(check_sides_exist(sides_, known.has_value()));
    SYNCLINE_TRY(make_side(services, sides_.source, guard, call, source_));
    SYNCLINE_TRY(make_side(services, sides_.target, guard, call, target_));
    Rules rules;
    rules.force.identity = force_identity;
    return check_place_guards(*source_, *target_, known, rules);
}

Status Session::make_side(const RunServices& services, const Location& location,
                          const GuardOptions& guard, const CallContext& call,
                          std::unique_ptr<Endpoint>& side) const {
    Result<std::unique_ptr<Connector>> connector = open_connector(services.plugins, location);
    if (!connector.ok()) {
        return connector.status();
    }
    EndpointOptions options;
    options.spill_directory =
        has_state() ? place_.state_directory : std::filesystem::temp_directory_path();
    options.progress = &services.progress;
    options.guard = guard;
    Result<std::unique_ptr<Endpoint>> endpoint =
        open_side(location, *std::move(connector), std::move(options), services.clock, call);
    if (!endpoint.ok()) {
        return endpoint.status();
    }
    side = *std::move(endpoint);
    return {};
}

namespace {

class OpenedHistory final : public History {
public:
    explicit OpenedHistory(std::unique_ptr<Session> session) : session_(std::move(session)) {}
    const std::string& source() const override { return session_->source(); }
    const std::string& target() const override { return session_->target(); }
    RunStore& runs() override { return session_->state().runs(); }
    JournalStore& journal() override { return session_->state().journal(); }
    ArchiveStore& archive() override { return session_->state().archive(); }

private:
    std::unique_ptr<Session> session_;
};

} // namespace

Result<std::unique_ptr<History>> open_history(const PluginRegistry& plugins, const SyncPlace& place,
                                              const Clock& clock) {
    Result<std::unique_ptr<Session>> session = Session::open(plugins, place, clock);
    if (!session.ok()) {
        return session.status();
    }
    return std::unique_ptr<History>(std::make_unique<OpenedHistory>(*std::move(session)));
}

} // namespace syncline
