#include "syncline/execute/executor.hpp"

#include "execute/operations.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <numeric>
#include <optional>
#include <utility>

namespace syncline {

namespace {

// A task's worth of work. A folder stays in one batch where it can, because two workers that create
// in one folder wait for each other; content ends a batch early, so that large items are shared
// out, and few items make small batches, so that every worker has some.
constexpr std::size_t kMostBatchOps = 128;
constexpr std::uint64_t kBatchesOfPhase = 64; // at least, where there are so many operations
constexpr std::uint64_t kBatchBytes = std::uint64_t{4} << 20U;

bool in_order(Phase phase) {
    return phase == Phase::clear_containers || phase == Phase::create_containers ||
           phase == Phase::remove_containers;
}

BytesView folder_of(BytesView key) {
    const std::size_t slash = key.rfind('/', key.size() < 2 ? BytesView::npos : key.size() - 2);
    return slash == BytesView::npos ? BytesView() : key.substr(0, slash);
}

// Unknown sizes count as a whole batch.
std::uint64_t content_size(const PlannedOp& op) {
    const std::optional<Item>& from = op.side == Side::source ? op.target : op.source;
    return from && from->kind == ItemKind::object ? std::min(from->size, kBatchBytes) : 0;
}

bool passes(Code code) { return code == Code::circuit_open || code == Code::rate_limited; }

class Execution {
public:
    Execution(const ExecuteInputs& in, std::stop_token drain, const CallContext& call)
        : in_(in), drain_(std::move(drain)), call_(call),
          operations_(in.source, in.target, in.progress, in.options),
          last_commit_ns_(in.clock.mono_ns()), tasks_(in.pool, in.lane) {}

    Result<ExecuteResult> run() {
        Result<PlanCounts> counts = in_.plan.counts();
        if (!counts.ok()) {
            return counts.status();
        }
        const auto count = [&](Action action) {
            return counts->actions[static_cast<std::size_t>(action)];
        };
        Outcomes& outcomes = result_.outcomes;
        outcomes.planned =
            std::accumulate(counts->actions.begin(), counts->actions.end(), std::uint64_t{0}) -
            count(Action::record) - count(Action::forget);
        in_.progress.planned(outcomes.planned - count(Action::conflict) - count(Action::skip),
                             counts->bytes);
        in_.progress.enter(RunPhase::executing);

        if (counts->brings_back) {
            SYNCLINE_TRY(forget_what_comes_back());
        }
        // Conflicts and skipped items first: they need no work, and are told even if the run is
        // interrupted.
        SYNCLINE_TRY(run_phase(Phase::none, counts->phases[static_cast<std::size_t>(Phase::none)]));
        for (int number = static_cast<int>(Phase::clear_content);
             number <= static_cast<int>(Phase::bookkeeping); ++number) {
            const auto phase = static_cast<Phase>(number);
            const std::uint64_t count_of_phase = counts->phases[static_cast<std::size_t>(number)];
            if (count_of_phase > 0 && going_on()) {
                SYNCLINE_TRY(run_phase(phase, count_of_phase));
            }
        }
        in_.progress.enter(RunPhase::committing);
        SYNCLINE_TRY(commit());
        result_.interrupted = drain_.stop_requested() || call_.stop.stop_requested();
        outcomes.pending = outcomes.planned - outcomes.ok - outcomes.skipped - outcomes.conflicted -
                           outcomes.failed;
        return std::move(result_);
    }

private:
    bool going_on() const {
        return !drain_.stop_requested() && !call_.stop.stop_requested() && !broken_;
    }

    // What comes back was deleted by a person on the side it is created on. Cut short after its
    // container is there again, the next run would see single deletions and carry them to the other
    // side. So the base forgets it before anything is made: then it is new, and comes back in any
    // case.
    Status forget_what_comes_back() {
        for (const Phase phase : {Phase::create_containers, Phase::write_content}) {
            Status status;
            SYNCLINE_TRY(in_.plan.each(phase, [&](PlannedOp&& op) {
                if (op.action == Action::create && op.has_base) {
                    status = in_.base.erase(op.key);
                }
                return status.ok();
            }));
            SYNCLINE_TRY(status);
        }
        return in_.base.commit();
    }

    using Batch = std::vector<OpResult>;

    Status run_phase(Phase phase, std::uint64_t count) {
        const std::size_t batch_ops =
            std::clamp<std::uint64_t>(count / kBatchesOfPhase, 1, kMostBatchOps);
        Batch batch;
        std::uint64_t batch_bytes = 0;
        Status status;
        const auto submit = [&]() -> Status {
            if (batch.empty()) {
                return {};
            }
            auto ops = std::make_shared<Batch>(std::move(batch));
            batch.clear();
            batch_bytes = 0;
            const Status submitted = tasks_.submit([this, ops] { work(std::move(*ops)); }, drain_);
            if (!submitted.ok() && submitted.code() != Code::cancelled) {
                return submitted;
            }
            in_.progress.queue_depth(tasks_.under_way());
            return take_results();
        };
        const auto is_full = [&](const PlannedOp& next) {
            if (batch.empty()) {
                return false;
            }
            return batch.size() >= batch_ops || batch_bytes >= kBatchBytes ||
                   (batch.size() >= batch_ops / 4 &&
                    folder_of(batch.back().op.key) != folder_of(next.key));
        };
        const auto visit = [&](PlannedOp&& op) {
            if (phase == Phase::none || phase == Phase::bookkeeping) {
                OpResult result(std::move(op));
                operations_.perform(result, call_);
                status = take(result);
            } else if (in_order(phase)) {
                OpResult result(std::move(op));
                attempt(result);
                status = take(result);
            } else {
                if (is_full(op)) {
                    status = submit();
                }
                batch_bytes += content_size(op);
                batch.emplace_back(std::move(op));
            }
            return status.ok() && (phase == Phase::none || going_on());
        };
        const Status read = in_.plan.each(phase, visit);
        if (status.ok() && read.ok() && going_on()) {
            status = submit();
        }
        // A later phase relies on this one being done.
        const Status done = tasks_.wait();
        in_.progress.queue_depth(0);
        SYNCLINE_TRY(done);
        SYNCLINE_TRY(read);
        SYNCLINE_TRY(status);
        return take_results();
    }

    // On a worker, or on the thread that waits for the tasks.
    void work(Batch batch) {
        for (OpResult& result : batch) {
            attempt(result);
        }
        const std::lock_guard lock(mutex_);
        done_.push_back(std::move(batch));
        in_.progress.queue_depth(tasks_.under_way() - 1); // this one is as good as done
    }

    void attempt(OpResult& result) {
        const std::optional<Side> given_up = needs_given_up(result.op);
        if (call_.stop.stop_requested() || drain_.stop_requested() || given_up) {
            result.outcome = Outcome::pending;
            result.code = given_up ? Code::aborted : Code::cancelled;
            result.message =
                given_up ? "not tried, because " + std::string(name_of(*given_up)) + " was given up"
                         : "not tried, because the run was interrupted";
            return;
        }
        operations_.perform(result, call_);
        if (result.give_up != GiveUp::nothing) {
            give_up(result.given_up, result.give_up);
        }
        in_.progress.op_done();
        if (result.outcome == Outcome::failed) {
            in_.progress.error();
            in_.progress.event(RunEventKind::item_failed, result.code, result.op.key,
                               result.message);
        }
    }

    void give_up(Side side, GiveUp what) {
        std::atomic<GiveUp>& known = given_up_[static_cast<std::size_t>(side)];
        GiveUp before = known.load();
        while (before < what && !known.compare_exchange_weak(before, what)) {
        }
    }

    // The side that the operation cannot do without and that was given up, if there is one.
    std::optional<Side> needs_given_up(const PlannedOp& op) const {
        const auto of = [this](Side side) {
            return given_up_[static_cast<std::size_t>(side)].load();
        };
        if (of(op.side) != GiveUp::nothing) {
            return op.side;
        }
        const Side read = other(op.side);
        const bool is_written = op.action == Action::keep_both;
        if (op.action != Action::set_meta &&
            of(read) >= (is_written ? GiveUp::writing : GiveUp::everything)) {
            return read;
        }
        return std::nullopt;
    }

    Status take_results() {
        std::vector<Batch> batches;
        {
            const std::lock_guard lock(mutex_);
            batches.swap(done_);
        }
        for (const Batch& batch : batches) {
            for (const OpResult& result : batch) {
                SYNCLINE_TRY(take(result));
            }
        }
        return {};
    }

    // Counts an operation, tells what did not succeed, and remembers what the base should say.
    Status take(const OpResult& result) {
        const bool counted =
            result.op.action != Action::record && result.op.action != Action::forget;
        const LogLevel level =
            result.outcome == Outcome::failed ? LogLevel::warning : LogLevel::debug;
        if (log_enabled(level)) {
            log(level, "execute",
                std::string(name_of(result.op.action)) + " on " +
                    std::string(name_of(result.op.side)) + " " + display_key(result.op.key) + ": " +
                    std::string(name_of(result.outcome)) +
                    (result.message.empty() ? "" : ", " + result.message));
        }
        Outcomes& outcomes = result_.outcomes;
        switch (result.outcome) {
        case Outcome::ok:
            outcomes.ok += counted ? 1 : 0;
            ++result_.done[static_cast<std::size_t>(result.op.action)];
            result_.bytes += result.bytes;
            break;
        case Outcome::skipped:
            ++outcomes.skipped;
            break;
        case Outcome::conflicted:
            ++outcomes.conflicted;
            break;
        case Outcome::failed:
            ++outcomes.failed;
            break;
        case Outcome::pending: // counted at the end, as what is left
            break;
        }
        if (result.outcome != Outcome::ok) {
            // What needs a person is told rather than what passes by itself.
            if (result.give_up != GiveUp::nothing &&
                (result_.stopped.ok() ||
                 (passes(result_.stopped.code()) && !passes(result.code)))) {
                result_.stopped = Status(result.code, result.message);
            }
            const bool interrupted = result.code == Code::cancelled;
            if (!interrupted) {
                SYNCLINE_TRY(in_.report({result.op, result.outcome, result.code, result.message}));
            }
        }
        for (const BaseChange& change : result.base_changes) {
            SYNCLINE_TRY(change.erase ? in_.base.erase(change.entry.key)
                                      : in_.base.put(to_view(change.entry)));
            ++uncommitted_;
        }
        if (result.outcome == Outcome::ok && counted) {
            written_[static_cast<std::size_t>(result.op.side)] = true;
            if (result.op.action == Action::keep_both) {
                written_[static_cast<std::size_t>(other(result.op.side))] = true;
            }
        }
        const bool due = uncommitted_ >= in_.options.commit_every_items ||
                         (uncommitted_ > 0 &&
                          in_.clock.mono_ns() - last_commit_ns_ >= in_.options.commit_every_ns);
        return due ? commit() : Status();
    }

    // Data first, base second: a base ahead of the data would turn a power cut into a deletion.
    Status commit() {
        for (const Side side : {Side::source, Side::target}) {
            bool& written = written_[static_cast<std::size_t>(side)];
            if (!written) {
                continue;
            }
            Endpoint& endpoint = side == Side::source ? in_.source : in_.target;
            CallContext call = call_;
            call.stop = {}; // an interrupted run still has to say what it did
            const Status flushed = endpoint.flush(call);
            if (!flushed.ok()) {
                broken_ = true;
                SYNCLINE_TRY(in_.base.rollback());
                uncommitted_ = 0;
                // Of all reasons this one must be told.
                result_.stopped =
                    flushed.with_context("what was written to " + endpoint.location() +
                                         " may not survive a power cut, so it is not recorded; the "
                                         "next run checks it again");
                return {};
            }
            written = false;
        }
        uncommitted_ = 0;
        last_commit_ns_ = in_.clock.mono_ns();
        return in_.base.commit();
    }

    const ExecuteInputs& in_;
    std::stop_token drain_;
    CallContext call_;
    Operations operations_;
    ExecuteResult result_;

    std::mutex mutex_;
    std::vector<Batch> done_; // guarded by mutex_
    std::atomic<GiveUp> given_up_[2] = {};

    bool written_[2] = {};
    bool broken_ = false; // a side cannot make its data durable
    std::uint64_t uncommitted_ = 0;
    std::int64_t last_commit_ns_;
    TaskGroup tasks_; // last: it waits for those that use everything above
};

} // namespace

Result<ExecuteResult> execute_plan(const ExecuteInputs& inputs, const std::stop_token& drain,
                                   const CallContext& call) {
    return Execution(inputs, drain, call).run();
}

} // namespace syncline
