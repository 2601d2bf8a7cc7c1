// What the commands that look at one sync share: its two sides, --state, and how a report of them
// ends.
#pragma once

#include "command_line.hpp"
#include "commands.hpp"
#include "syncline/orchestrate/going_back.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace syncline::host {

struct PlaceOptions {
    // `usage`: what follows "syncline ", such as "history SOURCE TARGET".
    explicit PlaceOptions(const std::string& usage);

    CommonOptions common;
    po::options_description options; // add a command's own before parsing
    po::variables_map vm;
    SyncPlace place;
    std::vector<std::string> more; // words after the two sides
    bool help = false;             // was asked for and printed

    // `words`: the names of the words after the sides; all are needed. The sides are not.
    Status parse(const Arguments& arguments, const std::vector<std::string>& words);
    // Finds out which sides are meant if they were left out: those of the run, if one was named.
    Status complete(std::optional<std::int64_t> run);

private:
    std::string command_;
    std::string state_;
};

// A run's number as a person types it.
Status parse_run(const std::string& text, std::int64_t& into);

} // namespace syncline::host
