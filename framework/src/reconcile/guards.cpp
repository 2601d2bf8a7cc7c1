#include "syncline/core/text.hpp"
#include "syncline/reconcile/planner.hpp"

#include <string>
#include <vector>

namespace syncline {

namespace {

Status tripped(std::string message) { return Status(Code::guard_tripped, std::move(message)); }

// All that tripped, in one message, so that nobody overrides one guard only to meet the next.
Status all_tripped(const std::vector<std::string>& messages) {
    std::string all;
    for (const std::string& message : messages) {
        all += (all.empty() ? "" : "; besides, ") + message;
    }
    return all.empty() ? Status() : tripped(std::move(all));
}

bool contains(BytesView outer, BytesView inner) {
    if (outer == inner) {
        return true;
    }
    return inner.starts_with(outer) &&
           (outer.empty() || outer.back() == '/' || inner[outer.size()] == '/');
}

} // namespace

Status check_place_guards(const EndpointInfo& source, const EndpointInfo& target,
                          const std::optional<SyncIdentity>& known, const Rules& rules) {
    const ConnectorInfo& s = source.info();
    const ConnectorInfo& t = target.info();
    if (!s.scope_id.empty() && s.scope_id == t.scope_id) {
        if (s.scope_path == t.scope_path) {
            return tripped("source '" + source.location() + "' and target '" + target.location() +
                           "' are the same place; name two different ones");
        }
        if (contains(s.scope_path, t.scope_path) || contains(t.scope_path, s.scope_path)) {
            const bool target_inside = contains(s.scope_path, t.scope_path);
            return tripped(
                (target_inside
                     ? "target '" + target.location() + "' lies inside source '" + source.location()
                     : "source '" + source.location() + "' lies inside target '" +
                           target.location()) +
                "'; a sync would copy into itself: choose places that do not contain each other");
        }
    }
    if (known && !rules.force.identity) {
        const auto changed = [](BytesView before, BytesView now) {
            return !before.empty() && before != now;
        };
        std::vector<std::string> messages;
        const auto check = [&](std::string_view side, const EndpointInfo& place, BytesView before) {
            if (changed(before, place.info().scope_id)) {
                messages.push_back(
                    std::string(side) + " '" + place.location() +
                    "' is not the place it was at the last run (another disk or file system "
                    "answers there); check that the right one is mounted, then use "
                    "--force=identity if this is meant");
            }
        };
        check("source", source, known->source_scope);
        check("target", target, known->target_scope);
        return all_tripped(messages);
    }
    return {};
}

Status check_deletion_guards(const PlanSummary& summary, const Rules& rules,
                             const std::string& source_location,
                             const std::string& target_location) {
    std::vector<std::string> messages;
    for (const Side side : {Side::source, Side::target}) {
        const auto index = static_cast<std::size_t>(side);
        const std::string& location = side == Side::source ? source_location : target_location;
        if (summary.base_items > 0 && summary.listed[index] == 0 && !rules.force.emptied) {
            // Both empty: nothing is left to lose.
            const auto other_index = static_cast<std::size_t>(other(side));
            if (summary.listed[other_index] > 0) {
                messages.push_back(
                    std::string(name_of(side)) + " '" + location + "' is empty but had " +
                    display_count(summary.base_items, "item") +
                    " after the last run; check that it is mounted and complete, then use "
                    "--force=emptied if it was emptied on purpose");
            }
        }
    }
    for (const Side side : {Side::source, Side::target}) {
        const auto index = static_cast<std::size_t>(side);
        const std::string& location = side == Side::source ? source_location : target_location;
        const std::uint64_t removals = summary.counts.removals[index];
        const MaxDelete& limit = rules.max_delete;
        if (rules.force.deletions || removals == 0 || removals < limit.at_least) {
            continue;
        }
        const bool first_mirror = rules.mode == Mode::mirror && summary.base_items == 0;
        const std::uint64_t whole = first_mirror ? summary.listed[index] : summary.base_items;
        const bool too_many =
            limit.percent ? removals * 100 > limit.value * whole : removals > limit.value;
        if (too_many) {
            messages.push_back(
                "this run would delete " + display_count(removals, "item") + " of " +
                std::to_string(whole) + " on " + std::string(name_of(side)) + " '" + location +
                "', more than the limit of " + std::to_string(limit.value) +
                (limit.percent ? " %" : "") +
                "; look at 'syncline plan', then raise --max-delete or use --force=deletions if "
                "this is meant");
        }
    }
    return all_tripped(messages);
}

} // namespace syncline
