#include "commands.hpp"
#include "place_options.hpp"
#include "report_text.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <utility>

namespace syncline::host {

namespace {

using nlohmann::ordered_json;

std::string dump(const ordered_json& json) {
    return json.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

// What a run was, from the report that was kept with it.
struct Account {
    std::string what; // "two-way", "undo of run 12"
    std::string done; // "3 created, 2 updated"
    ordered_json done_actions = ordered_json::object();
    ordered_json dropped = ordered_json::array(); // failures taken off the list
};

Account account_of(const RunRecord& run) {
    Account account;
    const ordered_json report = ordered_json::parse(run.report, nullptr, false);
    if (!report.is_object()) {
        account.what = "unknown";
        return account;
    }
    const std::string command = report.value("command", "sync");
    account.what = run_title(command, report.value("mode", "unknown"),
                             report.value("of_run", std::int64_t{0}));
    if (const auto done = report.find("done_actions"); done != report.end() && done->is_object()) {
        account.done_actions = *done;
    }
    if (const auto dropped = report.find("dropped");
        dropped != report.end() && dropped->is_array()) {
        account.dropped = *dropped;
    }
    const auto add = [&](std::uint64_t count, const char* word) {
        if (count > 0) {
            account.done += (account.done.empty() ? "" : ", ") + std::to_string(count) + " " + word;
        }
    };
    const auto part = [&](const char* action, const char* word) {
        const auto found = account.done_actions.find(action);
        if (found != account.done_actions.end() && found->is_number_unsigned()) {
            add(found->get<std::uint64_t>(), word);
        }
    };
    part("create", "created");
    part("update", "updated");
    part("rename", "renamed");
    part("remove", "deleted");
    part("set-metadata", "times or permissions set");
    part("keep-both", "kept both ways");
    part("merge", "merged");
    add(account.dropped.size(), "taken off the list");
    return account;
}

ordered_json or_null(bool is_known, ordered_json value) {
    return is_known ? std::move(value) : ordered_json(nullptr);
}

ordered_json to_json(const RunRecord& run) {
    const Account account = account_of(run);
    const Outcomes& o = run.outcomes;
    ordered_json json;
    json["run"] = run.id;
    json["what"] = account.what;
    json["started"] = display_time(run.started_wall_ns);
    const bool is_finished = run.finished_wall_ns != 0;
    json["finished"] = or_null(is_finished, display_time(run.finished_wall_ns));
    json["exit_code"] = or_null(is_finished, run.exit_code);
    json["outcomes"] = {{"planned", o.planned},       {"ok", o.ok},         {"skipped", o.skipped},
                        {"conflicted", o.conflicted}, {"failed", o.failed}, {"pending", o.pending}};
    json["done_actions"] = account.done_actions;
    if (!account.dropped.empty()) {
        json["dropped"] = account.dropped;
    }
    return json;
}

std::string line_of(const RunRecord& run) {
    const Account account = account_of(run);
    std::string text = account.what;
    if (run.finished_wall_ns == 0) {
        return "did not finish";
    }
    text += ": " + (account.done.empty() ? "nothing done" : account.done);
    const Outcomes& o = run.outcomes;
    for (const auto& [count, word] :
         {std::pair(o.conflicted, "conflicted"), std::pair(o.failed, "failed"),
          std::pair(o.skipped, "skipped"), std::pair(o.pending, "pending")}) {
        text += count > 0 ? ", " + std::to_string(count) + " " + word : "";
    }
    return text + " (exit " + std::to_string(run.exit_code) + ")";
}

std::string_view word_of(const JournalEntry& entry) {
    if (!entry.is_done) {
        return "unsure";
    }
    switch (entry.action) {
    case Action::create:
        return "created";
    case Action::remove:
        return "deleted";
    case Action::set_meta:
        return "metadata";
    default:
        return entry.before && entry.after ? "updated" : name_of(entry.action);
    }
}

std::string kept_text(const JournalEntry& entry, bool is_kept) {
    if (!entry.before || entry.before->kind == ItemKind::container ||
        entry.action == Action::set_meta) {
        return "";
    }
    std::string text = entry.before->size != kUnknownSize
                           ? "was " + display_size(entry.before->size) + ", "
                           : std::string();
    if (is_kept) {
        return text + "kept";
    }
    if (!is_kept && !entry.moved_to.empty()) {
        return text + "renamed to " + display_key(entry.moved_to);
    }
    return entry.archived.empty() ? text + "not kept: " + entry.not_kept : text + "no longer kept";
}

ordered_json to_json(const JournalEntry& entry, bool is_kept) {
    ordered_json json;
    put_bytes(json, "key", entry.key);
    json["side"] = name_of(entry.side);
    json["action"] = name_of(entry.action);
    json["done"] = or_null(entry.is_done, true);
    if (entry.before) {
        const Item& before = *entry.before;
        json["before"] = {
            {"size", or_null(before.size != kUnknownSize, before.size)},
            {"modified", or_null(before.mtime_ns != kUnknownTime, display_time(before.mtime_ns))},
            {"kept", is_kept}};
        if (!entry.not_kept.empty()) {
            json["before"]["not_kept"] = entry.not_kept;
        }
        if (!entry.moved_to.empty()) {
            put_bytes(json["before"], "renamed_to", entry.moved_to);
        }
    }
    return json;
}

int list_runs(History& history, bool json, std::size_t limit) {
    std::size_t count = 0;
    if (json) {
        std::cout << "{\n\"runs\": [";
    }
    const Status status = history.runs().each([&](RunRecord&& run) {
        if (count == limit) {
            return false;
        }
        if (json) {
            std::cout << (count == 0 ? "\n  " : ",\n  ") << dump(to_json(run));
        } else {
            std::cout << std::right << std::setw(6) << run.id << "  "
                      << display_time(run.started_wall_ns) << "  " << line_of(run) << '\n';
        }
        ++count;
        return true;
    });
    if (json) {
        std::cout << "\n]\n}\n";
    }
    std::cout.flush();
    return status.ok() ? exit_code::kInSync : fail(status);
}

int show_run(History& history, bool json, std::int64_t number) {
    const Result<std::optional<RunRecord>> run = history.runs().find(number);
    if (!run.ok()) {
        return fail(run.status());
    }
    if (!*run) {
        return fail(Status(Code::not_found, "there is no run " + std::to_string(number) +
                                                " of this sync; 'syncline history' lists them"));
    }
    bool first = true;
    if (json) {
        std::cout << "{\n\"run\": " << dump(to_json(**run)) << ",\n\"items\": [";
    } else {
        std::cout << "run " << number << "  " << display_time((*run)->started_wall_ns) << "  "
                  << line_of(**run) << '\n';
    }
    Status status;
    const Status read = history.journal().each(number, {}, [&](JournalEntry&& entry) {
        bool is_kept = false;
        if (!entry.archived.empty()) {
            const Result<bool> kept = history.archive().has(entry.archived);
            status = kept.status();
            is_kept = kept.ok() && *kept;
        }
        if (json) {
            std::cout << (first ? "\n  " : ",\n  ") << dump(to_json(entry, is_kept));
        } else {
            const std::string kept = kept_text(entry, is_kept);
            std::cout << "  " << std::left << std::setw(9) << word_of(entry) << std::setw(7)
                      << name_of(entry.side) << display_key(entry.key)
                      << (kept.empty() ? "" : "  (" + kept + ")") << '\n';
        }
        first = false;
        return status.ok();
    });
    const Result<std::vector<RunNote>> notes = history.runs().notes(number);
    first = true;
    if (json) {
        std::cout << "\n],\n\"notes\": [";
    }
    for (const RunNote& note : notes.ok() ? *notes : std::vector<RunNote>()) {
        if (json) {
            ordered_json entry;
            put_bytes(entry, "key", note.key);
            entry["outcome"] = name_of(note.outcome);
            entry["action"] = note.action;
            entry["code"] = note.code;
            entry["message"] = note.message;
            std::cout << (first ? "\n  " : ",\n  ") << dump(entry);
        } else {
            std::cout << "  " << std::left << std::setw(16) << name_of(note.outcome)
                      << display_key(note.key) << "  (" << display_line(note.message) << ")\n";
        }
        first = false;
    }
    if (json) {
        std::cout << "\n]\n}\n";
    }
    std::cout.flush();
    for (const Status& each : {read, status, notes.status()}) {
        if (!each.ok()) {
            return fail(each);
        }
    }
    return exit_code::kInSync;
}

} // namespace

int history_command(const Arguments& arguments) {
    PlaceOptions options("history SOURCE TARGET");
    std::string run;
    std::size_t limit = 20;
    options.options.add_options()(
        "run", po::value(&run)->value_name("RUN"),
        "what this run did to each item, and which old contents are kept")(
        "limit", po::value(&limit)->value_name("N")->default_value(limit),
        "list the newest N runs");
    const Status parsed = options.parse(arguments, {});
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (options.help) {
        return exit_code::kInSync;
    }
    std::int64_t number = 0;
    if (options.vm.count("run") != 0) {
        const Status is_number = parse_run(run, number);
        if (!is_number.ok()) {
            return fail(is_number);
        }
    }
    const Status complete = options.complete(number != 0 ? std::optional(number) : std::nullopt);
    if (!complete.ok()) {
        return fail(complete);
    }
    Result<std::unique_ptr<PluginRegistry>> plugins = open_plugins(options.common);
    if (!plugins.ok()) {
        return fail(plugins.status());
    }
    Result<std::unique_ptr<History>> history =
        open_history(**plugins, options.place, system_clock());
    if (!history.ok()) {
        return fail(history.status());
    }
    return number != 0 ? show_run(**history, options.common.json(), number)
                       : list_runs(**history, options.common.json(), limit);
}

} // namespace syncline::host
