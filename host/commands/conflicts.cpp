#include "command_line.hpp"
#include "commands.hpp"
#include "conflict_text.hpp"
#include "foreground_run.hpp"
#include "report_text.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/going_back.hpp"
#include "syncline/orchestrate/inbox.hpp"

#include <algorithm>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

namespace syncline::host {

namespace {

using nlohmann::ordered_json;

constexpr std::uint64_t kShownBytes = std::uint64_t{1} << 20U; // larger contents are not compared
constexpr std::size_t kMostContent = std::size_t{64} << 20U;

struct Request {
    CommonOptions common;
    SyncSpec spec;
    std::string verb;
    std::string key; // empty: none was named
    bool all = false;
    std::string take;
    bool help = false;
};

// What the commands `conflicts` and `failures` have in common.
Status parse(const Arguments& arguments, po::options_description& options,
             const std::vector<std::string>& verbs, Request& into) {
    std::string state;
    options.add_options()("state", po::value(&state)->value_name("DIR"),
                          "where what was agreed on is kept (default: $XDG_STATE_HOME/syncline)");
    add_common_options(options, into.common);
    po::options_description hidden;
    std::vector<std::string> words;
    hidden.add_options()("word", po::value(&words));
    po::positional_options_description positional;
    positional.add("word", 4);
    po::variables_map vm;
    SYNCLINE_TRY(parse_arguments(arguments, options, hidden, positional, vm));
    if (vm.count("help") != 0) {
        std::cout << options << '\n';
        into.help = true;
        return {};
    }
    std::string all_verbs;
    for (const std::string& verb : verbs) {
        all_verbs += (all_verbs.empty() ? "" : ", ") + verb;
    }
    if (words.empty() || std::find(verbs.begin(), verbs.end(), words[0]) == verbs.end()) {
        const std::string near = words.empty() ? "" : nearest(words[0], verbs);
        return Status(Code::invalid_argument,
                      near.empty() ? "say what to do: " + all_verbs + "; see --help"
                                   : "'" + display_key(words[0]) + "' is none of " + all_verbs +
                                         "; did you mean '" + near + "'?");
    }
    if (vm.count("state") != 0 && state.empty()) {
        return Status(Code::invalid_argument, "--state needs a directory; it is empty");
    }
    if (words[0] == "list" && words.size() == 2) {
        return Status(Code::invalid_argument,
                      "'list' needs both SOURCE and TARGET, or neither; see --help");
    }
    into.verb = words[0];
    const bool names_sides = words.size() > 2;
    if (words.size() % 2 == 0) {
        into.key = words.back();
        if (into.key.empty()) {
            return Status(Code::invalid_argument, "KEY is empty; name an item as 'list' shows it");
        }
    }
    if (into.all && !into.key.empty()) {
        return Status(Code::invalid_argument, "give either KEY or --all, not both");
    }
    SyncPlace place;
    place.state_directory =
        state.empty() ? default_state_directory() : std::filesystem::absolute(state);
    if (names_sides) {
        place.source = words[1];
        place.target = words[2];
    } else {
        SYNCLINE_TRY(find_place(place.state_directory, std::nullopt, system_clock(), place));
    }
    into.spec.source = place.source;
    into.spec.target = place.target;
    into.spec.state_directory = place.state_directory;
    return {};
}

// The notes that are meant: the one of KEY, as it is or as it is shown, or all.
Result<std::vector<RunNote>> chosen(const Request& request, const std::vector<RunNote>& notes,
                                    std::string_view what) {
    if (request.key.empty()) {
        return notes;
    }
    std::vector<RunNote> found;
    std::vector<std::string> keys;
    for (const RunNote& note : notes) {
        keys.push_back(display_key(note.key));
        if (note.key == request.key || keys.back() == request.key) {
            found.push_back(note);
        }
    }
    if (!found.empty()) {
        return found;
    }
    const std::string near = nearest(request.key, keys);
    return Status(Code::not_found,
                  "'" + display_key(request.key) + "' is no " + std::string(what) +
                      " of the last run" +
                      (near.empty() ? "; see 'list'" : "; did you mean '" + near + "'?"));
}

// Runs over some of the inbox and says how that went.
int run_over(Request& request, ForegroundRun& run, const Inbox& inbox, const Selection& selection) {
    request.spec.rules.mode = inbox.mode;
    RunControl control = run.control();
    control.selection = &selection;
    return run.report(run_sync(run.services(), request.spec, control));
}

int list(const Request& request, const Inbox& inbox, const std::vector<RunNote>& notes,
         const char* name, const char* plural) {
    if (request.common.json()) {
        ordered_json json = {{"run", inbox.run_id},
                             {"source", display_key(inbox.source)},
                             {"target", display_key(inbox.target)},
                             {plural, ordered_json::array()}};
        for (const RunNote& note : notes) {
            json[plural].push_back(note_json(note));
        }
        std::cout << json.dump(2, ' ', false, ordered_json::error_handler_t::replace) << '\n';
        return exit_code::kInSync;
    }
    if (inbox.run_id == 0) {
        std::cout << "no run has finished yet\n";
        return exit_code::kInSync;
    }
    for (const RunNote& note : notes) {
        std::cout << note_line(note) << '\n';
    }
    std::cout << (notes.empty() ? std::string("no ") + plural : display_count(notes.size(), name))
              << " after run " << inbox.run_id << " (" << display_time(inbox.run_wall_ns) << ")\n";
    return exit_code::kInSync;
}

int show(const Request& request, ForegroundRun& run, const Inbox& inbox) {
    const Result<std::vector<RunNote>> notes = chosen(request, inbox.conflicts, "conflict");
    if (!notes.ok()) {
        return fail(Status(Code::invalid_argument, notes.status().message()));
    }
    const RunNote& note = notes->front();
    const Result<ConflictView> view =
        look_at_conflict(run.services(), request.spec, note, kShownBytes);
    if (!view.ok()) {
        return fail(view.status());
    }
    if (request.common.json()) {
        std::cout
            << view_json(note, *view).dump(2, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
    } else {
        print_view(std::cout, note, *view);
    }
    return exit_code::kInSync;
}

Status read_file(const std::string& path, Bytes& into) {
    std::error_code error;
    const std::filesystem::file_status there = std::filesystem::status(path, error);
    if (!std::filesystem::is_regular_file(there)) {
        const std::string what = std::filesystem::is_directory(there) ? "is a directory"
                                 : std::filesystem::exists(there)     ? "is no regular file"
                                                                      : "no such file";
        return Status(Code::invalid_argument,
                      "--take '" + display_key(path) + "': " + what +
                          "; use source, target, both, or the path of a file");
    }
    std::ifstream file(path, std::ios::binary);
    into.resize(kMostContent + 1);
    file.read(into.data(), static_cast<std::streamsize>(into.size()));
    if (file.bad() || (!file.eof() && file.fail())) {
        return Status(Code::invalid_argument,
                      "cannot read '" + display_key(path) + "'; check its permissions");
    }
    into.resize(static_cast<std::size_t>(file.gcount()));
    if (into.size() > kMostContent) {
        return Status(Code::invalid_argument, "'" + display_key(path) +
                                                  "' is larger than 64 MiB; put it on one side and "
                                                  "take that side");
    }
    return {};
}

// What takes a listing to be settled, and how to do it; empty for what can be settled alone.
std::string needs_whole_sync(const RunNote& note) {
    const std::string key = display_key(note.key);
    const std::string command =
        "syncline sync SOURCE TARGET --on-conflict '/" + key + ":source-wins'";
    if (keys_of(note).empty()) {
        return "'" + key + "' was renamed on both sides; settle it with a whole sync: " + command +
               " (target-wins: the name it has there)";
    }
    const bool differs_in_kind = note.code == name_of(ConflictKind::kind_differs);
    if (note.key.ends_with('/') && !differs_in_kind) {
        return "'" + key +
               "' is a directory, deleted on one side; settle it with all it holds: " + command +
               " --deleted-container conflict (or target-wins)";
    }
    if (note.key.ends_with('/') ||
        (differs_in_kind && (note.source_version.empty() || note.target_version.empty()))) {
        return "'" + key + "' is a directory on one side; settle it with all it holds: " + command +
               " (or target-wins)";
    }
    return {};
}

int resolve(Request& request, ForegroundRun& run, const Inbox& inbox) {
    if (request.key.empty() && !request.all) {
        return usage_error("'resolve' needs the KEY of a conflict, or --all; see 'conflicts list'");
    }
    if (request.take.empty()) {
        return usage_error("'resolve' needs --take source, target, both or the path of a file");
    }
    Selection selection;
    if (request.take == "source") {
        selection.take = Take::source;
    } else if (request.take == "target") {
        selection.take = Take::target;
    } else if (request.take == "both") {
        selection.take = Take::both;
        request.spec.strategies = {"keep-both"};
    } else {
        if (request.all) {
            return usage_error("one file cannot settle all conflicts; name the KEY of one");
        }
        selection.take = Take::content;
        const Status read = read_file(request.take, selection.content);
        if (!read.ok()) {
            return fail(read);
        }
    }
    const Result<std::vector<RunNote>> notes = chosen(request, inbox.conflicts, "conflict");
    if (!notes.ok()) {
        return fail(Status(Code::invalid_argument, notes.status().message()));
    }
    std::vector<RunNote> settled;
    for (const RunNote& note : *notes) {
        const std::string why = needs_whole_sync(note);
        if (why.empty()) {
            settled.push_back(note);
        } else {
            std::cerr << "syncline: " << why << '\n';
        }
    }
    if (settled.empty()) {
        if (notes->empty()) {
            std::cout << "no conflicts\n";
            return exit_code::kInSync;
        }
        return exit_code::kConflicts;
    }
    selection.seen = settled;
    for (const RunNote& note : settled) {
        std::ranges::copy(keys_of(note), std::back_inserter(selection.keys));
    }
    std::ranges::sort(selection.keys);
    const auto twice = std::ranges::unique(selection.keys);
    selection.keys.erase(twice.begin(), twice.end());
    request.spec.rules.delete_vs_change = DeleteVsChange::conflict; // the person decides
    const int code = run_over(request, run, inbox, selection);
    return code == exit_code::kInSync && settled.size() < notes->size() ? exit_code::kConflicts
                                                                        : code;
}

int retry_or_drop(Request& request, ForegroundRun& run, const Inbox& inbox) {
    const bool retry = request.verb == "retry";
    if (!retry && request.key.empty() && !request.all) {
        return usage_error("'drop' needs the KEY of a failure, or --all; see 'failures list'");
    }
    const Result<std::vector<RunNote>> notes = chosen(request, inbox.failures, "failure");
    if (!notes.ok()) {
        return fail(Status(Code::invalid_argument, notes.status().message()));
    }
    if (notes->empty()) {
        std::cout << "no failures\n";
        return exit_code::kInSync;
    }
    Selection selection;
    std::vector<Bytes>& keys = retry ? selection.keys : selection.dropped;
    for (const RunNote& note : *notes) {
        if (keys.empty() || keys.back() != note.key) {
            keys.push_back(note.key);
        }
    }
    return run_over(request, run, inbox, selection);
}

template <typename Act>
int with_inbox(const Request& request, const std::shared_ptr<Interrupts>& interrupts, Act&& act) {
    Result<std::unique_ptr<ForegroundRun>> run =
        ForegroundRun::start(request.common, interrupts, request.spec.workers);
    if (!run.ok()) {
        return fail(run.status());
    }
    const Result<Inbox> inbox =
        read_inbox((*run)->services().plugins, request.spec, system_clock());
    if (inbox.code() == Code::not_found) {
        return fail(Status(Code::invalid_config, inbox.status().message()));
    }
    return inbox.ok() ? act(**run, *inbox) : fail(inbox.status());
}

} // namespace

int conflicts_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    Request request;
    po::options_description options(
        "usage: syncline conflicts list SOURCE TARGET\n"
        "       syncline conflicts show SOURCE TARGET KEY\n"
        "       syncline conflicts resolve SOURCE TARGET KEY --take source|target|both|FILE\n"
        "       syncline conflicts resolve SOURCE TARGET --all --take source|target|both\n\n"
        "What the last run left because both sides changed. 'resolve' writes what you take to the\n"
        "other side (FILE: to both), unless a side changed since that run. SOURCE and TARGET can "
        "be\n"
        "left out where the state knows only one sync.\n\nOptions",
        100, 60);
    options.add_options()("take", po::value(&request.take)->value_name("WHAT"),
                          "source, target, both (keeps the loser under a conflict name), or a file "
                          "with the right content ('./source' for one of such a name)");
    options.add_options()("all", po::bool_switch(&request.all), "every conflict of the last run");
    const Status parsed = parse(arguments, options, {"list", "show", "resolve"}, request);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (request.help) {
        return exit_code::kInSync;
    }
    if (request.verb != "resolve" && (request.all || !request.take.empty())) {
        return usage_error("--all and --take belong to 'resolve'");
    }
    if ((request.verb == "show") == request.key.empty() && request.verb != "resolve") {
        return usage_error(request.verb == "show"
                               ? "'show' needs the KEY of a conflict; see 'conflicts list'"
                               : "'list' takes no KEY; use 'conflicts show'");
    }
    return with_inbox(request, interrupts, [&](ForegroundRun& run, const Inbox& inbox) {
        return request.verb == "list"
                   ? list(request, inbox, inbox.conflicts, "conflict", "conflicts")
               : request.verb == "show" ? show(request, run, inbox)
                                        : resolve(request, run, inbox);
    });
}

int failures_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    Request request;
    po::options_description options(
        "usage: syncline failures list SOURCE TARGET\n"
        "       syncline failures retry SOURCE TARGET [KEY]\n"
        "       syncline failures drop SOURCE TARGET KEY | --all\n\n"
        "Items that the last run could not bring over. 'retry' tries them now, without listing "
        "the\n"
        "rest; every sync tries them too. 'drop' takes them off the list.\n\nOptions",
        100, 60);
    options.add_options()("all", po::bool_switch(&request.all), "every failure of the last run");
    const Status parsed = parse(arguments, options, {"list", "retry", "drop"}, request);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (request.help) {
        return exit_code::kInSync;
    }
    if (request.verb == "list" && (request.all || !request.key.empty())) {
        return usage_error("'list' takes neither KEY nor --all");
    }
    return with_inbox(request, interrupts, [&](ForegroundRun& run, const Inbox& inbox) {
        return request.verb == "list" ? list(request, inbox, inbox.failures, "failure", "failures")
                                      : retry_or_drop(request, run, inbox);
    });
}

} // namespace syncline::host
