// The program's commands. Each takes what follows its name and returns the exit code.
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace syncline::host {

class Interrupts;
using Arguments = std::vector<std::string>;

int sync_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int plan_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int apply_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int explain_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int conflicts_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int failures_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int history_command(const Arguments& arguments);
int undo_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int restore_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int verify_command(const Arguments& arguments, const std::shared_ptr<Interrupts>& interrupts);
int plugin_command(const Arguments& arguments);
int version_command(const Arguments& arguments);
int help_command(const Arguments& arguments);

} // namespace syncline::host
