// Include and exclude rules in a file, one a line:
//
//     # what the build makes
//     - /build/
//     - *.tmp
//     + important.tmp
//
// `+ GLOB` includes, `- GLOB` excludes, with the globs of KeyFilter. Blank lines and lines that
// begin with '#' say nothing. Blanks at the end of a line do not belong to the glob unless a
// backslash stands before them.
//
// Errors: Code::invalid_config, naming the file and the line.
#pragma once

#include "syncline/reconcile/rules.hpp"

#include <filesystem>
#include <string_view>
#include <vector>

namespace syncline {

// In the order of the file; each rule's origin is FILE:LINE. At most 1 MiB.
Result<std::vector<FilterRule>> read_rules_file(const std::filesystem::path& file);

// The same of text that is there already; `name` is what origins and errors call it.
Result<std::vector<FilterRule>> parse_rules(std::string_view text, const std::string& name);

} // namespace syncline
