#include "syncline/orchestrate/exit_code.hpp"

namespace syncline {

int exit_code_of(const Status& status) {
    switch (status.code()) {
    case Code::ok:
        return exit_code::kInSync;
    case Code::invalid_argument:
        return exit_code::kUsage;
    case Code::invalid_config:
    case Code::not_found:
    case Code::abi_mismatch:
    case Code::permission_denied:
    case Code::not_supported:
        return exit_code::kConfiguration;
    case Code::unauthenticated:
    case Code::quota_exceeded:
    case Code::read_only:
    case Code::state_corrupt:
    case Code::root_missing:
        return exit_code::kNeedsPerson;
    case Code::guard_tripped:
        return exit_code::kGuard;
    case Code::lock_held:
        return exit_code::kLockHeld;
    case Code::cancelled:
        return exit_code::kInterrupted;
    case Code::rate_limited:
    case Code::unavailable:
    case Code::timeout:
    case Code::locked:
    case Code::conflict:
    case Code::io:
    case Code::outcome_unknown:
    case Code::circuit_open:
    case Code::cursor_expired:
    case Code::out_of_memory:
        return exit_code::kTemporary;
    default:
        return exit_code::kUnexpected;
    }
}

int exit_code_of(const SyncReport& report) {
    const Outcomes& outcomes = report.outcomes;
    if (report.interrupted) {
        return exit_code::kInterrupted;
    }
    if (!report.error.ok()) {
        // What a connector calls an invalid argument is nobody's command line.
        const bool is_connectors = !report.error.error().endpoint.empty();
        return report.error.code() == Code::invalid_argument && is_connectors
                   ? exit_code::kUnexpected
                   : exit_code_of(report.error);
    }
    if (!outcomes.add_up()) {
        return exit_code::kUnexpected;
    }
    if (!report.stopped.ok()) {
        // What a side answered in the middle of a run says nothing of the command line; the next
        // run goes on where this one stopped.
        const int code = exit_code_of(report.stopped);
        return code == exit_code::kNeedsPerson ? code : exit_code::kTemporary;
    }
    if (!report.guard.ok()) {
        return exit_code::kGuard;
    }
    if (outcomes.pending > 0 && !report.dry_run) {
        return exit_code::kTemporary;
    }
    if (outcomes.failed > 0 || report.unreadable > 0) {
        return exit_code::kItemsFailed;
    }
    return outcomes.conflicted > 0 ? exit_code::kConflicts : exit_code::kInSync;
}

} // namespace syncline
