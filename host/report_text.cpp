#include "report_text.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>
#include <iomanip>
#include <map>
#include <ostream>
#include <set>
#include <sstream>

namespace syncline::host {

namespace {

constexpr std::uint64_t kShownAlike = 3; // of those that wait for one and the same reason
constexpr std::size_t kShown = 20; // of each sort; the JSON report and the state have them all

std::string joined(const std::set<std::string>& words) {
    std::string all;
    for (const std::string& word : words) {
        all += (all.empty() ? "" : ", ") + display_key(word);
    }
    return all;
}

// How conflicts can be decided that these strategies left.
std::string strategy_advice(const Unresolved& left) {
    std::vector<std::string> ways;
    if (!left.passed.empty()) {
        ways.push_back(
            "add a strategy that decides where " + joined(left.passed) + " did not, such as " +
            (left.passed.count("keep-both") == 0 ? "keep-both or source-wins" : "source-wins"));
    }
    if (!left.failed.empty()) {
        ways.push_back("find out why " + joined(left.failed) +
                       " failed: after a strategy that fails no other is asked");
    }
    if (!left.deferred.empty()) {
        ways.push_back("name another strategy before " + joined(left.deferred) +
                       ": after one that leaves a conflict to you no other is asked");
    }
    if (ways.empty()) {
        return "let a strategy decide: --on-conflict newer-wins (see 'syncline plugin list')";
    }
    std::string advice;
    for (const std::string& way : ways) {
        advice += (advice.empty() ? "" : ", or ") + way;
    }
    return advice;
}

// What to do about a side that was given up, where running again is not all.
std::string_view advice(Code code) {
    switch (code) {
    case Code::quota_exceeded:
        return "; make room there";
    case Code::read_only:
        return "; make it writable";
    case Code::unauthenticated:
        return "; check the credentials";
    case Code::root_missing:
        return "; is it mounted?";
    default:
        return "";
    }
}

std::string_view label(Outcome outcome, const ReportedItem& item) {
    switch (outcome) {
    case Outcome::conflicted:
        return "conflict";
    case Outcome::failed:
        return "failed";
    case Outcome::skipped:
        return item.code == Code::ok ? "skipped" : "failed";
    default:
        return "pending";
    }
}

void print_item(std::ostream& out, const ReportedItem& item) {
    out << "  " << std::left << std::setw(9) << label(item.outcome, item) << display_key(item.key);
    if (item.conflict != ConflictKind::none) {
        out << "  (" << name_of(item.conflict) << ")";
    }
    if (!item.message.empty()) {
        out << "  " << display_line(item.message);
    }
    out << '\n';
}

void print_items(std::ostream& out, const SyncReport& report, Outcome outcome) {
    std::size_t shown = 0;
    std::size_t more = 0;
    std::map<std::string_view, std::uint64_t> alike; // pending ones, by why
    for (const ReportedItem& item : report.items) {
        if (item.outcome != outcome) {
            continue;
        }
        if (outcome == Outcome::pending && ++alike[item.message] > kShownAlike) {
            continue;
        }
        if (shown == kShown) {
            ++more;
            continue;
        }
        ++shown;
        print_item(out, item);
    }
    for (const auto& [message, count] : alike) {
        if (count > kShownAlike) {
            out << "  pending  ... and " << count - kShownAlike << " more  "
                << display_line(message) << '\n';
        }
    }
    if (more > 0) {
        out << "  ... and " << more << " more; -o json lists them\n";
    }
}

} // namespace

std::string op_line(const PlannedOp& op) {
    std::ostringstream line;
    line << std::left << std::setw(13) << name_of(op.action);
    if (op.action == Action::conflict) {
        line << "          ";
    } else {
        line << (op.action == Action::skip ? "on " : "-> ") << std::setw(7)
             << (op.action == Action::merge && !op.differs ? "both" : name_of(op.side));
    }
    const bool is_move = op.action == Action::rename || op.action == Action::follow;
    if (is_move && !op.other_key.empty()) {
        line << display_key(op.other_key) << " => " << display_key(op.key);
    } else {
        line << display_key(op.key);
    }
    if (!op.other_key.empty() && !is_move) {
        line << " + " << display_key(op.other_key);
    }
    if (op.conflict != ConflictKind::none) {
        line << "  [" << name_of(op.conflict) << "]";
    }
    if (!op.reason.empty()) {
        line << "  (" << op.reason << ")";
    }
    return line.str();
}

std::string run_title(const std::string& command, std::string_view mode, std::int64_t of_run) {
    return command == "sync" ? std::string(mode)
           : of_run != 0     ? command + " of run " + std::to_string(of_run)
                             : command;
}

void print_summary(std::ostream& out, const SyncReport& report) {
    const auto count = [&](Action action) {
        const auto index = static_cast<std::size_t>(action);
        return report.run_id != 0 ? report.done[index] : report.counts.actions[index];
    };
    const bool executed = report.run_id != 0;
    const Outcomes& o = report.outcomes;
    const bool is_sync = report.command == "sync";
    out << display_key(report.source) << (report.mode == Mode::two_way ? " <-> " : " -> ")
        << display_key(report.target) << "  ("
        << run_title(report.command, name_of(report.mode), report.of_run)
        << (is_sync && report.first_run ? ", first run" : "") << ")\n";
    out << (executed ? "  done: " : "  would: ");
    const char* separator = "";
    const auto part = [&](std::uint64_t n, const char* past, const char* would) {
        if (n > 0) {
            out << separator << n << ' ' << (executed ? past : would);
            separator = ", ";
        }
    };
    part(count(Action::create), "created", "create");
    part(count(Action::update), "updated", "update");
    part(count(Action::rename), "renamed", "rename");
    part(count(Action::remove), "deleted", "delete");
    part(count(Action::set_meta), "times or permissions set", "set times or permissions");
    part(count(Action::keep_both), "kept both ways", "keep both ways");
    part(count(Action::merge), "merged", "merge");
    part(report.dropped.size(), "taken off the list", "take off the list");
    if (*separator == '\0') {
        out << (!executed ? "do nothing" : o.planned == 0 ? "nothing to do" : "nothing");
    }
    const std::uint64_t bytes = executed ? report.bytes : report.counts.bytes;
    if (bytes > 0) {
        out << "; " << display_size(bytes);
    }
    if (is_sync) {
        out << "; " << report.listed[0] << " and " << report.listed[1] << " items looked at";
    }
    out << " in " << display_duration_ms(report.duration_ms) << '\n';
    out << "  " << o.planned << " planned = " << o.ok << " ok + " << o.skipped << " skipped + "
        << o.conflicted << " conflicted + " << o.failed << " failed + " << o.pending
        << " pending\n";
    for (const LossCount& loss : report.losses.entries()) {
        out << "  note: " << display_loss(loss) << '\n';
    }
    if (report.retries > 0 || report.quota_wait_ms > 0) {
        out << "  " << report.retries << (report.retries == 1 ? " retry" : " retries") << ", "
            << display_duration_ms(report.quota_wait_ms) << " waited for quota\n";
    }
    for (const ReportedGuard& guard : report.guards) {
        if (guard.stats.breaker.times_opened > 0) {
            out << "  circuit breaker of " << name_of(guard.side) << ": opened "
                << display_count(guard.stats.breaker.times_opened, "time") << ", now "
                << name_of(guard.stats.breaker.state) << ", " << guard.stats.refused
                << " calls not made\n";
        }
    }
}

void print_items(std::ostream& out, const SyncReport& report) {
    for (std::size_t i = 0; i < std::min(report.dropped.size(), kShown); ++i) {
        out << "  dropped  " << display_key(report.dropped[i]) << '\n';
    }
    if (report.dropped.size() > kShown) {
        out << "  ... and " << report.dropped.size() - kShown << " more\n";
    }
    for (const Outcome outcome :
         {Outcome::conflicted, Outcome::failed, Outcome::skipped, Outcome::pending}) {
        if (report.run_id != 0 || outcome != Outcome::pending) {
            print_items(out, report, outcome);
        }
    }
}

void print_messages(std::ostream& out, const SyncReport& report) {
    const Outcomes& o = report.outcomes;
    const bool goes_back = report.of_run != 0;
    if (!report.guard.ok()) {
        out << "syncline: stopped before anything was changed: " << report.guard.message() << '\n';
        return;
    }
    if (!report.stopped.ok()) {
        out << "syncline: " << display_line(report.stopped.message())
            << advice(report.stopped.code()) << '\n';
    }
    if (report.dry_run) {
        if (report.unreadable > 0) {
            out << "syncline: " << display_count(report.unreadable, "item") << " cannot be "
                << (goes_back ? "taken back" : "read and would stay as before")
                << "; the list above says why\n";
        }
        return;
    }
    if (report.interrupted) {
        out << "syncline: interrupted; what was done is recorded, run the same command again to go "
               "on\n";
    } else if (o.pending > 0 && !report.plan_id.empty()) {
        out << "syncline: " << display_count(o.pending, "operation")
            << " of the plan left as it is; make a new plan to see what is to be done now\n";
    } else if (o.pending > 0) {
        out << "syncline: " << display_count(o.pending, "operation")
            << " left for the next run; run the same command again\n";
    }
    for (std::size_t i = 0; i < report.not_archived.size() && i < kShown; ++i) {
        const NotArchived& item = report.not_archived[i];
        out << "syncline: the old content of '" << display_key(item.key) << "' on "
            << name_of(item.side) << " is not archived: " << item.why << '\n';
    }
    if (report.not_archived_count > kShown) {
        out << "syncline: " << report.not_archived_count - kShown
            << " more old contents are not archived\n";
    }
    if (goes_back && o.ok > 0 && !report.interrupted) {
        out << "syncline: only the side that the run wrote was changed back; the next sync takes "
               "that for an edit and carries it to the other side\n";
    }
    if (o.failed > 0) {
        out << "syncline: " << display_count(o.failed, "item")
            << " failed; the next run tries them again\n";
    }
    if (report.unreadable > 0 && goes_back) {
        out << "syncline: " << display_count(report.unreadable, "item")
            << " could not be taken back; the list above says why\n";
    } else if (report.unreadable > 0) {
        out << "syncline: " << display_count(report.unreadable, "item")
            << " could not be read and stayed as before on both sides; check the permissions\n";
    }
    if (o.conflicted > 0 && goes_back) {
        out << "syncline: " << display_count(o.conflicted, "item")
            << " left alone, because somebody changed " << (o.conflicted == 1 ? "it" : "them")
            << " after the run; 'syncline restore' brings single items back all the same\n";
    } else if (o.conflicted > 0) {
        out << "syncline: " << display_count(o.conflicted, "conflict")
            << (o.conflicted == 1 ? " left as it is" : " left as they are")
            << "; see 'syncline conflicts list', make both sides equal, or "
            << strategy_advice(report.unresolved) << '\n';
    }
}

} // namespace syncline::host
