#include "syncline/orchestrate/sync_run.hpp"

#include "orchestrate/keeping.hpp"
#include "orchestrate/selection.hpp"
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
        if (control_.selection != nullptr) {
            report_.command = control_.selection->take == Take::chain ? "retry" : "resolve";
        }
        report_.dry_run = control_.dry_run;
        call_.stop = control_.stop;
        call_.end_waits = control_.drain;
        call_.dry_run = control_.dry_run;
        report_.error = carry_out();
        for (const auto& [side, endpoint] :
             {std::pair(Side::source, source_.get()), std::pair(Side::target, target_.get())}) {
            const std::optional<GuardStats>& unreachable =
                unreachable_[static_cast<std::size_t>(side)];
            if (endpoint != nullptr) {
                report_.guards.push_back({side, endpoint->guard_stats()});
            } else if (unreachable) {
                report_.guards.push_back({side, *unreachable});
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
        plugins_.refresh();
        SYNCLINE_TRY(open());
        Result<PlanSummary> summary = plan();
        if (!summary.ok()) {
            return root_gone(summary.status());
        }
        report_.listed = summary->listed;
        report_.counts = summary->counts;
        report_.losses = summary->losses;
        report_.first_run = !identity_.has_value();
        if (control_.selection == nullptr) { // a person named these keys
            report_.guard =
                check_deletion_guards(*summary, spec_.rules, report_.source, report_.target);
        }
        log(LogLevel::debug, "run",
            report_.guard.ok() ? "deletion guards passed"
                               : "a guard stops the run: " + report_.guard.message());
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
            open_state_directory(spec_.state_directory, clock_);
        if (directory.code() == Code::io) {
            return Status(Code::invalid_config,
                          directory.status().message() + "; choose another place with --state");
        }
        if (!directory.ok()) {
            return directory.status();
        }
        directory_ = *std::move(directory);
        // Of the two places whichever comes first: `sync B A` has a base of its own, but must not
        // write what `sync A B` reads.
        const auto [first, second] = std::minmax(source->canonical, target->canonical);
        Result<std::unique_ptr<SyncLock>> lock = directory_->lock(first + " <-> " + second);
        if (!lock.ok()) {
            return lock.status();
        }
        lock_ = *std::move(lock);
        log(LogLevel::debug, "run",
            "state in " + display_key(spec_.state_directory.native()) + ", sync '" +
                display_key(report_.sync_name) + "' locked");
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
        SYNCLINE_TRY(make_side(*source, Side::source, source_));
        SYNCLINE_TRY(make_side(*target, Side::target, target_));
        if (target_->info().read_only) {
            return Status(Code::read_only, "target '" + report_.target + "' cannot be written");
        }
        if (source_->info().read_only && spec_.rules.mode == Mode::two_way) {
            return Status(Code::read_only,
                          "source '" + report_.source +
                              "' cannot be written; use --mode one-way or --mode mirror");
        }
        SYNCLINE_TRY(check_place_guards(*source_, *target_, identity_, spec_.rules));
        log(LogLevel::debug, "run",
            identity_ ? "place guards passed" : "place guards passed; there is no base yet");

        Result<std::shared_ptr<PoolLane>> lane =
            pool_.open_lane(report_.sync_name, std::max<std::size_t>(spec_.workers, 1));
        if (!lane.ok()) {
            return lane.status();
        }
        lane_ = *std::move(lane);
        return {};
    }

    Status make_strategies() {
        Result<Strategies> strategies = syncline::make_strategies(plugins_, spec_.strategies);
        if (!strategies.ok()) {
            return strategies.status();
        }
        Result<std::vector<PatternChain>> by_pattern =
            make_pattern_chains(plugins_, spec_.pattern_strategies);
        if (!by_pattern.ok()) {
            return by_pattern.status();
        }
        chain_ = std::make_unique<StrategyChain>(*std::move(strategies), report_.sync_name,
                                                 *std::move(by_pattern));
        return {};
    }

    Status make_side(const Location& location, Side which, std::unique_ptr<Endpoint>& side) {
        Result<std::unique_ptr<Connector>> connector = open_connector(plugins_, location);
        if (!connector.ok()) {
            return connector.status();
        }
        const std::string connector_id = (*connector)->plugin_id();
        EndpointOptions options;
        options.location = location.shown;
        options.spill_directory = spec_.state_directory;
        options.progress = &progress_;
        options.guard = spec_.guard;
        options.bandwidth = bandwidth_.get();
        options.unreachable = &unreachable_[static_cast<std::size_t>(which)];
        // Guards must not act in step: each has a jitter of its own.
        options.guard.retry.seed = static_cast<std::uint64_t>(clock_.mono_ns());
        options.guard.breaker.seed = options.guard.retry.seed + 1;
        Result<std::unique_ptr<Endpoint>> endpoint =
            make_endpoint(*std::move(connector), std::move(options), clock_, call_);
        if (!endpoint.ok()) {
            return root_gone(endpoint.status());
        }
        side = *std::move(endpoint);
        const ConnectorInfo& info = side->info();
        log(LogLevel::debug, "run",
            display_key(location.shown) + " is open: connector " + connector_id +
                (info.scope_id.empty() ? "" : ", place " + display_key(info.scope_id)) +
                (info.read_only ? ", read-only" : ""));
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
        chain_->attach(*source_, *target_, call, clock_, &state_->archive());
        if (control_.selection != nullptr) {
            return plan_selection(*control_.selection, call);
        }
        return make_plan({*source_, *target_, *source_, *target_, state_->base(), *plan_, *chain_,
                          pool_, lane_.get(), progress_, spec_.rules},
                         call);
    }

    Result<PlanSummary> plan_selection(const Selection& selection, const CallContext& call) {
        SelectedItems source(*source_, selection.keys);
        SelectedItems target(*target_, selection.keys);
        SelectedBase base(state_->base(), selection.keys);
        PersonsDecision person(selection, *chain_, state_->archive(), clock_.wall_ns());
        ConflictResolver& resolver =
            selection.take == Take::chain ? static_cast<ConflictResolver&>(*chain_) : person;
        Result<PlanSummary> summary =
            make_plan({source, target, *source_, *target_, base, *plan_, resolver, pool_,
                       lane_.get(), progress_, spec_.rules},
                      call);
        if (!summary.ok() || selection.take == Take::chain) {
            return summary;
        }
        // What is no conflict any more was not decided on.
        std::vector<PlannedOp> others;
        SYNCLINE_TRY(plan_->each_in_key_order([&](PlannedOp&& op) {
            if (!person.decided(op.key)) {
                others.push_back(std::move(op));
            }
            return true;
        }));
        for (PlannedOp& op : others) {
            op.action = Action::skip;
            op.phase = Phase::none;
            op.reason = "no conflict any more; the next sync settles it";
            SYNCLINE_TRY(plan_->replace(op));
        }
        Result<PlanCounts> counts = plan_->counts();
        if (!counts.ok()) {
            return counts.status();
        }
        summary->counts = *counts;
        return summary;
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
        if (control_.selection != nullptr) {
            for (const RunNote& open : control_.selection->carried_over) {
                SYNCLINE_TRY(state_->runs().note(report_.run_id, open));
            }
        }
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
                                   {},
                                   keeping_of(*state_, spec_.archiving, report_),
                                   {&state_->archive(), [this](BytesView key) {
                                        return chain_->base_content_limit(key);
                                    }}};
        Result<ExecuteResult> result = execute_plan(inputs, control_.drain, call_);
        tidy_history(*state_, report_.run_id, inputs.keeping);
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
    std::optional<GuardStats> unreachable_[2]; // by Side: of one that no endpoint came of

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
