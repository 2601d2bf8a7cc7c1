// What the commands that plan a sync have in common: their options, and how a run is shown.
#pragma once

#include "command_line.hpp"
#include "commands.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace syncline::host {

struct SyncOptions {
    CommonOptions common;
    SyncSpec spec;
    bool dry_run = false;
    bool help = false;          // was asked for and printed
    std::filesystem::path out;  // plan: the file to write; empty: none
    std::filesystem::path plan; // apply: the file to carry out
    Bytes key;                  // explain
};

// Which command is parsed: its name decides about the words it takes and the options it has.
enum class SyncCommand : std::uint8_t { sync, plan, explain };

Status parse_sync_options(const Arguments& arguments, SyncCommand command, SyncOptions& into);

// Runs and prints plan, report and messages; the exit code.
int run_and_report(SyncOptions& options, bool show_plan,
                   const std::shared_ptr<Interrupts>& interrupts);

} // namespace syncline::host
