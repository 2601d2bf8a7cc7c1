#include "place_options.hpp"

#include "syncline/core/clock.hpp"
#include "syncline/core/text.hpp"

#include <charconv>
#include <iostream>
#include <utility>

namespace syncline::host {

PlaceOptions::PlaceOptions(const std::string& usage)
    : options("usage: syncline " + usage +
                  " [options]\n\nSOURCE and TARGET as for 'syncline sync', in that order. They can "
                  "be left out "
                  "where the state knows\nonly one sync, or a run is named.\n\nOptions",
              100, 60),
      command_(usage.substr(0, usage.find(' '))) {
    options.add_options()("state", po::value(&state_)->value_name("DIR"),
                          "where the sync's state is (default: $XDG_STATE_HOME/syncline)");
}

Status PlaceOptions::parse(const Arguments& arguments, const std::vector<std::string>& words) {
    add_common_options(options, common);
    po::options_description hidden;
    std::vector<std::string> given;
    hidden.add_options()("word", po::value(&given));
    po::positional_options_description positional;
    positional.add("word", static_cast<int>(2 + words.size()));
    SYNCLINE_TRY(parse_arguments(arguments, options, hidden, positional, vm));
    if (vm.count("help") != 0) {
        std::cout << options << '\n';
        help = true;
        return {};
    }
    if (given.size() != 2 + words.size() && given.size() != words.size()) {
        std::string wanted = "SOURCE and TARGET";
        if (!words.empty()) {
            wanted = "SOURCE, TARGET";
            for (std::size_t i = 0; i < words.size(); ++i) {
                wanted += (i + 1 == words.size() ? " and " : ", ") + words[i];
            }
        }
        return Status(Code::invalid_argument,
                      "'syncline " + command_ + "' needs " + wanted + "; see --help");
    }
    if (vm.count("state") != 0 && state_.empty()) {
        return Status(Code::invalid_argument, "--state needs a directory; it is empty");
    }
    place.state_directory =
        state_.empty() ? default_state_directory() : std::filesystem::absolute(state_);
    if (given.size() == words.size()) {
        more = std::move(given);
        return {};
    }
    place.source = given[0];
    place.target = given[1];
    more.assign(given.begin() + 2, given.end());
    return {};
}

Status PlaceOptions::complete(std::optional<std::int64_t> run) {
    return place.source.empty() && place.target.empty()
               ? find_place(place.state_directory, run, system_clock(), place)
               : Status();
}

Status parse_run(const std::string& text, std::int64_t& into) {
    const char* end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, into);
    if (text.empty() || error != std::errc() || stopped != end || into < 1) {
        return Status(Code::invalid_argument,
                      "'" + display_key(text) +
                          "' is no number of a run; 'syncline history' lists them");
    }
    return {};
}

} // namespace syncline::host
