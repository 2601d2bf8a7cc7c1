#include "orchestrate/resources.hpp"

#include "syncline/core/text.hpp"
#include "syncline/orchestrate/key_map.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

namespace syncline {

Status check_resources(const SyncSpec& spec, const RunControl& control) {
    std::set<std::string> names;
    for (const ResourceSpec& resource : spec.resources) {
        if (resource.name.empty() || !names.insert(resource.name).second) {
            return Status(Code::invalid_config, resource.name.empty()
                                                    ? "a resource type of the sync has no name"
                                                    : "two resource types of the sync are named '" +
                                                          display_key(resource.name) +
                                                          "'; give each its own name");
        }
        if (!resource.key_pattern.empty()) {
            SYNCLINE_TRY(KeyMap::make(resource.key_pattern).status());
        }
    }
    const bool for_one = !control.write_plan.empty() || !control.apply_plan.empty() ||
                         control.explain != nullptr || control.selection != nullptr;
    if (spec.resources.size() > 1 && for_one) {
        return Status(Code::invalid_config, "plan files, explanations and selected keys are of one "
                                            "resource type; name one");
    }
    return {};
}

SyncReport sum_of(std::vector<SyncReport> reports) {
    SyncReport whole;
    const auto add = [](auto& into, const auto& from) {
        std::transform(into.begin(), into.end(), from.begin(), into.begin(), std::plus<>());
    };
    const auto first = [](Status& into, const Status& from, const std::string& resource) {
        if (into.ok() && !from.ok()) {
            into = from.with_context(resource);
        }
    };
    for (SyncReport& part : reports) {
        first(whole.error, part.error, part.resource);
        first(whole.guard, part.guard, part.resource);
        first(whole.stopped, part.stopped, part.resource);
        whole.source = part.source;
        whole.target = part.target;
        whole.mode = part.mode;
        whole.dry_run = part.dry_run;
        whole.run_id = part.run_id;
        add(whole.listed, part.listed);
        add(whole.counts.actions, part.counts.actions);
        add(whole.counts.phases, part.counts.phases);
        add(whole.counts.removals, part.counts.removals);
        whole.counts.bytes += part.counts.bytes;
        whole.outcomes.planned += part.outcomes.planned;
        whole.outcomes.ok += part.outcomes.ok;
        whole.outcomes.skipped += part.outcomes.skipped;
        whole.outcomes.conflicted += part.outcomes.conflicted;
        whole.outcomes.failed += part.outcomes.failed;
        whole.outcomes.pending += part.outcomes.pending;
        add(whole.done, part.done);
        whole.unreadable += part.unreadable;
        whole.losses.add(part.losses);
        whole.bytes += part.bytes;
        for (auto labels : {&Unresolved::passed, &Unresolved::failed, &Unresolved::deferred}) {
            const std::set<std::string>& more = part.unresolved.*labels;
            (whole.unresolved.*labels).insert(more.begin(), more.end());
        }
        whole.interrupted = whole.interrupted || part.interrupted;
        whole.first_run = whole.first_run || part.first_run;
        // Counted by what the runs share, so the last has seen all.
        whole.queue_depth_max = part.queue_depth_max;
        whole.retries = part.retries;
        whole.quota_wait_ms = part.quota_wait_ms;
        whole.duration_ms = std::max(whole.duration_ms, part.duration_ms);
        whole.guards.insert(whole.guards.end(), part.guards.begin(), part.guards.end());
        for (const ReportedItem& item : part.items) {
            if (whole.items.size() < kReportedItems) {
                whole.items.push_back(item);
            } else {
                ++whole.items_left_out;
            }
        }
        whole.items_left_out += part.items_left_out;
    }
    whole.resources = std::move(reports);
    return whole;
}

} // namespace syncline
