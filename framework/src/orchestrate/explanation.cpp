#include "syncline/orchestrate/explanation.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/operation_json.hpp"

#include <nlohmann/json.hpp>

namespace syncline {

namespace {

using nlohmann::ordered_json;

template <typename From>
ordered_json described(const From& item) {
    ordered_json json;
    if (item.size != kUnknownSize) {
        json["size"] = item.size;
    }
    if (item.mtime_ns != kUnknownTime) {
        json["mtime"] = display_time(item.mtime_ns);
    }
    if (!item.hash.empty()) {
        json["hash"] = to_hex(item.hash);
    }
    return json;
}

} // namespace

std::string_view name_of(SideState state) {
    switch (state) {
    case SideState::absent:
        return "absent";
    case SideState::same:
        return "as agreed";
    case SideState::changed:
        return "changed";
    case SideState::unknown:
        break;
    }
    return "unknown";
}

std::string_view noun_of(ItemKind kind) {
    switch (kind) {
    case ItemKind::object:
        return "a file";
    case ItemKind::container:
        return "a directory";
    case ItemKind::link:
        return "a link";
    case ItemKind::unsupported:
        break;
    }
    return "an item of another kind";
}

std::string explanation_json(const Explanation& explanation) {
    ordered_json json;
    put_bytes(json, "key", explanation.key);
    json["source"] = utf8_text(explanation.source);
    json["target"] = utf8_text(explanation.target);
    json["mode"] = name_of(explanation.mode);
    json["excluded"] = explanation.excluded;
    if (explanation.filter_rule) {
        const FilterRule& rule = *explanation.filter_rule;
        json["rule"] = {{"include", rule.include},
                        {"glob", utf8_text(rule.glob)},
                        {"origin", utf8_text(rule.origin)}};
        put_bytes(json["rule"], "matched", explanation.filter_key);
    }
    json["row"] = explanation.row;
    json["equal"] = explanation.equal;
    if (explanation.base) {
        const BaseEntry& base = *explanation.base;
        json["base"] = described(base);
        json["base"]["source_version"] = to_hex(base.source_version);
        json["base"]["target_version"] = to_hex(base.target_version);
        json["base"]["differs"] = base.differs;
    } else {
        json["base"] = nullptr;
    }
    for (const Side side : {Side::source, Side::target}) {
        const ExplainedSide& here = explanation.sides[static_cast<std::size_t>(side)];
        ordered_json entry = here.item ? described(*here.item) : ordered_json::object();
        entry["present"] = here.item.has_value();
        entry["state"] = name_of(here.state);
        if (here.instead) {
            entry["instead"] = noun_of(*here.instead);
        }
        if (here.item && !here.item->version.empty()) {
            entry["version"] = to_hex(here.item->version);
        }
        if (!here.trouble.empty()) {
            entry["trouble"] = utf8_text(here.trouble);
        }
        json["sides"][std::string(name_of(side))] = std::move(entry);
    }
    json["operations"] = ordered_json::array();
    for (const PlannedOp& op : explanation.operations) {
        json["operations"].push_back(operation_json(op));
    }
    json["strategies"] = ordered_json::array();
    for (const AskedStrategy& asked : explanation.strategies) {
        json["strategies"].push_back({{"strategy", asked.strategy},
                                      {"decided", asked.decided},
                                      {"answer", utf8_text(asked.answer)}});
    }
    json["whole_plan"] = explanation.whole_plan;
    json["history"] = ordered_json::array();
    for (const ItemHistory& past : explanation.history) {
        json["history"].push_back({{"run", past.run},
                                   {"started", display_time(past.started_wall_ns)},
                                   {"outcome", name_of(past.note.outcome)},
                                   {"action", past.note.action},
                                   {"code", past.note.code},
                                   {"message", utf8_text(past.note.message)}});
    }
    return json.dump(2, ' ', false, ordered_json::error_handler_t::replace);
}

} // namespace syncline
