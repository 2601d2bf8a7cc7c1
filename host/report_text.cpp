#include "report_text.hpp"

#include "syncline/core/text.hpp"

#include <iomanip>
#include <ostream>
#include <sstream>

namespace syncline::host {

namespace {

constexpr std::size_t kShown = 20; // of each sort; the JSON report and the state have them all

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

void print_items(std::ostream& out, const SyncReport& report, Outcome outcome) {
    std::size_t shown = 0;
    std::size_t more = 0;
    for (const ReportedItem& item : report.items) {
        if (item.outcome != outcome) {
            continue;
        }
        if (shown == kShown) {
            ++more;
            continue;
        }
        ++shown;
        out << "  " << std::left << std::setw(9) << label(outcome, item) << display_key(item.key);
        if (item.conflict != ConflictKind::none) {
            out << "  (" << name_of(item.conflict) << ")";
        }
        if (!item.message.empty()) {
            out << "  " << item.message;
        }
        out << '\n';
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
        line << (op.action == Action::skip ? "on " : "-> ") << std::setw(7) << name_of(op.side);
    }
    line << display_key(op.key);
    if (!op.other_key.empty()) {
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

void print_summary(std::ostream& out, const SyncReport& report) {
    const auto count = [&](Action action) {
        const auto index = static_cast<std::size_t>(action);
        return report.run_id != 0 ? report.done[index] : report.counts.actions[index];
    };
    const bool executed = report.run_id != 0;
    const Outcomes& o = report.outcomes;
    out << display_key(report.source) << (report.mode == Mode::two_way ? " <-> " : " -> ")
        << display_key(report.target) << "  (" << name_of(report.mode)
        << (report.first_run ? ", first run" : "") << ")\n";
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
    part(count(Action::remove), "deleted", "delete");
    part(count(Action::set_meta), "times or permissions set", "set times or permissions");
    part(count(Action::keep_both), "kept both ways", "keep both ways");
    if (*separator == '\0') {
        out << (!executed ? "do nothing" : o.planned == 0 ? "nothing to do" : "nothing");
    }
    const std::uint64_t bytes = executed ? report.bytes : report.counts.bytes;
    if (bytes > 0) {
        out << "; " << display_size(bytes);
    }
    out << "; " << report.listed[0] << " and " << report.listed[1] << " items looked at in "
        << display_duration_ms(report.duration_ms) << '\n';
    out << "  " << o.planned << " planned = " << o.ok << " ok + " << o.skipped << " skipped + "
        << o.conflicted << " conflicted + " << o.failed << " failed + " << o.pending
        << " pending\n";
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
    for (const Outcome outcome :
         {Outcome::conflicted, Outcome::failed, Outcome::skipped, Outcome::pending}) {
        if (executed || outcome != Outcome::pending) {
            print_items(out, report, outcome);
        }
    }
}

void print_messages(std::ostream& out, const SyncReport& report) {
    const Outcomes& o = report.outcomes;
    if (!report.guard.ok()) {
        out << "syncline: stopped before anything was changed: " << report.guard.message() << '\n';
        return;
    }
    if (!report.stopped.ok()) {
        out << "syncline: " << report.stopped.message() << '\n';
    }
    if (report.dry_run) {
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
    if (o.failed > 0) {
        out << "syncline: " << display_count(o.failed, "item")
            << " failed; the next run tries them again\n";
    }
    if (report.unreadable > 0) {
        out << "syncline: " << display_count(report.unreadable, "item")
            << " could not be read and stayed as before on both sides; check the permissions\n";
    }
    if (o.conflicted > 0) {
        out << "syncline: " << display_count(o.conflicted, "conflict")
            << (o.conflicted == 1 ? " left as it is" : " left as they are")
            << "; make both sides equal, or let a strategy decide: --on-conflict "
               "newer-wins (see 'syncline "
               "plugin list')\n";
    }
}

} // namespace syncline::host
