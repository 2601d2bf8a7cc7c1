#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace syncline {

namespace {

using nlohmann::ordered_json;

// A place as people read it; where that is not its very bytes, these stand beside it.
void put_place(ordered_json& into, const std::string& name, std::string_view place) {
    into[name] = utf8_text(place);
    if (!is_utf8(place)) {
        into[name + "_b64"] = base64(place);
    }
}

} // namespace

std::string report_json(const SyncReport& report, int exit_code) {
    ordered_json json;
    json["run"] = report.run_id;
    put_place(json, "source", report.source);
    put_place(json, "target", report.target);
    json["command"] = report.command;
    if (report.of_run != 0) {
        json["of_run"] = report.of_run;
    }
    json["mode"] = name_of(report.mode);
    json["dry_run"] = report.dry_run;
    json["first_run"] = report.first_run;
    json["exit_code"] = exit_code;
    for (const Bytes& key : report.dropped) {
        ordered_json entry;
        put_bytes(entry, "key", key);
        json["dropped"].push_back(std::move(entry));
    }
    if (!report.plan_id.empty()) {
        json["plan_id"] = report.plan_id;
    }
    json["duration_ms"] = report.duration_ms;
    json["listed"] = {{"source", report.listed[0]}, {"target", report.listed[1]}};
    json["outcomes"] = {
        {"planned", report.outcomes.planned}, {"ok", report.outcomes.ok},
        {"skipped", report.outcomes.skipped}, {"conflicted", report.outcomes.conflicted},
        {"failed", report.outcomes.failed},   {"pending", report.outcomes.pending}};
    const auto by_action = [](const std::array<std::uint64_t, kActionNumbers>& counts) {
        ordered_json actions = ordered_json::object();
        for (std::size_t i = 1; i < counts.size(); ++i) {
            const std::string_view name = name_of(static_cast<Action>(i));
            if (name != "unknown" && static_cast<Action>(i) != Action::follow) {
                actions[std::string(name)] = counts[i];
            }
        }
        return actions;
    };
    json["planned_actions"] = by_action(report.counts.actions);
    json["done_actions"] = by_action(report.done);
    json["bytes_planned"] = report.counts.bytes;
    json["bytes"] = report.bytes;
    ordered_json not_kept = ordered_json::array();
    for (const LossCount& loss : report.losses.entries()) {
        ordered_json keys = ordered_json::array();
        for (const Bytes& key : loss.keys) {
            keys.push_back(utf8_text(key));
        }
        not_kept.push_back({{"what", name_of(loss.loss)}, {"items", loss.count}, {"first", keys}});
    }
    json["not_kept"] = std::move(not_kept);
    const auto put_status = [&json](const char* name, const Status& status) {
        if (!status.ok()) {
            json[name] = {{"code", name_of(status.code())},
                          {"message", utf8_text(status.message())}};
        }
    };
    put_status("error", report.error);
    put_status("guard", report.guard);
    put_status("stopped", report.stopped);
    json["interrupted"] = report.interrupted;
    json["retries"] = report.retries;
    json["quota_wait_ms"] = report.quota_wait_ms;
    json["queue_depth_max"] = report.queue_depth_max;
    ordered_json breakers = ordered_json::array();
    for (const ReportedGuard& guard : report.guards) {
        const BreakerSnapshot& breaker = guard.stats.breaker;
        ordered_json entry;
        entry["side"] = name_of(guard.side);
        put_place(entry, "endpoint", guard.side == Side::source ? report.source : report.target);
        entry["state"] = name_of(breaker.state);
        entry["times_opened"] = breaker.times_opened;
        entry["calls"] = guard.stats.calls;
        entry["refused"] = guard.stats.refused;
        entry["retry_after_ms"] = breaker.retry_after_ns / 1'000'000;
        breakers.push_back(std::move(entry));
    }
    json["breakers"] = std::move(breakers);
    ordered_json conflicts = ordered_json::array();
    ordered_json failures = ordered_json::array();
    ordered_json skipped = ordered_json::array();
    ordered_json pending = ordered_json::array();
    for (const ReportedItem& item : report.items) {
        ordered_json entry;
        put_bytes(entry, "key", item.key);
        if (item.conflict != ConflictKind::none) {
            entry["conflict"] = name_of(item.conflict);
        }
        if (item.outcome != Outcome::conflicted) {
            entry["action"] = name_of(item.action);
            entry["side"] = name_of(item.side);
        }
        if (item.code != Code::ok) {
            entry["code"] = name_of(item.code);
        }
        entry["message"] = utf8_text(item.message);
        switch (item.outcome) {
        case Outcome::conflicted:
            conflicts.push_back(std::move(entry));
            break;
        case Outcome::failed:
            failures.push_back(std::move(entry));
            break;
        case Outcome::skipped:
            skipped.push_back(std::move(entry));
            break;
        default:
            pending.push_back(std::move(entry));
        }
    }
    ordered_json not_archived = ordered_json::array();
    for (const NotArchived& item : report.not_archived) {
        ordered_json entry;
        put_bytes(entry, "key", item.key);
        entry["side"] = name_of(item.side);
        entry["message"] = utf8_text(item.why);
        not_archived.push_back(std::move(entry));
    }
    json["not_archived"] = std::move(not_archived);
    json["not_archived_count"] = report.not_archived_count;
    json["conflicts"] = std::move(conflicts);
    json["failures"] = std::move(failures);
    json["skipped"] = std::move(skipped);
    const std::uint64_t listed = pending.size();
    json["pending"] = std::move(pending);
    // What was not tried at all is pending without being listed.
    json["items_left_out"] = report.items_left_out +
                             (report.outcomes.pending - std::min(report.outcomes.pending, listed));
    for (const SyncReport& part : report.resources) {
        ordered_json entry = ordered_json::parse(report_json(part, exit_code_of(part)));
        entry["resource"] = utf8_text(part.resource);
        json["resources"].push_back(std::move(entry));
    }
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

} // namespace syncline
