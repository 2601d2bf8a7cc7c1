#include "syncline/orchestrate/sync_run.hpp"

#include "orchestrate/explain.hpp"
#include "orchestrate/keeping.hpp"
#include "orchestrate/open_notes.hpp"
#include "orchestrate/plan_exchange.hpp"
#include "orchestrate/plan_recheck.hpp"
#include "orchestrate/resources.hpp"
#include "orchestrate/selection.hpp"
#include "orchestrate/sides.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/endpoint.hpp"
#include "syncline/execute/executor.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/key_map.hpp"
#include "syncline/orchestrate/plan_file.hpp"
#include "syncline/pool/worker_pool.hpp"
#include "syncline/reconcile/planner.hpp"
#include "syncline/reconcile/strategy_chain.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

namespace syncline {

namespace {

// A state directory inside a side would change while it is being synchronised, and travel to the
// other side.
Status check_state_outside(const SyncSpec& spec, const Location& location) {
    const std::optional<Bytes> inside = key_below(location, spec.state_directory);
    if (!inside) {
        return {};
    }
    if (*inside == ".") {
        return Status(Code::invalid_config, "the state directory is '" + location.canonical +
                                                "' itself; put it elsewhere with --state");
    }
    const Bytes key = *inside + "/";
    if (spec.rules.filter.excluded(key)) {
        return {};
    }
    return Status(Code::invalid_config,
                  "the state directory '" + display_key(spec.state_directory.native()) +
                      "' lies inside '" + location.directory +
                      "'; put it elsewhere with --state, or leave it out with "
                      "--exclude '/" +
                      key + "'");
}

class Run {
public:
    // `lock`: of the two places, taken by the first run that gets there and shared by the others.
    Run(const RunServices& services, SyncSpec spec, const ResourceSpec* resource,
        const RunControl& control, std::shared_ptr<SyncLock>& lock)
        : lock_(lock), plugins_(services.plugins), pool_(services.pool), clock_(services.clock),
          progress_(services.progress), spec_(std::move(spec)), control_(control) {
        if (resource != nullptr) {
            resource_ = *resource;
            spec_.rules = resource->rules;
            spec_.strategies = resource->strategies;
            spec_.pattern_strategies = resource->pattern_strategies;
        }
        report_.resource = resource_.name;
        report_.mode = spec_.rules.mode;
        if (control_.selection != nullptr) {
            report_.dropped = control_.selection->dropped;
            report_.command = !report_.dropped.empty()                  ? "drop"
                              : control_.selection->take == Take::chain ? "retry"
                                                                        : "resolve";
        }
        report_.dry_run = control_.dry_run;
        call_.stop = control_.stop;
        call_.end_waits = control_.drain;
        call_.dry_run = control_.dry_run;
    }

    // All that is to be known before anything changes. Whether there is a plan to carry out.
    bool prepare() {
        started_mono_ = clock_.mono_ns();
        started_wall_ = clock_.wall_ns();
        report_.error = make_ready();
        return report_.error.ok() && report_.guard.ok();
    }

    // The report, after carrying out what was prepared; without `execute` nothing is.
    SyncReport finish(bool execute) {
        if (report_.error.ok() && control_.explain == nullptr) {
            report_.error = execute && !control_.dry_run ? carry_out() : only_planned();
        }
        report_.outcomes.planned += left_.planned;
        report_.outcomes.skipped += left_.skipped;
        report_.outcomes.pending += left_.pending;
        report_.outcomes.failed += left_.failed;
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
        report_.interrupted = report_.interrupted || report_.error.code() == Code::cancelled;
        report_.retries = progress_.snapshot().retries;
        report_.quota_wait_ms =
            static_cast<std::int64_t>(progress_.snapshot().quota_wait_ns / 1'000'000);
        report_.queue_depth_max = progress_.snapshot().queue_depth_max;
        report_.duration_ms = (clock_.mono_ns() - started_mono_) / 1'000'000;
        if (report_.run_id != 0) {
            const Status recorded = finish_record();
            if (report_.error.ok()) {
                report_.error = recorded;
            }
        }
        return std::move(report_);
    }

private:
    Status make_ready() {
        plugins_.refresh();
        SYNCLINE_TRY(open());
        if (!control_.apply_plan.empty()) {
            return load_and_check_plan();
        }
        if (control_.explain != nullptr) {
            return explain(*control_.explain);
        }
        Result<PlanSummary> summary = plan();
        if (!summary.ok()) {
            return root_gone(summary.status());
        }
        report_.listed = summary->listed;
        report_.counts = summary->counts;
        report_.losses = summary->losses;
        report_.unresolved = chain_->unresolved();
        report_.first_run = !identity_.has_value();
        report_.guard = check_marker();
        if (report_.guard.ok() && control_.selection == nullptr) { // else a person named the keys
            Rules rules = spec_.rules;
            const Result<bool> own = emptied_by_a_cut_off_run(*summary);
            if (!own.ok()) {
                return own.status();
            }
            rules.force.emptied = rules.force.emptied || *own;
            report_.guard = check_deletion_guards(*summary, rules, report_.source, report_.target);
        }
        log(LogLevel::debug, "run",
            report_.guard.ok() ? "marker and deletion guards passed"
                               : "a guard stops the run: " + report_.guard.message());
        SYNCLINE_TRY(show());
        return !control_.write_plan.empty() && report_.guard.ok() ? write_plan() : Status();
    }

    // Whether a side is empty because the last run, which did not get to its end, removed all that
    // was there, to put something else in its place.
    Result<bool> emptied_by_a_cut_off_run(const PlanSummary& summary) {
        for (const Side side : {Side::source, Side::target}) {
            if (summary.base_items == 0 || summary.listed[static_cast<std::size_t>(side)] > 0) {
                continue;
            }
            const Result<std::vector<RunRecord>> latest = state_->runs().latest(1);
            if (!latest.ok()) {
                return latest.status();
            }
            if (latest->empty() || latest->front().finished_wall_ns != 0) {
                return false;
            }
            std::uint64_t removed = 0;
            SYNCLINE_TRY(
                state_->journal().each(latest->front().id, {}, [&](const JournalEntry& entry) {
                    removed += entry.side == side && entry.action == Action::remove ? 1 : 0;
                    return removed < summary.base_items;
                }));
            return removed == summary.base_items;
        }
        return false;
    }

    Status show() {
        if (!control_.show) {
            return {};
        }
        return plan_->each_in_key_order([&](PlannedOp&& op) {
            if (op.action != Action::record && op.action != Action::forget &&
                op.action != Action::follow) {
                control_.show(op);
            }
            return true;
        });
    }

    // A side whose marker is gone is another place, or not all there.
    Status check_marker() {
        const Bytes& marker = spec_.rules.marker;
        if (marker.empty()) {
            return {};
        }
        for (const auto& [side, endpoint] :
             {std::pair(Side::source, source_.get()), std::pair(Side::target, target_.get())}) {
            Status there = endpoint->stat(call_, marker).status();
            if (there.code() == Code::not_found && !is_container_key(marker)) {
                there = endpoint->stat(call_, marker + '/').status();
            }
            if (!there.ok()) {
                const bool absent = there.code() == Code::not_found;
                return Status(Code::guard_tripped,
                              "the marker '" + display_key(marker) + "' is not on " +
                                  std::string(name_of(side)) + " '" + endpoint->location() + "'" +
                                  (absent ? "" : " (" + there.message() + ")") +
                                  "; check that the right place is mounted and complete, or "
                                  "create the marker there if the place is new");
            }
        }
        return {};
    }

    Status write_plan() {
        PlanHeader header;
        for (const auto& [location, typed, into] :
             {std::tuple(&sides_.source, &spec_.source, &header.source),
              std::tuple(&sides_.target, &spec_.target, &header.target)}) {
            Result<std::string> lasting =
                location_for_plan(*location, *typed, control_.write_plan, spec_.rules.filter);
            if (!lasting.ok()) {
                return lasting.status();
            }
            *into = *std::move(lasting);
        }
        Result<Bytes> key = directory_->plan_key();
        if (!key.ok()) {
            return key.status();
        }
        header.created_wall_ns = started_wall_;
        header.sync_name = report_.sync_name;
        header.source_scope = source_->info().scope_id;
        header.target_scope = target_->info().scope_id;
        header.mode = spec_.rules.mode;
        header.marker = spec_.rules.marker;
        header.first_run = report_.first_run;
        header.listed = report_.listed;
        header.id = new_plan_id();
        SYNCLINE_TRY(
            write_plan_file(control_.write_plan, header, *std::move(key), *plan_, planning_call()));
        report_.plan_id = header.id;
        return {};
    }

    // A plan that comes from a file, less what does not fit any more.
    Status load_and_check_plan() {
        Result<std::int64_t> last_id = load_plan();
        if (!last_id.ok()) {
            return last_id.status();
        }
        SYNCLINE_TRY(check_marker());
        progress_.enter(RunPhase::planning);
        if (!control_.dry_run) {
            SYNCLINE_TRY(begin_run());
        }
        SYNCLINE_TRY(recheck_plan(
            {*source_, *target_, state_->base(), state_->archive(), *plan_, *last_id, pool_,
             lane_.get(),
             [&](const PlannedOp& op, Outcome outcome, Code code, std::string message) {
                 ++left_.planned;
                 ++(outcome == Outcome::skipped   ? left_.skipped
                    : outcome == Outcome::pending ? left_.pending
                                                  : left_.failed);
                 if (outcome == Outcome::skipped) { // told, but nothing to remember
                     keep({outcome, op.key, op.action, op.side, op.conflict, code,
                           std::move(message)});
                     return Status();
                 }
                 return note({op, outcome, code, std::move(message)});
             }},
            planning_call()));
        Result<PlanCounts> counts = plan_->counts();
        if (!counts.ok()) {
            return counts.status();
        }
        report_.counts = *counts;
        return show();
    }

    Status explain(Explanation& into) {
        SYNCLINE_TRY(fresh_plan());
        into.source = report_.source;
        into.target = report_.target;
        into.mode = spec_.rules.mode;
        const CallContext call = planning_call();
        chain_->attach(*source_, *target_, call, clock_, &state_->archive());
        return explain_key({*source_, *target_, state_->base(), state_->runs(), state_->journal(),
                            *plan_, *chain_, pool_, lane_.get(), progress_, spec_.rules,
                            spec_.state_directory},
                           call, into);
    }

    // The operations of the file, whole and checked, as this run's plan; the id of the last.
    Result<std::int64_t> load_plan() {
        Result<Bytes> key = directory_->plan_key();
        if (!key.ok()) {
            return key.status();
        }
        SYNCLINE_TRY(fresh_plan());
        PlanHeader header;
        Result<std::int64_t> last_id = load_plan_file(
            control_.apply_plan, *std::move(key),
            {report_.sync_name, spec_.rules.mode, *source_, *target_}, *plan_, header);
        report_.plan_id = header.id;
        report_.listed = header.listed;
        report_.first_run = !identity_.has_value();
        return last_id;
    }

    Status open() {
        Result<Sides> sides = parse_sides(spec_.source, spec_.target, plugins_);
        if (!sides.ok()) {
            return sides.status();
        }
        sides_ = *std::move(sides);
        report_.source = sides_.source.shown;
        report_.target = sides_.target.shown;
        report_.sync_name = sides_.sync_name();
        if (!resource_.name.empty()) {
            report_.sync_name += " [" + resource_.name + "]";
        }
        SYNCLINE_TRY(check_state_outside(spec_, sides_.source));
        SYNCLINE_TRY(check_state_outside(spec_, sides_.target));
        SYNCLINE_TRY(make_strategies());
        if (!std::filesystem::exists(spec_.state_directory)) {
            SYNCLINE_TRY(check_sides_exist(sides_, false)); // leave no trace of a slip
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
        SYNCLINE_TRY(lock());
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
        SYNCLINE_TRY(check_sides_exist(sides_, identity_.has_value()));

        bandwidth_ = make_bandwidth(spec_.bytes_per_s, clock_);
        SYNCLINE_TRY(make_side(sides_.source, Side::source, source_));
        SYNCLINE_TRY(make_side(sides_.target, Side::target, target_));
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

    Status lock() {
        if (lock_ != nullptr) {
            return {};
        }
        Result<std::unique_ptr<SyncLock>> taken = lock_sides(*directory_, sides_);
        if (!taken.ok()) {
            return taken.status();
        }
        lock_ = *std::move(taken);
        log(LogLevel::debug, "run",
            "state in " + display_key(spec_.state_directory.native()) + ", sync '" +
                display_key(report_.sync_name) + "' locked");
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
        Result<std::unique_ptr<Connector>> connector =
            open_connector(plugins_, location,
                           which == Side::source ? resource_.source_type : resource_.target_type);
        if (!connector.ok()) {
            return connector.status();
        }
        const std::string connector_id = (*connector)->plugin_id();
        if (which == Side::target && !resource_.key_pattern.empty()) {
            Result<KeyMap> map = KeyMap::make(resource_.key_pattern);
            if (!map.ok()) {
                return map.status();
            }
            connector = with_mapped_keys(*std::move(connector), *std::move(map));
        }
        EndpointOptions options;
        options.spill_directory = spec_.state_directory;
        options.progress = &progress_;
        options.guard = spec_.guard;
        options.bandwidth = bandwidth_.get();
        options.unreachable = &unreachable_[static_cast<std::size_t>(which)];
        Result<std::unique_ptr<Endpoint>> endpoint =
            open_side(location, *std::move(connector), std::move(options), clock_, call_);
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

    Status fresh_plan() {
        Result<std::unique_ptr<PlanStore>> plan = state_->new_plan();
        if (!plan.ok()) {
            return plan.status();
        }
        plan_ = *std::move(plan);
        return {};
    }

    // Planning changes nothing, so either interruption may end it at once.
    CallContext planning_call() const {
        CallContext call = call_;
        call.stop = either_stop_.get_token();
        return call;
    }

    Result<PlanSummary> plan() {
        SYNCLINE_TRY(fresh_plan());
        const CallContext call = planning_call();
        chain_->attach(*source_, *target_, call, clock_, &state_->archive());
        if (control_.selection != nullptr) {
            return plan_selection(*control_.selection, call);
        }
        return make_plan({*source_, *target_, *source_, *target_, state_->base(), *plan_, *chain_,
                          pool_, lane_.get(), progress_, spec_.rules, spec_.state_directory,
                          !control_.write_plan.empty(), report_.sync_name},
                         call);
    }

    Result<PlanSummary> plan_selection(const Selection& selection, const CallContext& call) {
        SelectedItems source(*source_, selection.keys);
        SelectedItems target(*target_, selection.keys);
        SelectedBase base(state_->base(), selection.keys);
        PersonsDecision person(selection, *chain_, state_->archive(), clock_.wall_ns());
        ConflictResolver& resolver =
            selection.take == Take::chain ? static_cast<ConflictResolver&>(*chain_) : person;
        Result<PlanSummary> summary = make_plan(
            {source, target, *source_, *target_, base, *plan_, resolver, pool_, lane_.get(),
             progress_, spec_.rules, spec_.state_directory, false, report_.sync_name},
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

    Status begin_run() {
        if (report_.run_id != 0) {
            return {}; // what a plan file left out is noted with it already
        }
        const Result<std::int64_t> run_id = state_->runs().begin(started_wall_);
        if (!run_id.ok()) {
            return run_id.status();
        }
        report_.run_id = *run_id;
        if (control_.selection != nullptr || !control_.apply_plan.empty()) {
            SYNCLINE_TRY(carry_over());
        }
        // From here on the places are this sync's, even if the run does not get to its end.
        if (!identity_ || spec_.rules.force.identity) {
            SYNCLINE_TRY(
                state_->identity().save({source_->info().scope_id, target_->info().scope_id}));
        }
        return {};
    }

    // What the last run left open stays so, less what this one looks at: only some keys, or what is
    // left of a plan that a person may have shortened.
    Status carry_over() {
        const Result<OpenNotes> open = open_notes(state_->runs());
        if (!open.ok()) {
            return open.status();
        }
        std::set<Bytes> left_out;
        for (const RunNote& note : open->notes) {
            left_out.insert(note.key);
        }
        const Selection* const selection = control_.selection;
        if (selection != nullptr) {
            for (const Bytes& key : selection->keys) {
                left_out.erase(key);
            }
        } else if (!left_out.empty()) {
            SYNCLINE_TRY(plan_->each_in_key_order([&](PlannedOp&& op) {
                left_out.erase(op.key);
                return true;
            }));
        }
        for (const RunNote& note : open->notes) {
            const bool is_dropped = selection != nullptr && note.outcome == Outcome::failed &&
                                    std::ranges::binary_search(selection->dropped, note.key);
            if (left_out.count(note.key) != 0 && !is_dropped) {
                SYNCLINE_TRY(state_->runs().note(report_.run_id, note));
            }
        }
        return {};
    }

    Status carry_out() {
        SYNCLINE_TRY(begin_run());
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
            note.source_key = op.source->key;
        }
        if (op.target) {
            note.target_version = op.target->version;
            note.target_key = op.target->key;
        }
        keep(
            {what.outcome, op.key, op.action, op.side, op.conflict, what.code, std::move(message)});
        return report_.run_id != 0 ? state_->runs().note(report_.run_id, note) : Status();
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

    std::shared_ptr<SyncLock>& lock_;
    PluginRegistry& plugins_;
    WorkerPool& pool_;
    const Clock& clock_;
    RunProgress& progress_;
    SyncSpec spec_;
    ResourceSpec resource_; // of several; unnamed where there is only one
    Sides sides_;
    const RunControl& control_;
    CallContext call_;
    std::stop_source either_stop_; // of drain and stop
    const std::stop_callback<std::function<void()>> on_drain_{
        control_.drain, [this] { either_stop_.request_stop(); }};
    const std::stop_callback<std::function<void()>> on_stop_{
        control_.stop, [this] { either_stop_.request_stop(); }};
    SyncReport report_;
    Outcomes left_; // operations of a plan file that do not fit any more
    std::int64_t started_mono_ = 0;
    std::int64_t started_wall_ = 0;
    std::optional<SyncIdentity> identity_;
    std::optional<GuardStats> unreachable_[2]; // by Side: of one that no endpoint came of

    // In the order in which they depend on each other: destroyed in reverse.
    std::unique_ptr<StateDirectory> directory_;
    std::unique_ptr<SyncState> state_;
    std::unique_ptr<StrategyChain> chain_;
    std::unique_ptr<RateLimiter> bandwidth_;
    std::unique_ptr<Endpoint> source_;
    std::unique_ptr<Endpoint> target_;
    std::unique_ptr<PlanStore> plan_;
    std::shared_ptr<PoolLane> lane_;
};

// All are planned and pass their guards before the first is executed.
SyncReport run_resources(const RunServices& services, const SyncSpec& spec,
                         const RunControl& control) {
    std::shared_ptr<SyncLock> lock;
    std::vector<std::unique_ptr<Run>> runs;
    bool ready = true;
    for (const ResourceSpec& resource : spec.resources) {
        runs.push_back(std::make_unique<Run>(services, spec, &resource, control, lock));
        ready = runs.back()->prepare() && ready;
    }
    std::vector<SyncReport> reports;
    for (const std::unique_ptr<Run>& run : runs) {
        reports.push_back(run->finish(ready));
    }
    return sum_of(std::move(reports));
}

} // namespace

SyncReport run_sync(const RunServices& services, const SyncSpec& spec, const RunControl& control) {
    SyncReport report;
    const Status usable = check_resources(spec, control);
    if (!usable.ok()) {
        report.error = usable;
    } else if (spec.resources.empty()) {
        std::shared_ptr<SyncLock> lock;
        Run run(services, spec, nullptr, control, lock);
        const bool ready = run.prepare();
        report = run.finish(ready);
    } else {
        report = run_resources(services, spec, control);
    }
    services.progress.enter(RunPhase::finished);
    return report;
}

} // namespace syncline
