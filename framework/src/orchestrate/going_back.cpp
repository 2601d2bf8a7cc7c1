#include "syncline/orchestrate/going_back.hpp"

#include "orchestrate/keeping.hpp"
#include "orchestrate/past_endpoint.hpp"
#include "orchestrate/session.hpp"
#include "orchestrate/undo_plan.hpp"
#include "syncline/core/failpoint.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/meta.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <numeric>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace syncline {

namespace {

// Deletions by one undo that need no second look, as for runs.
constexpr std::uint64_t kFewRemovals = 5;

// What an undo agrees on is nothing: the next sync shall see it as an edit.
class NoBase final : public BaseStore {
public:
    Result<std::unique_ptr<BaseCursor>> scan() override {
        return Status(Code::internal, "this base has no entries");
    }
    Result<std::optional<BaseEntry>> find(BytesView) override { return std::optional<BaseEntry>(); }
    Result<std::uint64_t> count() override { return std::uint64_t{0}; }
    Status put(const BaseEntryView&) override { return {}; }
    Status erase(BytesView) override { return {}; }
    Status commit() override { return {}; }
    Status rollback() override { return {}; }
};

Status unknown_run(std::int64_t run) {
    return {Code::not_found, "there is no run " + std::to_string(run) +
                                 " of this sync; 'syncline history' lists them"};
}

// Chooses entries of the run's journal by ascending key.
using Entries =
    std::function<Status(Side side, const std::function<Status(const JournalEntry&)>& visit)>;

// Visits the entries of one side, from `from` on, as long as they begin with `prefix`.
Status each_of_side(JournalStore& journal, std::int64_t run, Side side, BytesView prefix,
                    const std::function<Status(const JournalEntry&)>& visit) {
    Status status;
    SYNCLINE_TRY(journal.each(run, prefix, [&](JournalEntry&& entry) {
        if (!BytesView(entry.key).starts_with(prefix)) {
            return false;
        }
        status = entry.side == side ? visit(entry) : Status();
        return status.ok();
    }));
    return status;
}

// Takes sides of a sync back, by the executor.
class Return {
public:
    Return(const RunServices& services, const RunControl& control, std::string command,
           TakeBack how, std::size_t workers)
        : services_(services), control_(control), how_(how), workers_(workers) {
        report_.command = std::move(command);
        report_.dry_run = control.dry_run;
        call_.stop = control.stop;
        call_.end_waits = control.drain;
        call_.dry_run = control.dry_run;
    }

    // `prepare` opens the sync and chooses what to take back.
    SyncReport run(const std::function<Status()>& prepare) {
        const std::int64_t started_mono = services_.clock.mono_ns();
        started_wall_ = services_.clock.wall_ns();
        report_.error = prepare();
        if (report_.error.ok()) {
            report_.error = carry_out();
        }
        report_.duration_ms = (services_.clock.mono_ns() - started_mono) / 1'000'000;
        if (report_.run_id != 0) {
            const Status recorded = finish_record();
            report_.error = report_.error.ok() ? recorded : report_.error;
        }
        services_.progress.enter(RunPhase::finished);
        return std::move(report_);
    }

    Status open(const SyncPlace& place, const GuardOptions& guard, bool force_identity) {
        Result<std::unique_ptr<Session>> session =
            Session::open(services_.plugins, place, services_.clock);
        if (!session.ok()) {
            return session.status();
        }
        session_ = *std::move(session);
        report_.sync_name = session_->name();
        report_.source = session_->source();
        report_.target = session_->target();
        SYNCLINE_TRY(session_->lock());
        SYNCLINE_TRY(session_->open_sides(services_, guard, call_, force_identity));
        Result<std::shared_ptr<PoolLane>> lane =
            services_.pool.open_lane(report_.sync_name, std::max<std::size_t>(workers_, 1));
        if (!lane.ok()) {
            return lane.status();
        }
        lane_ = *std::move(lane);
        return {};
    }

    Session& session() { return *session_; }
    void choose(std::int64_t run, std::vector<Side> sides, Entries entries, bool force_deletions) {
        report_.of_run = run;
        sides_ = std::move(sides);
        entries_ = std::move(entries);
        force_deletions_ = force_deletions;
    }

private:
    // Every side is planned and guarded before any is written. Only one plan is there at a time,
    // so with two sides the first is planned twice.
    Status carry_out() {
        for (const Side side : sides_) {
            SYNCLINE_TRY(plan(side));
            SYNCLINE_TRY(survey(side));
        }
        if (control_.dry_run || !report_.guard.ok()) {
            report_.outcomes.pending =
                report_.outcomes.planned - report_.outcomes.conflicted - report_.outcomes.skipped;
            return {};
        }
        const Result<std::int64_t> run_id = session_->state().runs().begin(started_wall_);
        if (!run_id.ok()) {
            return run_id.status();
        }
        report_.run_id = *run_id;
        report_.outcomes = {};
        report_.items.clear();
        report_.items_left_out = 0;
        report_.unreadable = 0;
        for (auto side = sides_.rbegin(); side != sides_.rend(); ++side) {
            if (planned_side_ != *side) {
                SYNCLINE_TRY(plan(*side));
            }
            SYNCLINE_TRY(execute(*side));
            if (report_.interrupted || !report_.stopped.ok()) {
                break;
            }
        }
        tidy_history(session_->state(), report_.run_id,
                     keeping_of(session_->state(), Archiving::all, report_));
        return {};
    }

    Status plan(Side side) {
        plan_.reset();
        Result<std::unique_ptr<PlanStore>> plan = session_->state().new_plan();
        if (!plan.ok()) {
            return plan.status();
        }
        plan_ = *std::move(plan);
        planned_side_ = side;
        CallContext call = call_;
        // Planning changes nothing, so an interruption may end it at once.
        std::stop_source either;
        const std::stop_callback on_drain(control_.drain, [&either] { either.request_stop(); });
        const std::stop_callback on_stop(control_.stop, [&either] { either.request_stop(); });
        call.stop = either.get_token();
        services_.progress.enter(RunPhase::planning);
        UndoPlanner planner(session_->at(side), side, report_.of_run, how_,
                            session_->state().journal(), session_->state().archive(), *plan_, call);
        SYNCLINE_TRY(entries_(side, [&](const JournalEntry& entry) { return planner.add(entry); }));
        moved_back_ = planner.moved_back();
        return {};
    }

    // Counts, shows and guards what was planned for a side.
    Status survey(Side side) {
        Result<PlanCounts> counts = plan_->counts();
        if (!counts.ok()) {
            return counts.status();
        }
        for (std::size_t i = 0; i < counts->actions.size(); ++i) {
            report_.counts.actions[i] += counts->actions[i];
        }
        report_.counts.bytes += counts->bytes;
        const auto count = [&](Action action) {
            return counts->actions[static_cast<std::size_t>(action)];
        };
        report_.outcomes.planned +=
            std::accumulate(counts->actions.begin(), counts->actions.end(), std::uint64_t{0});
        report_.outcomes.conflicted += count(Action::conflict);
        report_.outcomes.skipped += count(Action::skip);
        SYNCLINE_TRY(plan_->each_in_key_order([&](PlannedOp&& op) {
            if (control_.show) {
                control_.show(op);
            }
            if (op.phase == Phase::none) {
                keep_item({op.action == Action::conflict ? Outcome::conflicted : Outcome::skipped,
                           op.key, op.action, op.side, op.conflict, Code::ok, op.reason});
                report_.unreadable += op.unreadable ? 1 : 0;
            }
            return true;
        }));
        const std::uint64_t all_removals = counts->removals[static_cast<std::size_t>(side)];
        const std::uint64_t removals = all_removals - std::min(all_removals, moved_back_);
        Result<std::uint64_t> whole = session_->state().base().count();
        if (!whole.ok()) {
            return whole.status();
        }
        if (!force_deletions_ && removals >= kFewRemovals && removals * 2 > *whole &&
            report_.guard.ok()) {
            report_.guard = Status(
                Code::guard_tripped,
                "this would delete " + display_count(removals, "item") + " of " +
                    std::to_string(*whole) + " on " + std::string(name_of(side)) + " '" +
                    session_->at(side).location() +
                    "', more than half; look at it with --dry-run, then use --force=deletions if "
                    "this is meant");
        }
        return {};
    }

    Status execute(Side side) {
        NoBase base;
        PastEndpoint past(session_->state().journal(), session_->state().archive(), report_.of_run,
                          side);
        Endpoint& here = session_->at(side);
        const ExecuteInputs inputs{side == Side::source ? here : past,
                                   side == Side::source ? past : here,
                                   *plan_,
                                   base,
                                   services_.pool,
                                   lane_.get(),
                                   services_.progress,
                                   services_.clock,
                                   [this](const OpReport& op) { return note(op); },
                                   {},
                                   keeping_of(session_->state(), Archiving::all, report_)};
        Result<ExecuteResult> result = execute_plan(inputs, control_.drain, call_);
        if (!result.ok()) {
            return result.status();
        }
        Outcomes& sum = report_.outcomes;
        sum.planned += result->outcomes.planned;
        sum.ok += result->outcomes.ok;
        sum.skipped += result->outcomes.skipped;
        sum.conflicted += result->outcomes.conflicted + kept_directories_;
        sum.failed += result->outcomes.failed;
        sum.pending += result->outcomes.pending - std::exchange(kept_directories_, 0);
        for (std::size_t i = 0; i < result->done.size(); ++i) {
            report_.done[i] += result->done[i];
        }
        report_.bytes += result->bytes;
        report_.stopped = result->stopped;
        report_.interrupted = result->interrupted;
        return {};
    }

    Status note(OpReport what) {
        // Nothing passes by itself here: what is in it was put there, or edited, since the run.
        if (what.outcome == Outcome::pending && what.code == Code::conflict &&
            what.op.kind == ItemKind::container && what.op.action == Action::remove) {
            what.outcome = Outcome::conflicted;
            what.message = "it holds what was put there or changed after the run";
            ++kept_directories_;
        }
        RunNote note;
        note.outcome = what.outcome;
        note.key = what.op.key;
        note.action = name_of(what.op.action);
        note.code =
            what.op.conflict != ConflictKind::none ? name_of(what.op.conflict) : name_of(what.code);
        note.message = what.message.empty() ? what.op.reason : what.message;
        report_.unreadable += what.op.unreadable ? 1 : 0;
        keep_item({what.outcome, what.op.key, what.op.action, what.op.side, what.op.conflict,
                   what.code, note.message});
        return session_->state().runs().note(report_.run_id, note);
    }

    void keep_item(ReportedItem item) {
        if (report_.items.size() < kReportedItems) {
            report_.items.push_back(std::move(item));
        } else {
            ++report_.items_left_out;
        }
    }

    Status finish_record() {
        RunRecord record;
        record.id = report_.run_id;
        record.started_wall_ns = started_wall_;
        record.finished_wall_ns = services_.clock.wall_ns();
        record.outcomes = report_.outcomes;
        record.exit_code = exit_code_of(report_);
        record.report = report_json(report_, record.exit_code);
        return session_->state().runs().finish(record);
    }

    const RunServices& services_;
    const RunControl& control_;
    const TakeBack how_;
    const std::size_t workers_;
    CallContext call_;
    SyncReport report_;
    std::int64_t started_wall_ = 0;
    std::vector<Side> sides_;
    Entries entries_;
    bool force_deletions_ = true;

    // In the order in which they depend on each other: destroyed in reverse.
    std::unique_ptr<Session> session_;
    std::unique_ptr<PlanStore> plan_;
    std::optional<Side> planned_side_;
    std::uint64_t moved_back_ = 0;       // in the plan of that side
    std::uint64_t kept_directories_ = 0; // by its execution, since they are not empty
    std::shared_ptr<PoolLane> lane_;
};

struct Chosen {
    std::int64_t run = 0;
    Side side = Side::target;
    std::optional<JournalEntry> entry; // of an item that is no directory
};

// The sides of `run` on which it replaced or removed `key`, or something below it. `or_meta`:
// setting its metadata counts, too.
Result<std::vector<Chosen>> matches_in(JournalStore& journal, std::int64_t run, BytesView key,
                                       bool or_meta) {
    const auto matches = [or_meta](const JournalEntry& entry) {
        return entry.before && (or_meta || entry.action != Action::set_meta);
    };
    std::vector<Chosen> found;
    for (const Side side : {Side::source, Side::target}) {
        if (is_container_key(key)) {
            bool is_there = false;
            Status status = each_of_side(journal, run, side, key, [&](const JournalEntry& entry) {
                is_there = is_there || matches(entry);
                return is_there ? Status(Code::cancelled, "") : Status();
            });
            if (!status.ok() && !is_there) {
                return status;
            }
            if (is_there) {
                found.push_back({run, side, std::nullopt});
            }
            continue;
        }
        Result<std::optional<JournalEntry>> entry = journal.find(run, key, side);
        if (!entry.ok()) {
            return entry.status();
        }
        if (*entry && matches(**entry)) {
            found.push_back({run, side, *std::move(entry)});
        }
    }
    return found;
}

Status none_found(const RestoreSpec& spec) {
    const std::string did =
        spec.run ? "run " + std::to_string(*spec.run) + " did not overwrite or delete '"
                 : std::string("no run overwrote or deleted '");
    return {Code::not_found, did + display_key(spec.key) + "'" +
                                 (spec.side ? " on " + std::string(name_of(*spec.side)) : "") +
                                 ", as far as is remembered; 'syncline history' tells what runs "
                                 "did"};
}

Result<Chosen> choose(RunStore& runs, JournalStore& journal, const RestoreSpec& spec) {
    if (spec.run) {
        const Result<std::optional<RunRecord>> record = runs.find(*spec.run);
        if (!record.ok()) {
            return record.status();
        }
        if (!*record) {
            return unknown_run(*spec.run);
        }
    }
    std::vector<Chosen> found;
    Status status;
    const auto look = [&](std::int64_t run) {
        Result<std::vector<Chosen>> matches =
            matches_in(journal, run, spec.key, spec.run.has_value());
        if (!matches.ok()) {
            status = matches.status();
            return false;
        }
        found = *std::move(matches);
        if (spec.side) {
            std::erase_if(found, [&](const Chosen& match) { return match.side != *spec.side; });
        }
        return found.empty();
    };
    if (spec.run) {
        look(*spec.run);
    } else {
        SYNCLINE_TRY(journal.each_run(look));
    }
    SYNCLINE_TRY(status);
    if (found.empty()) {
        return none_found(spec);
    }
    if (found.size() > 1) {
        return Status(Code::invalid_argument, "run " + std::to_string(found[0].run) + " changed '" +
                                                  display_key(spec.key) +
                                                  "' on both sides; choose one with --side");
    }
    return std::move(found[0]);
}

// A new file that has its name only once it is whole, where the file system can: then nothing stays
// behind, however this ends. Elsewhere it goes with this unless it is kept.
class NewFile {
public:
    explicit NewFile(const std::filesystem::path& path) : path_(path) {
        struct stat there {};
        if (::lstat(path.c_str(), &there) == 0) {
            errno = EEXIST;
            return;
        }
        const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : ".";
        fd_ = ::open(parent.c_str(), O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
        has_name_ = fd_ < 0;
        if (has_name_) {
            fd_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
        }
    }
    ~NewFile() {
        if (fd_ >= 0) {
            ::close(fd_);
            if (has_name_ && !is_kept_) {
                ::unlink(path_.c_str());
            }
        }
    }
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    int fd() const { return fd_; }
    // False, with errno: it could not get its name.
    bool keep() {
        const std::string open_file = "/proc/self/fd/" + std::to_string(fd_);
        is_kept_ = has_name_ || ::linkat(AT_FDCWD, open_file.c_str(), AT_FDCWD, path_.c_str(),
                                         AT_SYMLINK_FOLLOW) == 0;
        return is_kept_;
    }

private:
    const std::filesystem::path& path_;
    int fd_ = -1;
    bool has_name_ = false;
    bool is_kept_ = false;
};

Status cannot_write(const std::filesystem::path& file) {
    const int error = errno;
    const std::string name = "'" + display_key(file.native()) + "'";
    if (error == EEXIST) {
        return {Code::invalid_config,
                name + " exists; --to takes the name of a file that is not there yet"};
    }
    return {error == ENOSPC || error == EDQUOT ? Code::quota_exceeded : Code::invalid_config,
            "cannot write " + name + ": " + std::strerror(error)};
}

Status copy_out(ArchivedBody& body, int fd, const std::filesystem::path& file,
                const std::stop_token& stop) {
    char buffer[std::size_t{64} << 10U];
    for (;;) {
        if (stop.stop_requested()) {
            return {Code::cancelled, "interrupted"};
        }
        const Result<std::size_t> got = body.read(buffer, sizeof buffer);
        if (!got.ok()) {
            return got.status();
        }
        if (*got == 0) {
            return ::fsync(fd) == 0 ? Status() : cannot_write(file);
        }
        for (std::size_t at = 0; at < *got;) {
            const ssize_t written = ::write(fd, buffer + at, *got - at);
            if (written < 0 && errno != EINTR) {
                return cannot_write(file);
            }
            at += written > 0 ? static_cast<std::size_t>(written) : 0;
        }
    }
}

void set_time(int fd, const Item& before) {
    if (before.mtime_ns == kUnknownTime) {
        return;
    }
    constexpr std::int64_t kSecond = 1'000'000'000;
    std::int64_t nanoseconds = before.mtime_ns % kSecond;
    nanoseconds += nanoseconds < 0 ? kSecond : 0;
    struct timespec times[2]{};
    times[0].tv_nsec = UTIME_OMIT;
    times[1].tv_sec = (before.mtime_ns - nanoseconds) / kSecond;
    times[1].tv_nsec = nanoseconds;
    if (::futimens(fd, times) != 0) {
        log(LogLevel::warning, "restore",
            std::string("the time of the file could not be set: ") + std::strerror(errno));
    }
}

bool is_executable(const Item& item) {
    const std::vector<MetaEntry> entries = decode_meta(item.meta);
    return std::ranges::any_of(entries, [](const MetaEntry& entry) {
        return entry.name == kMetaExecutable && entry.value == "1";
    });
}

// Whoever may read it may execute it, as after chmod +x with the same umask.
void set_executable(int fd) {
    struct stat state {};
    if (::fstat(fd, &state) != 0 ||
        ::fchmod(fd, (state.st_mode & 0777U) | (state.st_mode & 0444U) >> 2U) != 0) {
        log(LogLevel::warning, "restore",
            std::string("the file could not be made executable: ") + std::strerror(errno));
    }
}

} // namespace

SyncReport undo_run(const RunServices& services, const UndoSpec& spec, const RunControl& control) {
    Return back(services, control, "undo", TakeBack::undo, spec.workers);
    return back.run([&]() -> Status {
        SYNCLINE_TRY(back.open(spec.place, spec.guard, spec.force_identity));
        SyncState& state = back.session().state();
        const Result<std::optional<RunRecord>> record = state.runs().find(spec.run);
        if (!record.ok()) {
            return record.status();
        }
        if (!*record) {
            return unknown_run(spec.run);
        }
        bool wrote[2] = {};
        SYNCLINE_TRY(state.journal().each(spec.run, {}, [&](JournalEntry&& entry) {
            wrote[static_cast<std::size_t>(entry.side)] = true;
            return !wrote[0] || !wrote[1];
        }));
        std::vector<Side> sides;
        for (const Side side : {Side::source, Side::target}) {
            if (wrote[static_cast<std::size_t>(side)]) {
                sides.push_back(side);
            }
        }
        if (sides.empty() && (*record)->outcomes.ok > 0) {
            return {Code::not_found, "run " + std::to_string(spec.run) +
                                         " cannot be undone: what it did is not remembered, or no "
                                         "longer"};
        }
        back.choose(
            spec.run, std::move(sides),
            [&state, run = spec.run](Side side, const auto& visit) {
                return each_of_side(state.journal(), run, side, {}, visit);
            },
            spec.force_deletions);
        return {};
    });
}

SyncReport restore_item(const RunServices& services, const RestoreSpec& spec,
                        const RunControl& control) {
    Return back(services, control, "restore", TakeBack::restore, spec.workers);
    return back.run([&]() -> Status {
        SYNCLINE_TRY(back.open(spec.place, spec.guard, false));
        SyncState& state = back.session().state();
        Result<Chosen> chosen = choose(state.runs(), state.journal(), spec);
        if (!chosen.ok()) {
            return chosen.status();
        }
        back.choose(
            chosen->run, {chosen->side},
            [&state, &spec, chosen = *chosen](Side side, const auto& visit) -> Status {
                return chosen.entry
                           ? visit(*chosen.entry)
                           : each_of_side(state.journal(), chosen.run, side, spec.key, visit);
            },
            true);
        return {};
    });
}

Result<RestoredFile> restore_to_file(const PluginRegistry& plugins, const RestoreSpec& spec,
                                     const std::filesystem::path& file, const Clock& clock,
                                     const std::stop_token& stop) {
    if (is_container_key(spec.key)) {
        return Status(Code::invalid_argument,
                      "--to takes one file, and '" + display_key(spec.key) + "' is a directory");
    }
    Result<std::unique_ptr<Session>> session = Session::open(plugins, spec.place, clock);
    if (!session.ok()) {
        return session.status();
    }
    SyncState& state = (*session)->state();
    const Result<Chosen> chosen = choose(state.runs(), state.journal(), spec);
    if (!chosen.ok()) {
        return chosen.status();
    }
    const JournalEntry& entry = *chosen->entry;
    const std::string what =
        "the content of '" + display_key(spec.key) + "' before run " + std::to_string(chosen->run);
    if (entry.archived.empty()) {
        return Status(Code::not_found,
                      what + " was not archived" +
                          (!entry.moved_to.empty()
                               ? ": it was renamed to '" + display_key(entry.moved_to) + "'"
                           : entry.not_kept.empty() ? ""
                                                    : ": " + entry.not_kept));
    }
    Result<std::unique_ptr<ArchivedBody>> body = state.archive().get(entry.archived, stop);
    if (!body.ok()) {
        return body.status().with_context(what);
    }
    const RestoredFile restored{chosen->run, chosen->side, (*body)->size()};
    if (entry.before->kind == ItemKind::link) {
        Bytes link(static_cast<std::size_t>((*body)->size()), '\0');
        const Result<std::size_t> got = (*body)->read(link.data(), link.size());
        if (!got.ok()) {
            return got.status();
        }
        return ::symlink(link.c_str(), file.c_str()) == 0 ? Result<RestoredFile>(restored)
                                                          : cannot_write(file);
    }
    NewFile out(file);
    if (out.fd() < 0) {
        return cannot_write(file);
    }
    SYNCLINE_TRY(copy_out(**body, out.fd(), file, stop));
    if (is_executable(*entry.before)) {
        set_executable(out.fd());
    }
    set_time(out.fd(), *entry.before);
    SYNCLINE_FAILPOINT("restore.before-name");
    if (!out.keep()) {
        return cannot_write(file);
    }
    SYNCLINE_FAILPOINT("restore.after-name");
    return restored;
}

} // namespace syncline
