#include "commands/sync_options.hpp"

#include "interrupts.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/plan_file.hpp"

#include <iostream>

namespace syncline::host {

int apply_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    SyncOptions options;
    std::string state;
    po::options_description described(
        "usage: syncline apply PLAN [options]\n\nCarries out the plan that 'syncline plan --out "
        "PLAN' wrote, less the lines that were\ndeleted from it. What changed since it was made is "
        "left as it is and reported.\n\nOptions",
        100, 60);
    auto add = described.add_options();
    add("dry-run", po::bool_switch(&options.dry_run),
        "only show what would be done, and what would be left");
    add("state", po::value(&state)->value_name("DIR"),
        "the state directory that the plan was made with (default: $XDG_STATE_HOME/syncline)");
    add("workers", po::value(&options.spec.workers)->value_name("N")->default_value(2),
        "operations at the same time, 1 to 64");
    bool no_archive = false;
    add("no-archive", po::bool_switch(&no_archive),
        "do not keep what is overwritten or deleted (see 'syncline undo --help')");
    add_common_options(described, options.common);
    po::options_description hidden;
    std::vector<std::string> words;
    hidden.add_options()("plan", po::value(&words));
    po::positional_options_description positional;
    positional.add("plan", 1);
    po::variables_map vm;
    const Status parsed = parse_arguments(arguments, described, hidden, positional, vm);
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (vm.count("help") != 0) {
        std::cout << described << '\n';
        return exit_code::kInSync;
    }
    if (words.size() != 1 || words[0].empty()) {
        return usage_error("'syncline apply' needs a plan: the file that 'syncline plan --out' "
                           "wrote; see --help");
    }
    if (options.spec.workers < 1 || options.spec.workers > 64) {
        return usage_error("--workers takes a number from 1 to 64");
    }
    if (vm.count("state") != 0 && state.empty()) {
        return usage_error("--state needs a directory; it is empty");
    }
    if (no_archive) {
        options.spec.archiving = Archiving::off;
    }
    options.plan = words[0];
    options.spec.state_directory =
        state.empty() ? default_state_directory() : std::filesystem::absolute(state);
    const Result<std::unique_ptr<PlanFileReader>> plan = PlanFileReader::open(options.plan);
    if (!plan.ok()) {
        return fail(plan.status());
    }
    const PlanHeader& header = (*plan)->header();
    options.spec.source = header.source;
    options.spec.target = header.target;
    options.spec.rules.mode = header.mode;
    options.spec.rules.marker = header.marker;
    return run_and_report(options, options.dry_run, interrupts);
}

} // namespace syncline::host
