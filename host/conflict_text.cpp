#include "conflict_text.hpp"

#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <ctime>
#include <dtl/dtl.hpp>
#include <nlohmann/json.hpp>
#include <ostream>
#include <sstream>
#include <vector>

namespace syncline::host {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostLines = 20'000; // a diff's time grows with their number and difference

bool is_text(const Bytes& bytes) { return bytes.find('\0') == Bytes::npos; }

std::vector<std::string> lines_of(const Bytes& text) {
    std::vector<std::string> lines;
    std::size_t at = 0;
    while (at < text.size()) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        lines.push_back(display_key(text.substr(at, end - at)));
        at = end + 1;
    }
    if (!text.empty() && text.back() != '\n') {
        lines.back() += "  (no newline at the end)";
    }
    return lines;
}

ordered_json parsed(const Bytes& text) { return ordered_json::parse(text, nullptr, false); }

std::string line_of(const ordered_json& value) {
    return display_key(value.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

// The places at which two documents differ, by JSON pointer.
struct FieldDifference {
    std::string path;
    std::string source; // empty: it is not there
    std::string target;
};

std::vector<FieldDifference> field_differences(const ordered_json& source,
                                               const ordered_json& target) {
    std::vector<FieldDifference> differences;
    for (const auto& step : ordered_json::diff(source, target)) {
        const std::string path = step["path"].get<std::string>();
        const std::string op = step["op"].get<std::string>();
        FieldDifference difference;
        difference.path = path.empty() ? "(the whole document)" : path;
        if (op != "add") {
            difference.source = line_of(source.at(ordered_json::json_pointer(path)));
        }
        if (op != "remove") {
            difference.target = line_of(step["value"]);
        }
        differences.push_back(std::move(difference));
    }
    return differences;
}

// How the two contents differ: as fields, as a unified diff, or not at all.
struct Comparison {
    std::vector<FieldDifference> fields;
    std::string text;
    std::string none; // why there is neither
};

bool is_directory(const ConflictSide& side) {
    return side.item && side.item->kind == ItemKind::container;
}

Comparison compare(const ConflictView& view) {
    Comparison comparison;
    if (!view.source.renamed_to.empty() && !view.source.moved && !view.target.moved) {
        comparison.none = "only the names differ: both sides renamed it";
        return comparison;
    }
    if (!view.source.item || !view.target.item) {
        comparison.none = "one side was deleted";
        return comparison;
    }
    if (is_directory(view.source) || is_directory(view.target)) {
        comparison.none = "one side is a directory: settle it with all it holds, by a sync";
        return comparison;
    }
    if (!view.source.content || !view.target.content) {
        comparison.none = "too large to be compared here";
        return comparison;
    }
    const Bytes& source = *view.source.content;
    const Bytes& target = *view.target.content;
    if (source == target) {
        comparison.none = "the contents are equal by now; the next sync settles it";
        return comparison;
    }
    const ordered_json source_json = parsed(source);
    const ordered_json target_json = parsed(target);
    if (source_json.is_structured() && target_json.is_structured()) {
        comparison.fields = field_differences(source_json, target_json);
        if (!comparison.fields.empty()) {
            return comparison;
        }
    }
    const std::vector<std::string> source_lines = lines_of(source);
    const std::vector<std::string> target_lines = lines_of(target);
    if (!is_text(source) || !is_text(target) || source_lines.size() > kMostLines ||
        target_lines.size() > kMostLines) {
        comparison.none = "no text that could be compared line by line";
        return comparison;
    }
    dtl::Diff<std::string> diff(source_lines, target_lines);
    diff.onHuge();
    diff.compose();
    diff.composeUnifiedHunks();
    std::ostringstream text;
    std::ostream& out = text;
    diff.printUnifiedFormat(out);
    comparison.text = text.str();
    return comparison;
}

std::string digest_of(const std::optional<Bytes>& content) {
    return content ? to_hex(content_hash(*content)) : std::string();
}

std::string facts(const std::optional<Item>& item, const std::optional<Bytes>& content) {
    if (!item) {
        return "deleted";
    }
    std::string line = item->kind == ItemKind::container ? "a directory"
                       : item->size == kUnknownSize      ? "of unknown size"
                                                         : display_count(item->size, "byte");
    if (item->kind == ItemKind::link) {
        line = "a link" + (content ? " to " + display_key(*content) : std::string());
    }
    if (item->mtime_ns != kUnknownTime) {
        line += ", " + display_time(item->mtime_ns);
    }
    if (const std::string digest = digest_of(content); !digest.empty()) {
        line += ", xxh3 " + digest;
    }
    return line;
}

std::string side_line(const ConflictSide& side) {
    if (side.renamed_to.empty()) {
        return facts(side.item, side.content);
    }
    return "renamed to '" + display_key(side.renamed_to) + "'" +
           (side.item ? ", " + facts(side.item, side.content) : std::string());
}

ordered_json facts_json(const ConflictSide& side) {
    ordered_json json = {{"exists", side.item.has_value()}, {"changed_since", side.moved}};
    if (!side.renamed_to.empty()) {
        put_bytes(json, "renamed_to", side.renamed_to);
    }
    if (!side.item) {
        return json;
    }
    if (is_directory(side)) {
        json["directory"] = true;
    } else if (side.item->size != kUnknownSize) {
        json["size"] = side.item->size;
    }
    if (side.item->mtime_ns != kUnknownTime) {
        json["mtime_ns"] = side.item->mtime_ns;
    }
    if (side.content) {
        json["xxh3"] = digest_of(side.content);
    }
    return json;
}

} // namespace

std::string display_time(std::int64_t wall_ns) {
    constexpr std::int64_t kNsPerSecond = 1'000'000'000;
    const std::time_t seconds = wall_ns / kNsPerSecond - (wall_ns % kNsPerSecond < 0 ? 1 : 0);
    std::tm parts{};
    char text[40];
    if (::gmtime_r(&seconds, &parts) == nullptr ||
        std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        return "at an unknown time";
    }
    return text;
}

std::string note_line(const RunNote& note) {
    std::string line = display_key(note.key) + "  (" + note.code + ")";
    if (note.outcome == Outcome::failed) {
        line += "  " + note.action;
    }
    return note.message.empty() ? line : line + "  " + display_key(note.message);
}

ordered_json note_json(const RunNote& note) {
    ordered_json json;
    put_bytes(json, "key", note.key);
    if (note.outcome == Outcome::failed) {
        json["action"] = note.action;
        json["code"] = note.code;
    } else {
        json["conflict"] = note.code;
    }
    json["message"] = note.message;
    return json;
}

void print_view(std::ostream& out, const RunNote& note, const ConflictView& view) {
    out << note_line(note) << '\n';
    if (view.base) {
        Item base;
        base.kind = view.base->kind;
        base.size = view.base->size;
        base.mtime_ns = view.base->mtime_ns;
        out << "  agreed  " << facts(base, view.base_content) << '\n';
    }
    for (const auto& [name, side] :
         {std::pair("  source  ", &view.source), std::pair("  target  ", &view.target)}) {
        out << name << side_line(*side)
            << (side->moved ? "  (changed since the run: run sync again)" : "") << '\n';
    }
    const Comparison comparison = compare(view);
    if (!comparison.none.empty()) {
        out << "  " << comparison.none << '\n';
    }
    for (const FieldDifference& field : comparison.fields) {
        out << "  " << display_key(field.path) << '\n';
        out << "    source  " << (field.source.empty() ? "(none)" : field.source) << '\n';
        out << "    target  " << (field.target.empty() ? "(none)" : field.target) << '\n';
    }
    if (!comparison.text.empty()) {
        out << "--- source\n+++ target\n" << comparison.text;
    }
}

ordered_json view_json(const RunNote& note, const ConflictView& view) {
    ordered_json json = note_json(note);
    json["source"] = facts_json(view.source);
    json["target"] = facts_json(view.target);
    if (view.base && view.base->size != kUnknownSize) {
        json["agreed"] = {{"size", view.base->size},
                          {"content_kept", view.base_content.has_value()}};
    }
    const Comparison comparison = compare(view);
    if (!comparison.fields.empty()) {
        json["fields"] = ordered_json::array();
        for (const FieldDifference& field : comparison.fields) {
            ordered_json entry = {{"path", field.path}};
            if (!field.source.empty()) {
                entry["source"] = field.source;
            }
            if (!field.target.empty()) {
                entry["target"] = field.target;
            }
            json["fields"].push_back(std::move(entry));
        }
    }
    if (!comparison.text.empty()) {
        json["diff"] = comparison.text;
    }
    if (!comparison.none.empty()) {
        json["no_diff"] = comparison.none;
    }
    return json;
}

} // namespace syncline::host
