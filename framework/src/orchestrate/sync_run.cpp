#include "syncline/orchestrate/sync_run.hpp"

#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/location.hpp"
#include "syncline/pool/worker_pool.hpp"
#include "syncline/reconcile/planner.hpp"
#include "syncline/reconcile/strategy_chain.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

namespace syncline {

namespace {

// A state directory inside a side would change while it is being synchronised, and travel to the
// other side.
Status check_state_outside(const SyncSpec& spec, const Location& location) {
    if (location.directory.empty()) {
        return {};
    }
    std::error_code error;
    const std::filesystem::path state =
        std::filesystem::weakly_canonical(spec.state_directory, error);
    const std::filesystem::path root(location.directory);
    const auto [in_root, unused] =
        std::mismatch(root.begin(), root.end(), state.begin(), state.end());
    if (error || in_root != root.end()) {
        return {};
    }
    if (state == root) {
        return Status(Code::invalid_config, "the state directory is '" + location.canonical +
                                                "' itself; put it elsewhere with --state");
    }
    const Bytes key = state.lexically_relative(root).generic_string() + "/";
    if (spec.rules.filter.excluded(key)) {
        return {};
    }
    return Status(Code::invalid_config,
                  "the state directory '" + state.string() + "' lies inside '" +
                      location.directory +
                      "'; put it elsewhere with --state, or leave it out with "
                      "--exclude '/" +
                      key + "'");
}

class Run {
public:
    Run(const RunServices& services, const SyncSpec& spec, const RunControl& control)
        : plugins_(services.plugins), pool_(services.pool), clock_(services.clock),
          progress_(services.progress), spec_(spec), control_(control) {}

    SyncReport run() {
        const std::int64_t started_mono = clock_.mono_ns();
        report_.mode = spec_.rules.mode;
        report_.dry_run = control_.dry_run;
        call_.stop = control_.stop;
        call_.end_waits = control_.drain;
        call_.dry_run = control_.dry_run;
        report_.error = carry_out();
        for (const auto& [side, endpoint] :
             {std::pair(Side::source, source_.get()), std::pair(Side::target, target_.get())}) {
            if (endpoint != nullptr) {
                report_.guards.push_back({side, endpoint->guard_stats()});
            }
        }
        report_.retries = progress_.snapshot().retries;
        report_.quota_wait_ms =
            static_cast<std::int64_t>(progress_.snapshot().quota_wait_ns / 1'000'000);
        report_.queue_depth_max = progress_.snapshot().queue_depth_max;
        report_.duration_ms = (clock_.mono_ns() - started_mono) / 1'000'000;
        if (report_.run_id != 0) {
            const Status recorded = finish_record();
            if (report_.error.ok()) {
                report_.error = recorded;
            }
        }
        progress_.enter(RunPhase::finished);
        return std::move(report_);
    }

private:
    Status carry_out() {
        const std::int64_t started_wall = clock_.wall_ns();
        SYNCLINE_TRY(open());
        Result<PlanSummary> summary = plan();
        if (!summary.ok()) {
            return root_gone(summary.status());
        }
        report_.listed = summary->listed;
        report_.counts = summary->counts;
        report_.losses = summary->losses;
        report_.first_run = !identity_.has_value();
        report_.guard =
            check_deletion_guards(*summary, spec_.rules, report_.source, report_.target);
        if (control_.show) {
            SYNCLINE_TRY(plan_->each_in_key_order([&](PlannedOp&& op) {
                if (op.action != Action::record && op.action != Action::forget &&
                    op.action != Action::follow) {
                    control_.show(op);
                }
                return true;
            }));
        }
        return control_.dry_run || !report_.guard.ok() ? only_planned() : execute(started_wall);
    }

    Status open() {
        Result<Location> source = parse_location(spec_.source, plugins_);
        if (!source.ok()) {
            return source.status().with_context("source");
        }
        Result<Location> target = parse_location(spec_.target, plugins_);
        if (!target.ok()) {
            return target.status().with_context("target");
        }
        report_.source = source->shown;
        report_.target = target->shown;
        report_.sync_name = source->canonical + " <-> " + target->canonical;
        SYNCLINE_TRY(check_state_outside(spec_, *source));
        SYNCLINE_TRY(check_state_outside(spec_, *target));
        SYNCLINE_TRY(make_strategies());

        const std::string& missing = source->missing.empty() ? target->missing : source->missing;
        if (!missing.empty() && !std::filesystem::exists(spec_.state_directory)) {
            return Status(Code::invalid_config, missing); // leave no trace of a slip
        }
        Result<std::unique_ptr<StateDirectory>> directory =
            open_state_directory(spec_.state_directory);
        if (directory.code() == Code::io) {
            return Status(Code::invalid_config,
                          directory.status().message() + "; choose another place with --state");
        }
        if (!directory.ok()) {
            return directory.status();
        }
        directory_ = *std::move(directory);
        Result<std::unique_ptr<SyncLock>> lock = directory_->lock(report_.sync_name);
        if (!lock.ok()) {
            return lock.status();
        }
        lock_ = *std::move(lock);
        Result<std::unique_ptr<SyncState>> state = directory_->open_sync(report_.sync_name);
        if (!state.ok()) {
            return state.status();
        }
        state_ = *std::move(state);
        Result<std::optional<SyncIdentity>> identity = state_->identity().load();
        if (!identity.ok()) {
            return identity.status();
        }
        identity_ = *std::move(identity);
        if (!missing.empty() && identity_) {
            return Status(Code::root_missing,
                          (source->missing.empty() ? report_.target : report_.source) +
                              " was there at the last run and is gone; is it mounted? Nothing was "
                              "changed");
        }
        if (!missing.empty()) {
            return root_gone(Status(Code::root_missing, missing));
        }

        bandwidth_ = make_bandwidth(spec_.bytes_per_s, clock_);
        SYNCLINE_TRY(make_side(*source, source_));
        SYNCLINE_TRY(make_side(*target, target_));
        if (target_->info().read_only) {
            return Status(Code::read_only, "target '" + report_.target + "' cannot be written");
        }
        if (source_->info().read_only && spec_.rules.mode == Mode::two_way) {
            return Status(Code::read_only,
                          "source '" + report_.source +
                              "' cannot be written; use --mode one-way or --mode mirror");
        }
        SYNCLINE_TRY(check_place_guards(*source_, *target_, identity_, spec_.rules));

        Result<std::shared_ptr<PoolLane>> lane =
            pool_.open_lane(report_.sync_name, std::max<std::size_t>(spec_.workers, 1));
        if (!lane.ok()) {
            return lane.status();
        }
        lane_ = *std::move(lane);
        return {};
    }

    Status make_strategies() {
        std::vector<std::unique_ptr<ConflictStrategy>> strategies;
        for (const std::string& name : spec_.strategies) {
            const Result<PluginDescription> found = plugins_.find(PluginKind::strategy, name);
            if (!found.ok()) {
                return found.status();
            }
            Result<std::unique_ptr<ConflictStrategy>> made =
                plugins_.make_strategy(found->id, "{}");
            if (!made.ok()) {
                return made.status();
            }
            strategies.push_back(*std::move(made));
        }
        chain_ = std::make_unique<StrategyChain>(std::move(strategies), report_.sync_name);
        return {};
    }

    Status make_side(const Location& location, std::unique_ptr<Endpoint>& side) {
        Result<std::unique_ptr<Connector>> connector = open_connector(plugins_, location);
        if (!connector.ok()) {
            return connector.status();
        }
        EndpointOptions options;
        options.location = location.shown;
        options.spill_directory = spec_.state_directory;
        options.progress = &progress_;
        options.guard = spec_.guard;
        options.bandwidth = bandwidth_.get();
        // Guards must not act in step: each has a jitter of its own.
        options.guard.retry.seed = static_cast<std::uint64_t>(clock_.mono_ns());
        options.guard.breaker.seed = options.guard.retry.seed + 1;
        Result<std::unique_ptr<Endpoint>> endpoint =
            make_endpoint(*std::move(connector), std::move(options), clock_, call_);
        if (!endpoint.ok()) {
            return root_gone(endpoint.status());
        }
        side = *std::move(endpoint);
        return {};
    }

    // A root that was there at the last run and is gone needs a person; one that never was is a
    // mistake in the command.
    Status root_gone(const Status& status) const {
        if (status.code() != Code::root_missing || identity_) {
            return status;
        }
        Error error = status.error();
        error.code = Code::invalid_config;
        return Status(std::move(error));
    }

    Result<PlanSummary> plan() {
        Result<std::unique_ptr<PlanStore>> plan = state_->new_plan();
        if (!plan.ok()) {
            return plan.status();
        }
        plan_ = *std::move(plan);
        CallContext call = call_;
        // Planning changes nothing, so an interruption may end it at once.
        std::stop_source either;
        const std::stop_callback on_drain(control_.drain, [&either] { either.request_stop(); });
        const std::stop_callback on_stop(control_.stop, [&either] { either.request_stop(); });
        call.stop = either.get_token();
        chain_->attach(*source_, *target_, call, clock_);
        return make_plan({*source_, *target_, *source_, *target_, state_->base(), *plan_, *chain_,
                          pool_, lane_.get(), progress_, spec_.rules},
                         call);
    }

    void keep(ReportedItem item) {
        if (report_.items.size() < kReportedItems) {
            report_.items.push_back(std::move(item));
        } else {
            ++report_.items_left_out;
        }
    }

    static std::string told(const PlannedOp& op, const std::string& message) {
        return message.empty() ? op.reason : message;
    }

    // Plan, dry run, or a guard that stopped: what would be conflicted or skipped is known, the
    // rest is pending.
    Status only_planned() {
        const auto& actions = report_.counts.actions;
        const auto count = [&](Action action) { return actions[static_cast<std::size_t>(action)]; };
        Outcomes& outcomes = report_.outcomes;
        outcomes.planned = std::accumulate(actions.begin(), actions.end(), std::uint64_t{0}) -
                           count(Action::record) - count(Action::forget) - count(Action::follow);
        outcomes.conflicted = count(Action::conflict);
        outcomes.skipped = count(Action::skip);
        outcomes.pending = outcomes.planned - outcomes.conflicted - outcomes.skipped;
        return plan_->each(Phase::none, [&](PlannedOp&& op) {
            report_.unreadable += op.unreadable ? 1 : 0;
            keep({op.action == Action::conflict ? Outcome::conflicted : Outcome::skipped, op.key,
                  op.action, op.side, op.conflict, Code::ok, op.reason});
            return true;
        });
    }

    Status execute(std::int64_t started_wall) {
        const Result<std::int64_t> run_id = state_->runs().begin(started_wall);
        if (!run_id.ok()) {
            return run_id.status();
        }
        report_.run_id = *run_id;
        started_wall_ = started_wall;
        // From here on the places are this sync's, even if the run does not get to its end.
        if (!identity_ || spec_.rules.force.identity) {
            SYNCLINE_TRY(
                state_->identity().save({source_->info().scope_id, target_->info().scope_id}));
        }
        const ExecuteInputs inputs{*source_,
                                   *target_,
                                   *plan_,
                                   state_->base(),
                                   pool_,
                                   lane_.get(),
                                   progress_,
                                   clock_,
                                   [this](const OpReport& op) { return note(op); },
                                   {}};
        Result<ExecuteResult> result = execute_plan(inputs, control_.drain, call_);
        if (!result.ok()) {
            return result.status();
        }
        report_.outcomes = result->outcomes;
        report_.done = result->done;
        report_.bytes = result->bytes;
        report_.losses.add(result->losses);
        report_.stopped = result->stopped;
        report_.interrupted = result->interrupted;
        return {};
    }

    Status note(const OpReport& what) {
        const PlannedOp& op = what.op;
        report_.unreadable += op.unreadable ? 1 : 0;
        std::string message = told(op, what.message);
        RunNote note;
        note.outcome = what.outcome;
        note.key = op.key;
        note.action = name_of(op.action);
        note.code = op.conflict != ConflictKind::none ? name_of(op.conflict) : name_of(what.code);
        note.message = message;
        if (op.source) {
            note.source_version = op.source->version;
        }
        if (op.target) {
            note.target_version = op.target->version;
        }
        if (what.outcome == Outcome::failed) {
            log(LogLevel::warning, "execute",
                std::string(name_of(op.action)) + " on " + std::string(name_of(op.side)) + " of " +
                    display_key(op.key) + ": " + message);
        }
        keep(
            {what.outcome, op.key, op.action, op.side, op.conflict, what.code, std::move(message)});
        return state_->runs().note(report_.run_id, note);
    }

    Status finish_record() {
        RunRecord record;
        record.id = report_.run_id;
        record.started_wall_ns = started_wall_;
        record.finished_wall_ns = clock_.wall_ns();
        record.outcomes = report_.outcomes;
        record.exit_code = exit_code_of(report_);
        record.report = report_json(report_, record.exit_code);
        return state_->runs().finish(record);
    }

    PluginRegistry& plugins_;
    WorkerPool& pool_;
    const Clock& clock_;
    RunProgress& progress_;
    const SyncSpec& spec_;
    const RunControl& control_;
    CallContext call_;
    SyncReport report_;
    std::int64_t started_wall_ = 0;
    std::optional<SyncIdentity> identity_;

    // In the order in which they depend on each other: destroyed in reverse.
    std::unique_ptr<StateDirectory> directory_;
    std::unique_ptr<SyncLock> lock_;
    std::unique_ptr<SyncState> state_;
    std::unique_ptr<StrategyChain> chain_;
    std::unique_ptr<RateLimiter> bandwidth_;
    std::unique_ptr<Endpoint> source_;
    std::unique_ptr<Endpoint> target_;
    std::unique_ptr<PlanStore> plan_;
    std::shared_ptr<PoolLane> lane_;
};

} // namespace

SyncReport run_sync(const RunServices& services, const SyncSpec& spec, const RunControl& control) {
    return Run(services, spec, control).run();
}

} // namespace syncline
