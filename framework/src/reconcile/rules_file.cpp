#include "syncline/reconcile/rules_file.hpp"

#include "syncline/core/text.hpp"

#include <cerrno>
#include <cstring>
#include <fstream>

namespace syncline {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 20U;

bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view without_blanks_at_end(std::string_view line) {
    while (!line.empty() && is_blank(line.back())) {
        if (line.size() >= 2 && line[line.size() - 2] == '\\') {
            break;
        }
        line.remove_suffix(1);
    }
    return line;
}

} // namespace

Result<std::vector<FilterRule>> parse_rules(std::string_view text, const std::string& name) {
    std::vector<FilterRule> rules;
    if (text.starts_with("\xEF\xBB\xBF")) { // the mark that some editors put before UTF-8
        text.remove_prefix(3);
    }
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        line = without_blanks_at_end(line);
        if (line.empty() || line.front() == '#') {
            continue;
        }
        const std::string origin = name + ":" + std::to_string(number);
        const auto wrong = [&](const std::string& what) {
            return Status(Code::invalid_config, origin + ": " + what);
        };
        if (line.find('\0') != std::string_view::npos) {
            return wrong("a NUL byte; this is no text file");
        }
        const bool is_rule =
            line.size() >= 2 && (line[0] == '+' || line[0] == '-') && is_blank(line[1]);
        if (!is_rule) {
            return wrong("'" + display_key(line.substr(0, 60)) +
                         "' is no rule; write '+ GLOB' to include or '- GLOB' to exclude, with a "
                         "blank between");
        }
        FilterRule rule{line[0] == '+', {}, origin};
        line.remove_prefix(1);
        while (!line.empty() && is_blank(line.front())) {
            line.remove_prefix(1);
        }
        rule.glob = line;
        rules.push_back(std::move(rule));
        const Result<KeyFilter> usable = KeyFilter::make({rules.back()});
        if (!usable.ok()) {
            return usable.status();
        }
    }
    return rules;
}

Result<std::vector<FilterRule>> read_rules_file(const std::filesystem::path& file) {
    const std::string name = display_key(file.native());
    std::error_code error;
    if (std::filesystem::is_directory(file, error)) {
        return Status(Code::invalid_config, "the rules file '" + name + "' is a directory");
    }
    std::ifstream in(file, std::ios::binary);
    if (!in) {
        return Status(Code::invalid_config,
                      "cannot open the rules file '" + name + "': " + std::strerror(errno));
    }
    std::string text(kMostBytes + 1, '\0');
    in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (in.bad()) {
        return Status(Code::invalid_config, "cannot read the rules file '" + name + "'");
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kMostBytes) {
        return Status(Code::invalid_config,
                      "the rules file '" + name + "' is larger than 1 MiB; is it the right one?");
    }
    return parse_rules(text, name);
}

} // namespace syncline
