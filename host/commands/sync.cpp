#include "commands/sync_options.hpp"

#include "bandwidth.hpp"
#include "foreground_run.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <charconv>
#include <iostream>
#include <map>
#include <sstream>

namespace syncline::host {

namespace {

std::vector<std::string> split(const std::string& text, char at) {
    std::vector<std::string> parts;
    std::stringstream in(text);
    for (std::string part; std::getline(in, part, at);) {
        parts.push_back(part);
    }
    return parts;
}

template <typename Value>
Status choose(const char* option, const std::string& text,
              const std::map<std::string, Value>& choices, Value& into) {
    if (const auto found = choices.find(text); found != choices.end()) {
        into = found->second;
        return {};
    }
    std::vector<std::string> names;
    std::string all;
    for (const auto& [name, unused] : choices) {
        names.push_back(name);
        all += (all.empty() ? "" : ", ") + name;
    }
    const std::string near = nearest(text, names);
    return Status(Code::invalid_argument,
                  "'" + display_key(text) + "' is no value of --" + option +
                      (near.empty() ? "; use one of: " + all : "; did you mean '" + near + "'?"));
}

Status parse_max_delete(const std::string& text, MaxDelete& into) {
    std::string_view digits = text;
    into.percent = digits.ends_with('%');
    if (into.percent) {
        digits.remove_suffix(1);
    }
    into.at_least = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), into.value);
    if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
        (into.percent && into.value > 100)) {
        return Status(
            Code::invalid_argument,
            "'" + display_key(text) +
                "' is no value of --max-delete; use a number such as 100, or a share such as 20%");
    }
    return {};
}

Status parse_force(const std::string& text, Force& into) {
    const std::vector<std::string> known{"deletions", "emptied", "identity"};
    for (const std::string& part : split(text, ',')) {
        if (part == "deletions") {
            into.deletions = true;
        } else if (part == "emptied") {
            into.emptied = true;
        } else if (part == "identity") {
            into.identity = true;
        } else {
            const std::string near = nearest(part, known);
            return Status(Code::invalid_argument,
                          "'" + display_key(part) + "' is no value of --force" +
                              (near.empty() ? "; use deletions, emptied, identity"
                                            : "; did you mean '" + near + "'?"));
        }
    }
    return {};
}

Status parse_chains(const std::vector<std::string>& texts, SyncSpec& into) {
    for (const std::string& text : texts) {
        Result<ChainSpec> chain = parse_chain(text);
        if (!chain.ok()) {
            return chain.status().with_context("--on-conflict");
        }
        if (!chain->pattern.empty()) {
            into.pattern_strategies.push_back(*std::move(chain));
        } else if (into.strategies.empty()) {
            into.strategies = std::move(chain->strategies);
        } else {
            return Status(Code::invalid_argument,
                          "--on-conflict was given twice without a pattern; put one in front of "
                          "one of them, as in '*.md:merge-text', or name all strategies in one");
        }
    }
    return {};
}

Status parse_marker(const std::string& text, Bytes& into) {
    const std::filesystem::path path(text);
    const bool goes_up = std::find(path.begin(), path.end(), "..") != path.end();
    if (text.empty() || path.is_absolute() || goes_up) {
        return Status(Code::invalid_argument,
                      "'" + display_key(text) +
                          "' is no value of --marker; name a file that is on both sides, such as "
                          ".syncline-here");
    }
    into = path.lexically_normal().native();
    return {};
}

} // namespace

Status parse_sync_options(const Arguments& arguments, SyncCommand command, SyncOptions& into) {
    const bool explains = command == SyncCommand::explain;
    const std::string name = explains ? "explain" : command == SyncCommand::plan ? "plan" : "sync";
    po::options_description options(
        "usage: syncline " + name + " SOURCE TARGET " + (explains ? "KEY " : "") +
            "[options]\n\nSOURCE and TARGET are directories or endpoint URLs." +
            (explains ? "\nKEY is a path as it is named on both sides, such as docs/a.txt." : "") +
            "\n\nOptions",
        100, 60);
    Arguments words = arguments;
    std::string mode = "two-way";
    std::string delete_vs_change = "keep-change";
    std::string deleted_container = "restore-all";
    std::vector<std::string> chains;
    std::string state;
    std::vector<std::string> ignored_globs;
    auto add = options.add_options();
    add("mode", po::value(&mode)->value_name("MODE")->default_value(mode),
        "two-way, one-way or mirror");
    add("on-conflict", po::value(&chains)->value_name("[GLOB:]STRATEGY[,...]")->composing(),
        "who wins when both sides changed: the first that decides. Without it conflicts are left "
        "for you (manual). With a pattern, for the items it covers; of several the last that "
        "matches counts (repeatable). Options as in a URL: 'keep-both?loser=newer'");
    add("delete-vs-change",
        po::value(&delete_vs_change)->value_name("POLICY")->default_value(delete_vs_change),
        "deleted here, changed there: keep-change, conflict or delete-wins");
    add("deleted-container",
        po::value(&deleted_container)->value_name("POLICY")->default_value(deleted_container),
        "directory deleted here, changed inside there: restore-all, restore-changed or conflict");
    add("max-delete", po::value<std::string>()->value_name("N|N%"),
        "stop if more would be deleted on a side (default: more than 50% and at least 5 items)");
    add("force",
        po::value<std::string>()
            ->implicit_value("deletions,emptied,identity")
            ->value_name("GUARD[,...]"),
        "override guards: deletions, emptied, identity; all three without a value");
    add("include", po::value<std::vector<std::string>>()->value_name("GLOB")->composing(),
        "take part after all; of --include and --exclude the last that matches decides "
        "(repeatable)");
    add("exclude", po::value<std::vector<std::string>>()->value_name("GLOB")->composing(),
        "take no part: '*.tmp', '/build/', '**/cache/' (repeatable)");
    add("rules", po::value<std::vector<std::string>>()->value_name("FILE")->composing(),
        "more of them from a file, one a line: '+ GLOB' includes, '- GLOB' excludes, '#' comments "
        "(repeatable)");
    add("marker", po::value<std::string>()->value_name("KEY"),
        "stop unless this file is on both sides, so that a place that is not mounted is noticed");
    add("state", po::value(&state)->value_name("DIR"),
        "where to keep what was agreed on (default: $XDG_STATE_HOME/syncline)");
    add("workers", po::value(&into.spec.workers)->value_name("N")->default_value(2),
        "operations at the same time, 1 to 64");
    add("bwlimit", po::value<std::string>()->value_name("RATE"),
        "copy at most so many bytes per second, such as 500K, 10M or 1.5G");
    bool no_archive = false;
    bool archive_remote = false;
    if (command == SyncCommand::sync) {
        add("dry-run", po::bool_switch(&into.dry_run), "only show what would be done");
        add("no-archive", po::bool_switch(&no_archive),
            "do not keep what is overwritten or deleted (see 'syncline undo --help')");
        add("archive-remote", po::bool_switch(&archive_remote),
            "keep it even where it must be fetched first");
    }
    if (command == SyncCommand::plan) {
        add("out", po::value<std::string>()->value_name("FILE"),
            "also write the plan to this file, for 'syncline apply FILE'");
    }
    add_common_options(options, into.common);

    po::options_description hidden;
    std::vector<std::string> sides;
    hidden.add_options()("side", po::value(&sides));
    po::positional_options_description positional;
    positional.add("side", explains ? 3 : 2);

    po::variables_map vm;
    for (std::string& argument : words) {
        if (argument == "--force") {
            argument = "--force=deletions,emptied,identity"; // a side may follow, which is no value
        }
    }
    SYNCLINE_TRY(parse_arguments(words, options, hidden, positional, vm));
    if (vm.count("help") != 0) {
        std::cout << options << '\n';
        into.help = true;
        return {};
    }
    if (sides.size() != (explains ? 3U : 2U)) {
        return Status(Code::invalid_argument, "'syncline " + name + "' needs two sides" +
                                                  (explains ? " and a key: SOURCE, TARGET and KEY"
                                                            : ": SOURCE and TARGET") +
                                                  "; see --help");
    }
    if (explains) {
        into.key = sides[2];
    }
    into.spec.source = sides[0];
    into.spec.target = sides[1];
    if (into.spec.workers < 1 || into.spec.workers > 64) {
        return Status(Code::invalid_argument, "--workers takes a number from 1 to 64");
    }
    Rules& rules = into.spec.rules;
    SYNCLINE_TRY(choose<Mode>(
        "mode", mode,
        {{"two-way", Mode::two_way}, {"one-way", Mode::one_way}, {"mirror", Mode::mirror}},
        rules.mode));
    SYNCLINE_TRY(choose<DeleteVsChange>("delete-vs-change", delete_vs_change,
                                        {{"keep-change", DeleteVsChange::keep_change},
                                         {"conflict", DeleteVsChange::conflict},
                                         {"delete-wins", DeleteVsChange::delete_wins}},
                                        rules.delete_vs_change));
    SYNCLINE_TRY(choose<DeletedContainer>("deleted-container", deleted_container,
                                          {{"restore-all", DeletedContainer::restore_all},
                                           {"restore-changed", DeletedContainer::restore_changed},
                                           {"conflict", DeletedContainer::conflict}},
                                          rules.deleted_container));
    if (vm.count("max-delete") != 0) {
        SYNCLINE_TRY(parse_max_delete(vm["max-delete"].as<std::string>(), rules.max_delete));
    }
    if (vm.count("force") != 0) {
        SYNCLINE_TRY(parse_force(vm["force"].as<std::string>(), rules.force));
    }
    if (vm.count("bwlimit") != 0) {
        const Result<std::uint64_t> rate = parse_rate(vm["bwlimit"].as<std::string>());
        if (!rate.ok()) {
            return rate.status().with_context("--bwlimit");
        }
        into.spec.bytes_per_s = *rate;
    }
    if (vm.count("marker") != 0) {
        SYNCLINE_TRY(parse_marker(vm["marker"].as<std::string>(), rules.marker));
    }
    if (vm.count("out") != 0) {
        into.out = vm["out"].as<std::string>();
        if (!into.out.has_filename()) {
            return Status(Code::invalid_argument, "--out needs the name of a file to write");
        }
    }
    SYNCLINE_TRY(parse_globs(words, options, rules.filter));
    if (no_archive && archive_remote) {
        return Status(Code::invalid_argument,
                      "--no-archive and --archive-remote exclude each other; use one of them");
    }
    into.spec.archiving = no_archive       ? Archiving::off
                          : archive_remote ? Archiving::all
                                           : Archiving::local;
    SYNCLINE_TRY(parse_chains(chains, into.spec));
    if (vm.count("state") != 0 && state.empty()) {
        return Status(Code::invalid_argument, "--state needs a directory; it is empty");
    }
    into.spec.state_directory =
        state.empty() ? default_state_directory() : std::filesystem::absolute(state);
    return {};
}

int run_and_report(SyncOptions& options, bool show_plan,
                   const std::shared_ptr<Interrupts>& interrupts) {
    Result<std::unique_ptr<ForegroundRun>> run =
        ForegroundRun::start(options.common, interrupts, options.spec.workers);
    if (!run.ok()) {
        return fail(run.status());
    }
    RunControl control = (*run)->control();
    control.dry_run = options.dry_run;
    control.write_plan = options.out;
    control.apply_plan = options.plan;
    if (show_plan) {
        (*run)->show_operations(control);
    }
    const SyncReport report = run_sync((*run)->services(), options.spec, control);
    const int code = (*run)->report(report);
    if (report.error.ok() && !options.out.empty()) {
        const std::string file = display_key(options.out.native());
        std::cerr << (report.plan_id.empty()
                          ? "syncline: no plan was written, since a guard stopped it\n"
                          : "syncline: the plan is in " + file +
                                "; read it, delete lines you do not want, then 'syncline apply " +
                                file + "'\n");
    }
    return code;
}

int sync_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    SyncOptions options;
    const Status parsed = parse_sync_options(arguments, SyncCommand::sync, options);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    return options.help ? 0 : run_and_report(options, options.dry_run, interrupts);
}

int plan_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    SyncOptions options;
    const Status parsed = parse_sync_options(arguments, SyncCommand::plan, options);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    options.dry_run = true;
    return options.help ? 0 : run_and_report(options, true, interrupts);
}

} // namespace syncline::host
