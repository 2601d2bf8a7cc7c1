// A run in the foreground of this process: the plugins, the engine and the progress that it needs,
// and how it is told to people and programs.
//
//   auto run = ForegroundRun::start(options.common, interrupts, workers);
//   ...
//   RunControl control = run->control();
//   run->show_operations(control);
//   return run->report(run_sync(run->services(), spec, control));
#pragma once

#include "command_line.hpp"
#include "engine.hpp"
#include "interrupts.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <memory>

namespace syncline::host {

class ForegroundRun {
public:
    // Loads the plugins and starts the engine, or an error says what could not be done.
    static Result<std::unique_ptr<ForegroundRun>>
    start(const CommonOptions& options, const std::shared_ptr<Interrupts>& interrupts,
          std::size_t workers);
    ForegroundRun(const ForegroundRun&) = delete;
    ForegroundRun& operator=(const ForegroundRun&) = delete;

    RunServices services();
    RunControl control() const; // ended by the signals

    // Prints every operation as it is read from the plan, so that a plan of any length needs no
    // memory. The report is to follow. `control` must not outlive this.
    void show_operations(RunControl& control);

    // What is printed now is not painted over by the progress.
    void end_progress_view() { engine_->end_progress_view(); }
    // The end of the run for those who watch it.
    void finish(const Status& status);

    int report(const SyncReport& report); // ends the run and prints how it went; the exit code
    // The one by which the signal says how the run ended, if one did.
    int exit_code_of(const SyncReport& report) const;

private:
    ForegroundRun(const CommonOptions& options, const std::shared_ptr<Interrupts>& interrupts);

    const bool json_;
    const std::shared_ptr<Interrupts> interrupts_;
    std::unique_ptr<PluginRegistry> plugins_;
    std::unique_ptr<Engine> engine_;
    RunProgress progress_;
    std::unique_ptr<RunFeed> feed_;
    bool shows_operations_ = false;
    bool shown_one_ = false;
};

} // namespace syncline::host
