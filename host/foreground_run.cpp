#include "foreground_run.hpp"

#include "report_text.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/operation_json.hpp"

#include <iostream>
#include <nlohmann/json.hpp>

namespace syncline::host {

namespace {

constexpr RunId kOnlyRun = 1; // of this process

} // namespace

ForegroundRun::ForegroundRun(const CommonOptions& options,
                             const std::shared_ptr<Interrupts>& interrupts)
    : json_(options.json()), interrupts_(interrupts) {}

Result<std::unique_ptr<ForegroundRun>>
ForegroundRun::start(const CommonOptions& options, const std::shared_ptr<Interrupts>& interrupts,
                     std::size_t workers) {
    std::unique_ptr<ForegroundRun> run(new ForegroundRun(options, interrupts));
    Result<std::unique_ptr<PluginRegistry>> plugins = open_plugins(options);
    if (!plugins.ok()) {
        return plugins.status();
    }
    run->plugins_ = *std::move(plugins);
    Result<std::unique_ptr<Engine>> engine =
        Engine::start(interrupts, workers, !options.verbose, system_clock());
    if (!engine.ok()) {
        return engine.status();
    }
    run->engine_ = *std::move(engine);
    Result<std::unique_ptr<RunFeed>> feed = run->engine_->progress().open(kOnlyRun, run->progress_);
    if (!feed.ok()) {
        return feed.status();
    }
    run->feed_ = *std::move(feed);
    return run;
}

RunServices ForegroundRun::services() {
    return {*plugins_, engine_->pool(), progress_, system_clock()};
}

RunControl ForegroundRun::control() const {
    RunControl control;
    control.drain = interrupts_->drain_token();
    control.stop = interrupts_->stop_token();
    return control;
}

void ForegroundRun::show_operations(RunControl& control) {
    shows_operations_ = true;
    if (json_) {
        std::cout << "{\n\"operations\": [";
    }
    control.show = [this](const PlannedOp& op) {
        if (!shown_one_) {
            end_progress_view();
        }
        if (json_) {
            std::cout << (shown_one_ ? ",\n  " : "\n  ")
                      << operation_json(op).dump(-1, ' ', false,
                                                 nlohmann::json::error_handler_t::replace);
        } else {
            std::cout << op_line(op) << '\n';
        }
        shown_one_ = true;
    };
}

void ForegroundRun::finish(const Status& status) {
    feed_->finish(status);
    end_progress_view(); // off the screen before anything else is printed
}

int ForegroundRun::exit_code_of(const SyncReport& report) const {
    const bool interrupted = report.interrupted || report.error.code() == Code::cancelled;
    return interrupted ? interrupts_->exit_code() : syncline::exit_code_of(report);
}

int ForegroundRun::report(const SyncReport& report) {
    finish(report.error);
    const int code = exit_code_of(report);
    if (json_) {
        if (shows_operations_) {
            std::cout << "\n],\n";
            if (!report.error.ok()) {
                std::cout << "\"error\": " << error_object(report.error).dump() << ",\n";
            }
            std::cout << "\"report\": ";
        }
        std::cout << report_json(report, code) << (shows_operations_ ? "}\n" : "\n");
    } else if (report.error.ok()) {
        print_summary(std::cout, report);
        if (!shows_operations_) {
            print_items(std::cout, report);
        }
    }
    std::cout.flush();
    if (!report.error.ok()) {
        complain(report.error);
    } else {
        print_messages(std::cerr, report);
    }
    return code;
}

} // namespace syncline::host
