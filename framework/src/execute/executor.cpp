#include "syncline/execute/executor.hpp"

#include "execute/keeper.hpp"
#include "execute/operations.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <atomic>
#include <functional>
#include <memory>
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

// The rest a listing tells, so the plan counted it.
constexpr std::uint8_t kFoundWhenRead =
    static_cast<std::uint8_t>(Loss::attributes) | static_cast<std::uint8_t>(Loss::acl);

bool is_by_itself(Phase phase) {
    return phase == Phase::clear_containers || phase == Phase::create_containers ||
           phase == Phase::rename_containers || phase == Phase::rename_chains ||
           phase == Phase::remove_containers || phase == Phase::bookkeeping || phase == Phase::none;
}

BytesView folder_of(BytesView key) {
    const std::size_t slash = key.rfind('/', key.size() < 2 ? BytesView::npos : key.size() - 2);
    return slash == BytesView::npos ? BytesView() : key.substr(0, slash);
}

bool passes(Code code) { return code == Code::circuit_open || code == Code::rate_limited; }

// Operations on their way to a worker. They stay packed until it comes to them: what one thread
// allocates and another frees costs both of them, and so does what waits unpacked.
class PackedBatch {
public:
    void add(const PackedOp& op) {
        ops_.append(op.bytes);
        marks_.push_back({op.id, ops_.size()});
        if (const BytesView folder = folder_of(op.key); folder != folder_) {
            folder_ = folder;
        }
        content_ += std::min(op.content, kBatchBytes); // an unknown size counts as a whole batch
        only_creates_ = only_creates_ && op.action == Action::create;
    }
    bool is_full(std::size_t most_ops, const PackedOp& next) const {
        return !marks_.empty() &&
               (marks_.size() >= most_ops || content_ >= kBatchBytes ||
                (marks_.size() >= most_ops / 4 && folder_of(next.key) != folder_));
    }
    bool is_empty() const { return marks_.empty(); }
    bool only_creates() const { return only_creates_; }
    std::size_t size() const { return marks_.size(); }

    template <typename F>
    Status unpack(const PlanStore& plan, F&& take) const {
        std::size_t begin = 0;
        for (const Mark& mark : marks_) {
            OpResult result;
            SYNCLINE_TRY(
                plan.unpack(mark.id, BytesView(ops_).substr(begin, mark.end - begin), result.op));
            take(std::move(result));
            begin = mark.end;
        }
        return {};
    }

private:
    struct Mark {
        std::int64_t id;
        std::size_t end;
    };

    Bytes ops_;
    std::vector<Mark> marks_;
    Bytes folder_; // of the last operation
    std::uint64_t content_ = 0;
    bool only_creates_ = true;
};

// What became of a batch: sums and changes of the base for what simply succeeded, as a whole only
// what there is more to say of.
struct BatchDone {
    std::uint64_t counted = 0; // of `done`, those that people count
    std::array<std::uint64_t, kActionNumbers> done{};
    std::uint64_t bytes = 0;
    BaseChanges base_changes;
    std::vector<OpResult> others;
};

class Execution {
public:
    Execution(const ExecuteInputs& in, std::stop_token drain, const CallContext& call)
        : in_(in), drain_(std::move(drain)), call_(call),
          operations_(in.source, in.target, in.progress, in.options, in.keeping.journal != nullptr,
                      in.kept_bases),
          keeper_(in.source, in.target, in.keeping), last_commit_ns_(in.clock.mono_ns()),
          tasks_(in.pool, in.lane) {}

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
            count(Action::record) - count(Action::forget) - count(Action::follow);
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

    Status run_phase(Phase phase, std::uint64_t count) {
        return is_by_itself(phase) ? run_here(phase) : run_on_workers(phase, count);
    }

    // One operation after the other.
    Status run_here(Phase phase) {
        const bool is_told_only = phase == Phase::none;
        Status status;
        const Status read = in_.plan.each(phase, [&](PlannedOp&& op) {
            OpResult result(std::move(op));
            if (is_told_only || phase == Phase::bookkeeping) {
                operations_.perform(result, call_);
            } else {
                attempt(result);
            }
            status = take(result);
            return status.ok() && (is_told_only || going_on());
        });
        SYNCLINE_TRY(read);
        SYNCLINE_TRY(status);
        return take_results();
    }

    Status run_on_workers(Phase phase, std::uint64_t count) {
        const std::size_t batch_ops =
            std::clamp<std::uint64_t>(count / kBatchesOfPhase, 1, kMostBatchOps);
        std::shared_ptr<PackedBatch> batch = std::make_shared<PackedBatch>();
        Status status;
        const auto submit = [&]() -> Status {
            const Status submitted = tasks_.submit([this, batch] { work(*batch); }, drain_);
            batch = std::make_shared<PackedBatch>();
            if (!submitted.ok() && submitted.code() != Code::cancelled) {
                return submitted;
            }
            in_.progress.queue_depth(tasks_.under_way());
            return take_results();
        };
        const auto visit = [&](const PackedOp& op) {
            if (batch->is_full(batch_ops, op)) {
                status = submit();
            }
            batch->add(op);
            return status.ok() && going_on();
        };
        const Status read = in_.plan.each_packed(phase, visit);
        if (status.ok() && read.ok() && going_on() && !batch->is_empty()) {
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
    void work(const PackedBatch& batch) {
        BatchDone done;
        Status unpacked;
        if (batch.only_creates()) { // which take no content away
            unpacked = batch.unpack(in_.plan, [&](OpResult&& result) {
                attempt(result);
                sum_up(std::move(result), done);
            });
        } else {
            std::vector<OpResult> results;
            results.reserve(batch.size());
            unpacked = batch.unpack(
                in_.plan, [&](OpResult&& result) { results.push_back(std::move(result)); });
            keeper_.keep(results, call_);
            for (OpResult& result : results) {
                attempt(result);
                sum_up(std::move(result), done);
            }
        }
        const std::lock_guard lock(mutex_);
        if (!unpacked.ok()) {
            worker_failure_ = unpacked;
        }
        done_.push_back(std::move(done));
        in_.progress.queue_depth(tasks_.under_way() - 1); // this one is as good as done
    }

    static void sum_up(OpResult&& result, BatchDone& done) {
        if (has_more_to_say(result)) {
            done.others.push_back(std::move(result));
            return;
        }
        tell(result);
        done.counted += is_counted(result.op) ? 1 : 0;
        ++done.done[static_cast<std::size_t>(result.op.action)];
        done.bytes += result.bytes;
        for (const BaseChange& change : result.base_changes) {
            done.base_changes.add(to_view(change.entry), change.erase);
        }
    }

    static bool has_more_to_say(const OpResult& result) {
        return result.outcome != Outcome::ok || (result.losses & kFoundWhenRead) != 0 ||
               result.tells_not_kept || !result.kept.empty();
    }

    // Part of another operation that stands for it, or no more than a note in the base.
    static bool is_counted(const PlannedOp& op) {
        return op.action != Action::record && op.action != Action::forget &&
               op.action != Action::follow;
    }

    static void tell(const OpResult& result) {
        const LogLevel level =
            result.outcome == Outcome::failed ? LogLevel::warning : LogLevel::debug;
        if (log_enabled(level)) {
            log(level, "execute",
                std::string(name_of(result.op.action)) + " on " +
                    std::string(name_of(result.op.side)) + " " + display_key(result.op.key) + ": " +
                    std::string(name_of(result.outcome)) +
                    (result.message.empty() ? "" : ", " + result.message));
        }
    }

    void attempt(OpResult& result) {
        carry_out(result);
        record(result);
    }

    void carry_out(OpResult& result) {
        const std::optional<Side> given_up = needs_given_up(result.op);
        if (call_.stop.stop_requested() || drain_.stop_requested() || given_up) {
            result.outcome = Outcome::pending;
            result.code = given_up ? Code::aborted : Code::cancelled;
            result.message =
                given_up ? "not tried, because " + std::string(name_of(*given_up)) + " was given up"
                         : "not tried, because the run was interrupted";
            return;
        }
        SYNCLINE_FAILPOINT("execute.before-op." + std::string(name_of(result.op.action)));
        operations_.perform(result, call_);
        SYNCLINE_FAILPOINT("execute.after-op." + std::string(name_of(result.op.action)));
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

    Status worker_failure() {
        const std::lock_guard lock(mutex_);
        return worker_failure_;
    }

    Status take_results() {
        SYNCLINE_TRY(worker_failure());
        std::vector<BatchDone> batches;
        {
            const std::lock_guard lock(mutex_);
            batches.swap(done_);
        }
        for (const BatchDone& batch : batches) {
            result_.outcomes.ok += batch.counted;
            std::transform(result_.done.begin(), result_.done.end(), batch.done.begin(),
                           result_.done.begin(), std::plus<>());
            result_.bytes += batch.bytes;
            for (const BaseChanges::Change& change : batch.base_changes.all()) {
                SYNCLINE_TRY(remember(change.entry, change.erase));
            }
            SYNCLINE_TRY(commit_if_due());
            for (const OpResult& result : batch.others) {
                SYNCLINE_TRY(take(result));
            }
        }
        return {};
    }

    Status remember(const BaseEntryView& entry, bool erase) {
        ++uncommitted_;
        return erase ? in_.base.erase(entry.key) : in_.base.put(entry);
    }

    Status commit_if_due() {
        const bool is_due = uncommitted_ >= in_.options.commit_every_items ||
                            (uncommitted_ > 0 &&
                             in_.clock.mono_ns() - last_commit_ns_ >= in_.options.commit_every_ns);
        return is_due ? commit() : Status();
    }

    // Counts an operation, tells what did not succeed, and remembers what the base should say.
    Status take(const OpResult& result) {
        tell(result);
        Outcomes& outcomes = result_.outcomes;
        // What follows another operation counts when it does not succeed.
        if (result.op.action == Action::follow && result.outcome != Outcome::ok &&
            result.code != Code::cancelled) {
            ++outcomes.planned;
        }
        switch (result.outcome) {
        case Outcome::ok:
            outcomes.ok += is_counted(result.op) ? 1 : 0;
            ++result_.done[static_cast<std::size_t>(result.op.action)];
            result_.bytes += result.bytes;
            result_.losses.add(static_cast<std::uint8_t>(result.losses & kFoundWhenRead),
                               result.op.key);
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
        if (result.outcome == Outcome::ok && result.tells_not_kept && in_.keeping.not_kept) {
            in_.keeping.not_kept(result.op, result.not_kept);
        }
        for (const BaseChange& change : result.base_changes) {
            SYNCLINE_TRY(remember(to_view(change.entry), change.erase));
        }
        kept_.insert(kept_.end(), result.kept.begin(), result.kept.end());
        return commit_if_due();
    }

    // For the journal, at once because there the entries wait packed: what was done, or that what
    // was intended was not.
    void record(OpResult& result) {
        if (in_.keeping.journal == nullptr) {
            return;
        }
        const auto add = [this](const JournalEntry& entry) {
            const Status added = in_.keeping.journal->add(in_.keeping.run, entry);
            if (!added.ok()) {
                const std::lock_guard lock(mutex_);
                worker_failure_ = added;
            }
        };
        for (const JournalEntry& change : result.changes) {
            add(change);
        }
        for (const Side side : {Side::source, Side::target}) {
            const bool is_done = std::any_of(
                result.changes.begin(), result.changes.end(), [&](const JournalEntry& change) {
                    return change.key == lost_key(result.op) && change.side == side;
                });
            if (result.intended[static_cast<std::size_t>(side)] && !is_done &&
                result.code != Code::outcome_unknown) {
                JournalEntry entry;
                entry.key = lost_key(result.op);
                entry.side = side;
                entry.action = Action::skip;
                add(entry);
            }
        }
        result.changes = {};
    }

    // Data first, base second: a base ahead of the data would turn a power cut into a deletion.
    // Both sides, whichever was written: what a person saved on the side that was read a moment ago
    // may be as volatile as its copy, and an item that both sides turned out to hold was written by
    // nobody here.
    Status commit() {
        for (const Side side : {Side::source, Side::target}) {
            if (uncommitted_ == 0) {
                break;
            }
            Endpoint& endpoint = side == Side::source ? in_.source : in_.target;
            CallContext call = call_;
            call.stop = {}; // an interrupted run still has to say what it did
            const Status flushed = endpoint.flush(call);
            if (!flushed.ok()) {
                broken_ = true;
                SYNCLINE_TRY(commit_journal());
                SYNCLINE_TRY(in_.base.rollback());
                kept_.clear();
                uncommitted_ = 0;
                // Of all reasons this one must be told.
                result_.stopped =
                    flushed.with_context("what is on " + endpoint.location() +
                                         " may not survive a power cut, so it is not recorded; the "
                                         "next run checks it again");
                return {};
            }
        }
        SYNCLINE_TRY(commit_journal());
        uncommitted_ = 0;
        last_commit_ns_ = in_.clock.mono_ns();
        pin_kept(in_.kept_bases.archive, std::exchange(kept_, {}));
        return in_.base.commit();
    }

    Status commit_journal() {
        SYNCLINE_TRY(worker_failure());
        return in_.keeping.journal != nullptr ? in_.keeping.journal->commit() : Status();
    }

    const ExecuteInputs& in_;
    std::stop_token drain_;
    CallContext call_;
    Operations operations_;
    Keeper keeper_;
    ExecuteResult result_;

    std::mutex mutex_;
    std::vector<BatchDone> done_; // guarded by mutex_
    Status worker_failure_;       // guarded by mutex_; ends the run
    std::atomic<GiveUp> given_up_[2] = {};

    bool broken_ = false; // a side cannot make its data durable
    std::uint64_t uncommitted_ = 0;
    std::vector<KeptContent> kept_; // of the base changes that are not committed
    std::int64_t last_commit_ns_;
    TaskGroup tasks_; // last: it waits for those that use everything above
};

} // namespace

Result<ExecuteResult> execute_plan(const ExecuteInputs& inputs, const std::stop_token& drain,
                                   const CallContext& call) {
    return Execution(inputs, drain, call).run();
}

} // namespace syncline
