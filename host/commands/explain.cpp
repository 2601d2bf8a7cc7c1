#include "commands/sync_options.hpp"

#include "foreground_run.hpp"
#include "report_text.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/explanation.hpp"

#include <iomanip>
#include <iostream>
#include <sstream>

namespace syncline::host {

namespace {

constexpr std::size_t kShownDigits = 16; // of a hash; -o json has all

std::ostream& line(std::ostream& out, std::string_view label) {
    return out << "  " << std::left << std::setw(10) << label;
}

template <typename From>
std::string described(const From& item) {
    std::string text;
    const auto part = [&](const std::string& what) { text += (text.empty() ? "" : ", ") + what; };
    if (item.kind == ItemKind::container) {
        return "a directory";
    }
    if (item.kind == ItemKind::link) {
        part("a link");
    }
    if (item.kind == ItemKind::object && item.size != kUnknownSize) {
        part(display_size(item.size));
    }
    if (item.mtime_ns != kUnknownTime) {
        part("time " + display_time(item.mtime_ns));
    }
    if (!item.hash.empty()) {
        part("hash " + to_hex(item.hash).substr(0, kShownDigits));
    }
    return text;
}

// A short name for a version, which may be long: equal for equal ones. -o json has the whole.
std::string version_text(BytesView version) {
    return version.empty() ? "no version kept"
                           : "version " + to_hex(content_hash(version)).substr(0, 8);
}

std::string label_of(const std::string& strategy) {
    const std::size_t dot = strategy.rfind('.');
    return dot == std::string::npos ? strategy : strategy.substr(dot + 1);
}

void print_rules(std::ostream& out, const Explanation& found) {
    if (!found.filter_rule) {
        line(out, "rules") << "none matches, so it takes part\n";
        return;
    }
    const FilterRule& rule = *found.filter_rule;
    line(out, "rules") << (rule.include ? "included by '+ " : "left out by '- ")
                       << display_key(rule.glob) << "' (" << display_key(rule.origin) << ")";
    if (found.filter_key != found.key) {
        out << ", which matches " << display_key(found.filter_key);
    }
    out << '\n';
}

void print_side(std::ostream& out, const Explanation& found, Side side) {
    const ExplainedSide& here = found.sides[static_cast<std::size_t>(side)];
    line(out, name_of(side));
    const bool is_new = here.state == SideState::changed && !found.base;
    if (!here.item) {
        out << (here.state == SideState::unknown ? "unknown"
                : here.instead                   ? noun_of(*here.instead)
                                                 : "not there");
        if (here.instead && found.base) {
            out << " now";
        }
    } else {
        out << (found.excluded ? "there"
                : is_new       ? "new"
                               : name_of(here.state))
            << ": " << described(*here.item);
        if (!here.item->version.empty()) {
            out << ", " << version_text(here.item->version);
        }
    }
    if (!here.trouble.empty()) {
        out << " (" << display_line(here.trouble) << ")";
    }
    out << '\n';
}

void print_base(std::ostream& out, const Explanation& found) {
    line(out, "base");
    if (!found.base) {
        out << "never agreed on\n";
        return;
    }
    out << (found.base->differs ? "agreed to differ" : "agreed: " + described(*found.base));
    if (found.base->kind != ItemKind::container) {
        out << "; source " << version_text(found.base->source_version) << ", target "
            << version_text(found.base->target_version);
    }
    out << '\n';
}

void print_plan(std::ostream& out, const Explanation& found) {
    line(out, "row") << found.row << '\n';
    if (found.operations.empty()) {
        line(out, "would") << (found.excluded && found.base
                                   ? "forget it on both sides without touching it"
                                   : "do nothing")
                           << '\n';
    }
    for (const PlannedOp& op : found.operations) {
        const bool base_only = op.action == Action::record || op.action == Action::forget;
        line(out, "would") << (base_only ? std::string(op.action == Action::record
                                                           ? "only note that both agree"
                                                           : "only forget it") +
                                               " (" + display_line(op.reason) + ")"
                                         : op_line(op))
                           << '\n';
    }
    for (const AskedStrategy& asked : found.strategies) {
        line(out, "asked") << label_of(asked.strategy)
                           << (asked.decided ? " decided: " : " did not decide: ")
                           << display_line(asked.answer) << '\n';
    }
    if (found.whole_plan) {
        line(out, "note") << "this depends on other items, so both sides were listed\n";
    }
}

void print(std::ostream& out, const Explanation& found) {
    out << display_key(found.key) << "   " << display_key(found.source)
        << (found.mode == Mode::two_way ? " <-> " : " -> ") << display_key(found.target) << "  ("
        << name_of(found.mode) << ")\n";
    const bool somewhere = found.sides[0].item || found.sides[1].item || found.base ||
                           found.sides[0].state == SideState::unknown ||
                           found.sides[1].state == SideState::unknown;
    if (somewhere) {
        print_rules(out, found);
        print_side(out, found, Side::source);
        print_side(out, found, Side::target);
        print_base(out, found);
        print_plan(out, found);
    } else {
        line(out, "nowhere")
            << "nothing of that name on either side, and no run agreed on it; keys are paths below "
               "both sides, such as docs/a.txt\n";
    }
    for (const ItemHistory& past : found.history) {
        line(out, "history") << "run " << past.run << ", " << display_time(past.started_wall_ns)
                             << ": " << name_of(past.note.outcome) << ", " << past.note.action;
        if (!past.note.code.empty() && past.note.code != "ok") {
            out << ", " << past.note.code;
        }
        out << ": " << display_line(past.note.message) << '\n';
    }
    if (found.history.empty() && somewhere) {
        line(out, "history") << "no run did anything to it, or left it\n";
    }
}

} // namespace

int explain_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    SyncOptions options;
    const Status parsed = parse_sync_options(arguments, SyncCommand::explain, options);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (options.help) {
        return exit_code::kInSync;
    }
    Result<std::unique_ptr<ForegroundRun>> run =
        ForegroundRun::start(options.common, interrupts, options.spec.workers);
    if (!run.ok()) {
        return fail(run.status());
    }
    Explanation explanation;
    explanation.key = options.key;
    RunControl control = (*run)->control();
    control.dry_run = true;
    control.explain = &explanation;
    const SyncReport report = run_sync((*run)->services(), options.spec, control);
    (*run)->finish(report.error);
    if (!report.error.ok()) {
        fail(report.error);
        return (*run)->exit_code_of(report);
    }
    if (options.common.json()) {
        std::cout << explanation_json(explanation) << '\n';
    } else {
        print(std::cout, explanation);
    }
    return exit_code::kInSync;
}

} // namespace syncline::host
