#include "syncline/reconcile/rules.hpp"

#include "syncline/core/text.hpp"

namespace syncline {

std::string_view name_of(Mode mode) {
    switch (mode) {
    case Mode::two_way:
        return "two-way";
    case Mode::one_way:
        return "one-way";
    case Mode::mirror:
        return "mirror";
    }
    return "?";
}

namespace {

// Matches one character class at glob[at] == '['; `next` is behind it. A class that does not end is
// the character '['.
bool class_matches(std::string_view glob, std::size_t at, unsigned char c, std::size_t& next) {
    std::size_t i = at + 1;
    const bool negated = i < glob.size() && (glob[i] == '!' || glob[i] == '^');
    if (negated) {
        ++i;
    }
    bool hit = false;
    bool first = true;
    while (i < glob.size() && (first || glob[i] != ']')) {
        first = false;
        const auto low = static_cast<unsigned char>(glob[i]);
        auto high = low;
        if (i + 2 < glob.size() && glob[i + 1] == '-' && glob[i + 2] != ']') {
            high = static_cast<unsigned char>(glob[i + 2]);
            i += 2;
        }
        hit = hit || (low <= c && c <= high);
        ++i;
    }
    if (i >= glob.size()) {
        next = at + 1;
        return c == '[';
    }
    next = i + 1;
    return hit != negated && c != '/';
}

// Backtracks to the latest star only, so the time is bounded by the product of both lengths for
// each kind of star.
bool glob_matches(std::string_view glob, std::string_view text) {
    std::size_t g = 0;
    std::size_t t = 0;
    std::size_t star_g = std::string_view::npos;
    std::size_t star_t = 0;
    std::size_t deep_g = std::string_view::npos;
    std::size_t deep_t = 0;
    while (true) {
        if (g < glob.size() && glob[g] == '*') {
            if (g + 1 < glob.size() && glob[g + 1] == '*') {
                g += 2;
                if (g < glob.size() && glob[g] == '/') { // "**/" also matches no segment at all
                    ++g;
                }
                deep_g = g;
                deep_t = t;
                star_g = std::string_view::npos;
            } else {
                star_g = ++g;
                star_t = t;
            }
            continue;
        }
        if (t == text.size() && g == glob.size()) {
            return true;
        }
        bool hit = false;
        std::size_t next = g + 1;
        if (t < text.size() && g < glob.size()) {
            const char c = text[t];
            if (glob[g] == '?') {
                hit = c != '/';
            } else if (glob[g] == '[') {
                hit = class_matches(glob, g, static_cast<unsigned char>(c), next);
            } else if (glob[g] == '\\' && g + 1 < glob.size()) {
                hit = glob[g + 1] == c;
                next = g + 2;
            } else {
                hit = glob[g] == c;
            }
        }
        if (hit) {
            g = next;
            ++t;
        } else if (star_g != std::string_view::npos && star_t < text.size() &&
                   text[star_t] != '/') {
            g = star_g;
            t = ++star_t;
        } else if (deep_g != std::string_view::npos && deep_t < text.size()) {
            star_g = std::string_view::npos;
            // "**/x" begins at segment starts only; "a**" anywhere.
            const bool whole_segments = deep_g >= 1 && glob[deep_g - 1] == '/';
            do {
                ++deep_t;
            } while (whole_segments && deep_t < text.size() && text[deep_t - 1] != '/');
            if (whole_segments && deep_t == text.size()) {
                return false;
            }
            g = deep_g;
            t = deep_t;
        } else {
            return false;
        }
    }
}

} // namespace

Result<KeyFilter> KeyFilter::make(std::vector<FilterRule> rules) {
    KeyFilter filter;
    for (FilterRule& given : rules) {
        std::string_view glob = given.glob;
        Rule rule{{}, {}, false, false};
        if (glob.starts_with('/')) {
            rule.anchored = true;
            glob.remove_prefix(1);
        }
        if (glob.ends_with('/')) {
            rule.containers_only = true;
            glob.remove_suffix(1);
        }
        if (glob.empty()) {
            return Status(Code::invalid_config,
                          (given.origin.empty() ? "" : given.origin + ": ") + "the glob '" +
                              display_key(given.glob) +
                              "' matches nothing; name a pattern such as '*.tmp' or '/build/'");
        }
        rule.glob = glob;
        rule.given = std::move(given);
        filter.rules_.push_back(std::move(rule));
    }
    return filter;
}

const KeyFilter::Rule* KeyFilter::last_match(BytesView path, bool container) const {
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->containers_only && !container) {
            continue;
        }
        bool hit = glob_matches(rule->glob, path);
        for (std::size_t at = 0; !hit && !rule->anchored && at < path.size(); ++at) {
            hit = path[at] == '/' && glob_matches(rule->glob, path.substr(at + 1));
        }
        if (hit) {
            return &*rule;
        }
    }
    return nullptr;
}

bool KeyFilter::excluded(BytesView key) const {
    if (rules_.empty()) {
        return false;
    }
    const auto excludes = [](const Rule* rule) { return rule != nullptr && !rule->given.include; };
    for (std::size_t at = key.find('/'); at != BytesView::npos; at = key.find('/', at + 1)) {
        if (excludes(last_match(key.substr(0, at), true))) {
            return true;
        }
    }
    return !is_container_key(key) && excludes(last_match(key, false));
}

std::optional<KeyFilter::Match> KeyFilter::match(BytesView key) const {
    std::optional<Match> found;
    for (std::size_t at = key.find('/'); at != BytesView::npos; at = key.find('/', at + 1)) {
        if (const Rule* rule = last_match(key.substr(0, at), true)) {
            found = Match{&rule->given, Bytes(key.substr(0, at + 1))};
            if (!rule->given.include) {
                return found;
            }
        }
    }
    if (!is_container_key(key)) {
        const Rule* rule = last_match(key, false);
        return rule != nullptr ? std::optional(Match{&rule->given, Bytes(key)}) : std::nullopt;
    }
    return found && found->key == key ? found : std::nullopt;
}

} // namespace syncline
