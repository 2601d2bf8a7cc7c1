#include "syncline/orchestrate/verify.hpp"
#include "commands.hpp"
#include "foreground_run.hpp"
#include "place_options.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"
#include "syncline/orchestrate/exit_code.hpp"

#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

namespace syncline::host {

namespace {

using nlohmann::ordered_json;

constexpr std::size_t kWorkers = 2;

std::string dump(const ordered_json& json, int indent) {
    return json.dump(indent, ' ', false, ordered_json::error_handler_t::replace);
}

void print(const Difference& difference, bool json, bool first) {
    if (!json) {
        std::cout << std::left << std::setw(12) << name_of(difference.kind)
                  << display_key(difference.key) << "  (" << display_line(difference.message)
                  << ")\n";
        return;
    }
    ordered_json entry;
    put_bytes(entry, "key", difference.key);
    entry["difference"] = name_of(difference.kind);
    entry["message"] = difference.message;
    std::cout << (first ? "\n  " : ",\n  ") << dump(entry, -1);
}

void print_end(const VerifyReport& report, bool json, int code) {
    if (!json) {
        if (report.error.ok()) {
            std::cout << display_count(report.items, "item") << " compared, "
                      << display_size(report.bytes) << " read in "
                      << display_duration_ms(report.duration_ms) << ": "
                      << (report.differences == 0 ? "no difference"
                                                  : display_count(report.differences, "difference"))
                      << (report.unread > 0
                              ? ", " + std::to_string(report.unread) + " could not be compared"
                              : "")
                      << '\n';
        }
        return;
    }
    ordered_json out;
    out["source"] = report.source;
    out["target"] = report.target;
    out["has_run"] = report.has_run;
    out["has_base"] = report.has_base;
    out["items"] = report.items;
    out["bytes"] = report.bytes;
    out["differences"] = report.differences;
    out["unread"] = report.unread;
    out["duration_ms"] = report.duration_ms;
    out["exit_code"] = code;
    if (!report.error.ok()) {
        out["error"] = {{"code", name_of(report.error.code())},
                        {"message", report.error.message()}};
    }
    std::cout << "\n],\n\"report\": " << dump(out, 2) << "}\n";
}

int code_of(const VerifyReport& report, const Interrupts& interrupts) {
    if (!report.error.ok()) {
        return report.error.code() == Code::cancelled ? interrupts.exit_code()
                                                      : exit_code_of(report.error);
    }
    return report.differences > 0 ? exit_code::kDifferences
           : report.unread > 0    ? exit_code::kItemsFailed
                                  : exit_code::kInSync;
}

Status parse_mode(const std::string& text, Mode& into) {
    for (const Mode mode : {Mode::two_way, Mode::one_way, Mode::mirror}) {
        if (text == name_of(mode)) {
            into = mode;
            return {};
        }
    }
    return Status(Code::invalid_argument, "'" + display_key(text) +
                                              "' is no value of --mode; use two-way, one-way or "
                                              "mirror");
}

} // namespace

int verify_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts) {
    PlaceOptions options("verify SOURCE TARGET");
    std::string mode = "two-way";
    options.options.add_options()("mode", po::value(&mode)->value_name("MODE")->default_value(mode),
                                  "as for sync; in one-way mode the target may have more")(
        "include", po::value<std::vector<std::string>>()->value_name("GLOB")->composing(),
        "as for sync (repeatable)")(
        "exclude", po::value<std::vector<std::string>>()->value_name("GLOB")->composing(),
        "as for sync (repeatable)")("rules",
                                    po::value<std::vector<std::string>>()->value_name("FILE"),
                                    "as for sync (repeatable)");
    VerifySpec spec;
    Status parsed = options.parse(arguments, {});
    if (parsed.ok()) {
        parsed = parse_mode(mode, spec.rules.mode);
    }
    if (parsed.ok()) {
        parsed = parse_globs(arguments, options.options, spec.rules.filter);
    }
    if (parsed.ok() && !options.help) {
        parsed = options.complete(std::nullopt);
    }
    if (!parsed.ok()) {
        return fail(parsed);
    }
    if (options.help) {
        return exit_code::kInSync;
    }
    spec.place = options.place;
    spec.workers = kWorkers;
    Result<std::unique_ptr<ForegroundRun>> run =
        ForegroundRun::start(options.common, interrupts, kWorkers);
    if (!run.ok()) {
        return fail(run.status());
    }
    const bool json = options.common.json();
    bool first = true;
    std::cout << (json ? "{\n\"differences\": [" : "");
    std::stop_source either; // nothing is changed, so an interruption may end it at once
    const std::stop_callback on_drain(interrupts->drain_token(),
                                      [&either] { either.request_stop(); });
    const VerifyReport report = verify_sync((*run)->services(), spec,
                                            [&](const Difference& difference) {
                                                if (first) {
                                                    (*run)->end_progress_view();
                                                }
                                                print(difference, json, first);
                                                first = false;
                                            },
                                            either.get_token());
    (*run)->finish(report.error);
    const int code = code_of(report, *interrupts);
    print_end(report, json, code);
    std::cout.flush();
    if (!report.error.ok()) {
        fail(report.error);
    } else if (!report.has_run) {
        std::cerr << "syncline: no run of a sync of '" << display_key(report.source) << "' and '"
                  << display_key(report.target)
                  << "' is known, so they were compared with each other only; check the order of "
                     "the sides, and --state\n";
    }
    return code;
}

} // namespace syncline::host
