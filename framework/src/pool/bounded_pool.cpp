#include "pool/bounded_pool.hpp"

#include "syncline/core/log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace syncline {

namespace {

// Of so many in the inbox the way of one is timed: a look at the clock costs as much as the rest of
// a submission. Where tasks are taken as they come, each finds it empty and is timed.
constexpr std::size_t kOneTimedOf = 16;

// Fewer in the inbox are not worth the meeting with the submitter at once.
constexpr std::size_t kWorthALook = 64;

constexpr std::int64_t kShortNs = 1'000; // tasks are taken in batches if they last less

} // namespace

BoundedPool::BoundedPool(const PoolOptions& options, const Clock& clock, ThreadStarter start_thread)
    : clock_(clock), start_thread_(std::move(start_thread)), capacity_(options.capacity),
      queue_(options.pass_over_limit), configured_workers_(options.workers) {
    epochs_.emplace_back();
}

thread_local const BoundedPool::WorkerMark* BoundedPool::WorkerMark::innermost_ = nullptr;

BoundedPool::WorkerMark::WorkerMark(const BoundedPool* pool)
    : pool_(pool), outer_(std::exchange(innermost_, this)) {}
BoundedPool::WorkerMark::~WorkerMark() { innermost_ = outer_; }

bool BoundedPool::WorkerMark::is_on(const BoundedPool* pool) {
    const WorkerMark* mark = innermost_;
    while (mark != nullptr && mark->pool_ != pool) {
        mark = mark->outer_;
    }
    return mark != nullptr;
}

bool BoundedPool::works_here() const { return WorkerMark::is_on(this); }

BoundedPool::~BoundedPool() { (void)BoundedPool::shut_down(kNoDeadline); }

// ---- the way in ----

Status BoundedPool::refuse_closed() {
    return Status(Code::invalid_state, "the worker pool is not running, or was closed");
}

Status BoundedPool::refuse_lane() {
    return Status(Code::invalid_argument, "the lane belongs to another pool");
}

Lane* BoundedPool::mine(const PoolLane* lane) const {
    const auto* own = dynamic_cast<const Lane*>(lane);
    return own != nullptr && own->pool == this ? const_cast<Lane*>(own) : nullptr;
}

// Under front_. False if there is no room, or the pool does not accept; then the task is still
// there.
bool BoundedPool::try_accept(Task&& task, Line& line, Priority priority, std::int64_t now_ns) {
    if (accepted_ - known_finished_ >= capacity_) {
        known_finished_ = finished_.load(std::memory_order_acquire);
        if (accepted_ - known_finished_ >= capacity_) {
            return false;
        }
    }
    if (spare_.empty()) {
        store_.refill(spare_);
    }
    TaskNode* const node = spare_.pop();
    node->line = &line;
    node->sequence = accepted_++;
    node->epoch = epoch_;
    node->submitted_ns = now_ns;
    node->priority = priority;
    node->task = std::move(task);
    const auto level = static_cast<std::size_t>(priority);
    if (line.inbox.size++ == 0) {
        inbox_.push_back(&line);
    }
    line.inbox.tasks[level].push(node);
    ++line.inbox.counts[level];
    ++line.inbox.accepted;
    inbox_size_.store(inbox_size_.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    if (priority != Priority::normal && !look_.load(std::memory_order_relaxed)) {
        look_.store(true, std::memory_order_relaxed);
    }
    return true;
}

Status BoundedPool::submit(Task task, const SubmitOptions& options) {
    if (options.overflow == Overflow::block && works_here()) {
        return Status(Code::invalid_state,
                      "a task may not wait for room in its own pool: it could wait for itself");
    }
    if (options.lane == nullptr) {
        return submit_to(queue_.unlimited().line, std::move(task), options);
    }
    Lane* const lane = mine(options.lane);
    if (lane == nullptr) {
        return refuse_lane();
    }
    return submit_to(lane->line, std::move(task), options);
}

Status BoundedPool::submit_to(Line& line, Task&& task, const SubmitOptions& options) {
    if (!task) {
        return Status(Code::invalid_argument, "an empty task was submitted");
    }
    if (options.stop.stop_requested()) {
        rejected_.fetch_add(1, std::memory_order_relaxed);
        return Status(Code::cancelled, "interrupted before the worker pool took the task");
    }
    const std::size_t ahead = inbox_size_.load(std::memory_order_relaxed);
    const bool timed = ahead % kOneTimedOf == 0;
    const std::int64_t now_ns = timed ? clock_.mono_ns() : kNotTimed;
    {
        Lock front(front_);
        if (!accepting_) {
            return refuse_closed();
        }
        if (try_accept(std::move(task), line, options.priority, now_ns)) {
            if (!watch_) {
                return {};
            }
            front.unlock();
            announce();
            return {};
        }
    }
    return wait_for_room(std::move(task), line, options); // NOLINT(bugprone-use-after-move): there
}

void BoundedPool::announce() {
    Lock back(back_);
    absorb();
    call_sleepers(back);
}

// What to do when there seems to be no room.
Status BoundedPool::wait_for_room(Task&& task, Line& line, const SubmitOptions& options) {
    Status status;
    const std::int64_t now_ns = clock_.mono_ns();
    Lock back(back_);
    call_in_runs(); // what is done in them makes room
    const auto try_enter = [&] {
        const std::lock_guard front(front_);
        if (!accepting_) {
            status = refuse_closed();
            return true;
        }
        return try_accept(std::move(task), line, options.priority, now_ns);
    };
    bool over = try_enter();
    if (!over && options.overflow == Overflow::block) {
        call_sleepers(back); // to what the runs gave back
        ++blocked_;
        if (options.deadline_mono_ns == kNoDeadline) {
            over = has_room_.wait(back, options.stop, try_enter);
        } else {
            const std::int64_t left = std::max<std::int64_t>(options.deadline_mono_ns - now_ns, 0);
            over =
                has_room_.wait_for(back, options.stop, std::chrono::nanoseconds(left), try_enter);
        }
        --blocked_;
        if (!over) {
            // It may have been called for a place that it does not take: somebody else shall.
            has_room_.notify_one();
        }
    }
    absorb();
    call_sleepers(back);
    if (over) {
        return status;
    }
    back.unlock();
    if (options.overflow == Overflow::caller_runs) {
        return run_in_caller(std::move(task));
    }
    rejected_.fetch_add(1, std::memory_order_relaxed);
    if (options.overflow == Overflow::reject) {
        return Status(Code::unavailable, "the worker pool has no room");
    }
    return options.stop.stop_requested()
               ? Status(Code::cancelled, "interrupted while waiting for the worker pool")
               : Status(Code::timeout, "the worker pool had no room in time");
}

Status BoundedPool::run_in_caller(Task&& task) {
    caller_runs_.fetch_add(1, std::memory_order_relaxed);
    const bool reported = task.reports();
    const Status status = task.run();
    report_failure(status, reported);
    return {};
}

void BoundedPool::report_failure(const Status& status, bool reported) {
    if (!status.ok() && !reported) {
        log(LogLevel::error, "pool", status.message());
    }
}

// Under back_. Moves what was accepted into the queue and hands used nodes back.
void BoundedPool::absorb() {
    const std::lock_guard front(front_);
    absorb_locked();
}

void BoundedPool::absorb_locked() {
    if (look_.load(std::memory_order_relaxed)) {
        look_.store(false, std::memory_order_relaxed);
        call_in_runs(); // something may have to go before what they hold
    }
    spare_.append(spent_);
    if (inbox_size_.load(std::memory_order_relaxed) == 0) {
        return;
    }
    for (Line* line : inbox_) {
        Line::Inbox& in = line->inbox;
        for (std::size_t level = 0; level < kPriorities; ++level) {
            if (in.counts[level] > 0) {
                queue_.append(*line, static_cast<Priority>(level), in.tasks[level],
                              std::exchange(in.counts[level], 0));
            }
        }
        in.size = 0;
    }
    inbox_.clear();
    inbox_size_.store(0, std::memory_order_relaxed);
}

// ---- running ----

// Under back_. How many of its tasks that wait, beside one, to take at once: so many that others
// find work, too.
std::size_t BoundedPool::batch_size(const Line& line) const {
    if (!line.may_batch || blocked_ + draining_ > 0) {
        return 1;
    }
    return std::clamp<std::size_t>(line.size / (target_workers_ + 1), 1, kMostAtOnce);
}

// Under back_. False if there is nothing, or, for the patient, little.
bool BoundedPool::take_next(Run& run, bool patient) {
    run.taken = 0;
    if (paused_) {
        return false;
    }
    const bool look = look_.load(std::memory_order_relaxed);
    const std::size_t enough = patient && spinning_ == 0 && !look ? kWorthALook : 1;
    // An inbox that only seems empty is no harm: before sleeping it is looked into under its lock.
    if ((look || !queue_.has_normal_ahead()) &&
        inbox_size_.load(std::memory_order_relaxed) >= enough) {
        absorb();
    }
    TaskNode* const node = queue_.take();
    if (node == nullptr) {
        return false;
    }
    Line& line = *node->line;
    run.line = &line;
    run.nodes[0] = node;
    run.taken = 1;
    if (queue_.is_alone(line)) {
        run.taken += queue_.take_from(line, &run.nodes[1], batch_size(line) - 1);
    }
    return true;
}

// Under back_. The same for who waits for the group of this line.
bool BoundedPool::take_own(Line& line, Run& run) {
    run.line = &line;
    run.taken = paused_ ? 0 : queue_.take_from(line, run.nodes.data(), batch_size(line));
    return run.taken > 0;
}

// Under back_, which is given up meanwhile. `now_ns` is when it begins, and afterwards when it
// ended.
void BoundedPool::perform(Run& run, Lock& back, std::int64_t& now_ns) {
    run.kept = run.taken;
    run.accounted = 0;
    run.began_ns = now_ns;
    run.claimed.store(1, std::memory_order_relaxed);
    if (run.taken > 1) {
        runs_.push_back(&run);
    }
    ++active_;
    back.unlock();
    std::size_t next = 0;
    do {
        TaskNode* const node = run.nodes[next];
        const bool reported = node->line->of_group || node->task.reports();
        const Status status = node->task.run();
        if (!status.ok()) {
            report_failure(status, reported);
            note_failure(node, status);
        }
    } while (claim(run, next));
    now_ns = clock_.mono_ns();
    back.lock();
    --active_;
    if (run.taken > 1) {
        std::erase(runs_, &run);
    }
    // Tasks of a batch share one look at the clock. If it says that all were short, none was long.
    const std::int64_t ran = now_ns - run.began_ns;
    const auto count = static_cast<std::int64_t>(next);
    const bool all_short = ran < count * kShortNs;
    run_ns_ += ran;
    max_run_ns_ = std::max(max_run_ns_, all_short ? ran / count : ran);
    Line& line = *run.line;
    line.may_batch = all_short && line.of_group && line.lane.limit == kNoLimit;
    call_in(run, false);
    if (!waiting_groups_.empty()) {
        call_helpers(); // a place in a lane may have become free
    }
}

// Whether to run the next one of the batch. `next` counts those that began.
bool BoundedPool::claim(Run& run, std::size_t& next) const {
    ++next;
    return next < run.taken && !look_.load(std::memory_order_relaxed) &&
           run.claimed.fetch_add(1, std::memory_order_acq_rel) == next;
}

// Under back_. Accounts what is done and takes back what has not begun. `runs_on`: the last one
// that was claimed is not done.
void BoundedPool::call_in(Run& run, bool runs_on) {
    const std::size_t claimed =
        std::min(run.claimed.exchange(kMostAtOnce, std::memory_order_acq_rel), run.taken);
    while (run.kept > claimed) {
        queue_.put_back(run.nodes[--run.kept]);
    }
    const std::size_t done = run.kept - (runs_on ? 1 : 0);
    if (run.accounted == done) {
        return;
    }
    Line& line = *run.line;
    queue_.finished(line.lane, done - run.accounted);
    for (std::size_t i = run.accounted; i < done; ++i) {
        if (run.nodes[i]->submitted_ns != kNotTimed) {
            const std::int64_t waited =
                std::max<std::int64_t>(run.began_ns - run.nodes[i]->submitted_ns, 0);
            wait_ns_ += waited;
            max_wait_ns_ = std::max(max_wait_ns_, waited);
            ++timed_;
        }
    }
    finish(line, &run.nodes[run.accounted], done - run.accounted);
    run.accounted = done;
}

// Under back_. Afterwards no thread has more than the one task that it runs.
void BoundedPool::call_in_runs() {
    for (Run* run : runs_) {
        call_in(*run, true);
    }
}

// Under back_. Tasks in runs that are done; of a line, or of all.
std::size_t BoundedPool::unaccounted(const Line* line) const {
    std::size_t count = 0;
    for (const Run* run : runs_) {
        if (line == nullptr || run->line == line) {
            const std::size_t claimed = run->claimed.load(std::memory_order_relaxed);
            count += std::min(claimed, run->kept) - 1 - run->accounted;
        }
    }
    return count;
}

void BoundedPool::note_failure(TaskNode* node, const Status& status) {
    const std::lock_guard back(back_);
    ++failed_;
    if (node->line->of_group && node->line->failure.ok()) {
        node->line->failure = status;
    }
}

// Under back_. The end of the way of some tasks of a line, whether they ran or not.
void BoundedPool::finish(Line& line, TaskNode* const* nodes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        ++epochs_[nodes[i]->epoch - first_epoch_].finished;
        spent_.push(nodes[i]);
    }
    line.finished.store(line.finished.load(std::memory_order_relaxed) + count,
                        std::memory_order_release);
    finished_.store(finished_.load(std::memory_order_relaxed) + count, std::memory_order_release);
    if (blocked_ > 0) {
        count == 1 ? has_room_.notify_one() : has_room_.notify_all();
    }
    if (epochs_.front().closed) {
        forget_done_epochs();
    }
}

// Under back_.
void BoundedPool::forget_done_epochs() {
    bool some = false;
    while (epochs_.front().closed && epochs_.front().finished == epochs_.front().accepted) {
        epochs_.pop_front();
        ++first_epoch_;
        some = true;
    }
    if (some) {
        epoch_done_.notify_all();
    }
}

// ---- workers ----

void BoundedPool::work(Seat& seat) {
    const WorkerMark mark(this);
    std::int64_t now_ns = clock_.mono_ns();
    bool patient = false; // after a short task there is time to let the inbox fill
    Run run;
    Lock back(back_);
    while (alive_ <= target_workers_) {
        if (take_next(run, patient)) {
            const std::int64_t began_ns = now_ns;
            perform(run, back, now_ns);
            patient = now_ns - began_ns < kShortNs;
        } else {
            idle(seat, back);
            now_ns = clock_.mono_ns();
            patient = false;
        }
    }
    --alive_;
    seat.left = true;
    call_sleepers(back); // another one does what this one may have been counted on for
    worker_left_.notify_all();
}

// Under back_, which is given up meanwhile. Returns when there may be something to do.
void BoundedPool::idle(Seat& seat, Lock& back) {
    if (spinning_ == 0 && !paused_) {
        ++spinning_;
        if (!sleepers_.empty()) {
            const std::lock_guard front(front_);
            set_watch();
        }
        const std::uint32_t nudges = nudges_.load(std::memory_order_relaxed);
        back.unlock();
        (void)spin_until([&] {
            return inbox_size_.load(std::memory_order_relaxed) > 0 ||
                   nudges_.load(std::memory_order_relaxed) != nudges;
        });
        back.lock();
        --spinning_;
    }
    call_in_runs();
    bool sleeps = false;
    {
        const std::lock_guard front(front_);
        absorb_locked();
        sleeps = alive_ <= target_workers_ && (paused_ || queue_.ready() == 0);
        if (sleeps) {
            sleepers_.push_back(&seat);
        }
        set_watch();
    }
    if (sleeps) {
        back.unlock();
        {
            std::unique_lock lock(seat.mutex);
            seat.called.wait(lock, [&] { return seat.is_called; });
            seat.is_called = false;
        }
        back.lock();
        --called_;
        const std::lock_guard front(front_);
        absorb_locked();
        set_watch();
    }
    call_sleepers(back, 1); // for what it leaves
}

// Under both locks.
void BoundedPool::set_watch() {
    watch_ = !sleepers_.empty() && !paused_ && spinning_ + called_ == 0;
}

// Under back_. A sleeper for whom there is something to do; it counts as searching from now on, as
// `others` do.
BoundedPool::Seat* BoundedPool::next_to_call(std::size_t others) {
    const std::size_t searching = spinning_ + called_ + others;
    const bool some_leave = alive_ > target_workers_;
    if (sleepers_.empty() || (!some_leave && (paused_ || queue_.ready() <= searching))) {
        return nullptr;
    }
    Seat* const seat = sleepers_.back();
    sleepers_.pop_back();
    ++called_;
    const std::lock_guard front(front_);
    set_watch();
    return seat;
}

// Under back_, which is given up meanwhile. Wakes as many as there are tasks that nobody is on the
// way to; `others` are on the way.
void BoundedPool::call_sleepers(Lock& back, std::size_t others) {
    if (spinning_ > 0) {
        nudges_.fetch_add(1, std::memory_order_relaxed);
    }
    call_helpers();
    while (Seat* seat = next_to_call(others)) {
        back.unlock();
        call(seat);
        back.lock();
    }
}

void BoundedPool::call(Seat* seat) {
    const std::lock_guard lock(seat->mutex);
    seat->is_called = true;
    seat->called.notify_one();
}

} // namespace syncline
