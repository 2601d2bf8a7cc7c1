#include "rules.hpp"

#include <algorithm>

namespace syncline::fault {

namespace {

// In time of the product of both lengths, whatever the pattern: `reached` says which beginnings of
// the text the pattern up to here matches.
bool matches(std::string_view pattern, std::string_view text) {
    std::vector<bool> reached(text.size() + 1, false);
    reached[0] = true;
    while (!pattern.empty()) {
        if (pattern.front() == '*') {
            const bool crosses = pattern.substr(0, 2) == "**";
            pattern.remove_prefix(crosses ? 2 : 1);
            for (std::size_t at = 0; at < text.size(); ++at) {
                reached[at + 1] = reached[at + 1] || (reached[at] && (crosses || text[at] != '/'));
            }
            continue;
        }
        for (std::size_t at = text.size(); at > 0; --at) {
            const char next = text[at - 1];
            reached[at] =
                reached[at - 1] && (pattern.front() == '?' ? next != '/' : next == pattern.front());
        }
        reached[0] = false;
        pattern.remove_prefix(1);
    }
    return reached[text.size()];
}

// FNV-1a over the parts, then a finish that spreads every bit over all others.
class Hash {
public:
    explicit Hash(std::uint64_t seed) { add(seed); }
    Hash& add(std::uint64_t number) {
        for (unsigned shift = 0; shift < 64; shift += 8) {
            byte(static_cast<unsigned char>(number >> shift));
        }
        return *this;
    }
    Hash& add(std::string_view text) {
        for (const char c : text) {
            byte(static_cast<unsigned char>(c));
        }
        return add(text.size());
    }
    std::uint64_t number() const {
        std::uint64_t x = state_;
        x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
        x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
        return x ^ (x >> 31U);
    }
    // In [0, 1).
    double fraction() const { return static_cast<double>(number() >> 11U) * 0x1p-53; }

private:
    void byte(unsigned char value) { state_ = (state_ ^ value) * 0x100000001b3U; }

    std::uint64_t state_ = 0xcbf29ce484222325U;
};

bool matches(const Rule& rule, Op op, std::string_view key, std::string_view other_key) {
    if ((rule.ops & bit(op)) == 0) {
        return false;
    }
    return rule.keys.empty() ||
           std::any_of(rule.keys.begin(), rule.keys.end(), [&](const std::string& pattern) {
               return matches_key(pattern, key) || matches_key(pattern, other_key);
           });
}

// Whether what a rule does depends on how often a key was met before.
bool leaves_to_chance(const Rule& rule) {
    return (rule.probability > 0 && rule.probability < 1) || rule.statuses.size() > 1;
}

} // namespace

bool matches_key(std::string_view pattern, std::string_view key) {
    const auto ends_in_slash = [](std::string_view text) {
        return !text.empty() && text.back() == '/';
    };
    if (key.empty() || (ends_in_slash(pattern) && !ends_in_slash(key))) {
        return false;
    }
    if (ends_in_slash(pattern)) {
        pattern.remove_suffix(1);
    }
    if (ends_in_slash(key)) {
        key.remove_suffix(1);
    }
    if (pattern.find('/') == std::string_view::npos &&
        pattern.find("**") == std::string_view::npos) {
        key.remove_prefix(key.rfind('/') + 1); // npos + 1 is 0
    } else if (pattern.front() == '/') {
        pattern.remove_prefix(1);
    }
    return matches(pattern, key);
}

Rules::Rules(Settings settings)
    : settings_(std::move(settings)), counted_(settings_.rules.size()) {}

Rules::Counts& Rules::own_counts(const Rule& rule, Counted& counted,
                                 const std::string& op_and_key) {
    if (!rule.per_key && !leaves_to_chance(rule)) {
        return counted.all;
    }
    const auto [at, is_new] = counted.by_op_and_key.try_emplace(op_and_key);
    if (is_new && !rule.per_key) {
        counted.by_age.push_back(at);
        if (counted.by_age.size() > kRemembered) {
            counted.by_op_and_key.erase(counted.by_age.front());
            counted.by_age.pop_front();
        }
    }
    return at->second;
}

std::optional<Strike> Rules::strike(Op op, std::string_view key, std::string_view other_key) {
    std::optional<Strike> struck;
    for (std::size_t index = 0; index < settings_.rules.size(); ++index) {
        const Rule& rule = settings_.rules[index];
        if (!matches(rule, op, key, other_key)) {
            continue;
        }
        std::string op_and_key(1, static_cast<char>('a' + static_cast<int>(op)));
        op_and_key += key;

        const std::lock_guard<std::mutex> lock(mutex_);
        Counted& counted = counted_[index];
        Counts& own = own_counts(rule, counted, op_and_key);
        Counts& counts = rule.per_key ? own : counted.all;
        ++counted.all.calls;
        own.calls += &own == &counted.all ? 0 : 1;
        const std::uint64_t call = counts.calls;
        if (struck || call < rule.from_call || call > rule.until_call || call % rule.every != 0 ||
            (!rule.nth.empty() && rule.nth.count(call) == 0) || counts.strikes >= rule.times) {
            continue;
        }
        Hash chance(settings_.seed);
        chance.add(index).add(op_and_key).add(own.calls);
        if (chance.fraction() >= rule.probability) {
            continue;
        }
        ++counts.strikes;
        struck = Strike{&rule, std::nullopt, call};
        if (!rule.statuses.empty()) {
            struck->status = rule.statuses[chance.add("status").number() % rule.statuses.size()];
        }
    }
    return struck;
}

std::size_t Rules::remembered() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::size_t count = 0;
    for (const Counted& counted : counted_) {
        count += counted.by_op_and_key.size();
    }
    return count;
}

bool Rules::cuts_bodies() const {
    return std::any_of(settings_.rules.begin(), settings_.rules.end(),
                       [](const Rule& rule) { return rule.short_body; });
}

} // namespace syncline::fault
