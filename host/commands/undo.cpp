// `syncline undo` and `syncline restore`: both end in a run that is reported like any other.
#include "commands.hpp"
#include "foreground_run.hpp"
#include "place_options.hpp"
#include "report_text.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace syncline::host {

namespace {

constexpr std::size_t kWorkers = 2;

using GoBack = std::function<SyncReport(const RunServices&, const RunControl&)>;

int go_back(const PlaceOptions& options, bool dry_run,
            const std::shared_ptr<Interrupts>& interrupts, const GoBack& go) {
    Result<std::unique_ptr<ForegroundRun>> run =
        ForegroundRun::start(options.common, interrupts, kWorkers);
    if (!run.ok()) {
        return fail(run.status());
    }
    RunControl control = (*run)->control();
    control.dry_run = dry_run;
    if (dry_run) {
        (*run)->show_operations(control);
    }
    return (*run)->report(go((*run)->services(), control));
}

Status parse_force(const std::string& text, UndoSpec& into) {
    std::stringstream in(text);
    for (std::string part; std::getline(in, part, ',');) {
        if (part == "deletions") {
            into.force_deletions = true;
        } else if (part == "identity") {
            into.force_identity = true;
        } else {
            return Status(Code::invalid_argument, "'" + display_key(part) +
                                                      "' is no value of --force for an undo; use "
                                                      "deletions or identity");
        }
    }
    return {};
}

} // namespace

int undo_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    PlaceOptions options("undo SOURCE TARGET RUN");
    bool dry_run = false;
    std::string force;
    options.options.add_options()("dry-run", po::bool_switch(&dry_run),
                                  "only show what would be done")(
        "force", po::value(&force)->implicit_value("deletions,identity")->value_name("GUARD[,...]"),
        "override guards: deletions, identity; both without a value");
    Arguments words = arguments;
    for (std::string& argument : words) {
        if (argument == "--force") {
            argument = "--force=deletions,identity"; // a side may follow, which is no value
        }
    }
    UndoSpec spec;
    Status parsed = options.parse(words, {"the number of a RUN"});
    if (parsed.ok() && !options.help) {
        parsed = parse_run(options.more[0], spec.run);
    }
    if (parsed.ok()) {
        parsed = parse_force(force, spec);
    }
    if (parsed.ok() && !options.help) {
        parsed = options.complete(spec.run);
    }
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (options.help) {
        return exit_code::kInSync;
    }
    spec.place = options.place;
    spec.workers = kWorkers;
    return go_back(options, dry_run, interrupts,
                   [&](const RunServices& services, const RunControl& control) {
                       return undo_run(services, spec, control);
                   });
}

int restore_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    PlaceOptions options("restore SOURCE TARGET KEY");
    std::string run;
    std::string side;
    std::string file;
    options.options.add_options()(
        "run", po::value(&run)->value_name("RUN"),
        "as it was before this run (default: the last run that overwrote or deleted it)")(
        "side", po::value(&side)->value_name("SIDE"),
        "as it was on source or target (default: the side that the run wrote)")(
        "to", po::value(&file)->value_name("FILE"),
        "write it to this new file, instead of back to its place");
    RestoreSpec spec;
    Status parsed = options.parse(arguments, {"a KEY"});
    if (parsed.ok() && options.vm.count("run") != 0) {
        parsed = parse_run(run, spec.run.emplace());
    }
    if (parsed.ok() && options.vm.count("side") != 0) {
        if (side != "source" && side != "target") {
            parsed = Status(Code::invalid_argument,
                            "'" + display_key(side) + "' is no side; use source or target");
        }
        spec.side = side == "source" ? Side::source : Side::target;
    }
    if (parsed.ok() && !options.help && options.more[0].empty()) {
        parsed = Status(Code::invalid_argument, "KEY is empty; name an item as history shows it");
    }
    if (parsed.ok() && !options.help) {
        parsed = options.complete(spec.run);
    }
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (options.help) {
        return exit_code::kInSync;
    }
    spec.place = options.place;
    spec.key = options.more[0];
    spec.workers = kWorkers;
    if (options.vm.count("to") == 0) {
        return go_back(options, false, interrupts,
                       [&](const RunServices& services, const RunControl& control) {
                           return restore_item(services, spec, control);
                       });
    }
    Result<std::unique_ptr<PluginRegistry>> plugins = open_plugins(options.common);
    if (!plugins.ok()) {
        return fail(plugins.status());
    }
    const Result<RestoredFile> restored =
        restore_to_file(**plugins, spec, file, system_clock(), interrupts->stop_token());
    if (!restored.ok()) {
        return fail(restored.status());
    }
    if (options.common.json()) {
        nlohmann::ordered_json json;
        json["run"] = restored->run;
        json["side"] = name_of(restored->side);
        json["size"] = restored->size;
        std::cout << json.dump(2) << '\n';
    } else {
        std::cout << display_key(file) << ": " << display_size(restored->size) << ", as it was on "
                  << name_of(restored->side) << " before run " << restored->run << '\n';
    }
    return exit_code::kInSync;
}

} // namespace syncline::host
