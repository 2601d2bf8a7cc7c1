// What a sync is told to do: mode, policies, guards, and which keys take part.
#pragma once

#include "syncline/core/bytes.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline {

enum class Mode : std::uint8_t { two_way = 1, one_way = 2, mirror = 3 };
enum class DeleteVsChange : std::uint8_t { keep_change = 1, conflict = 2, delete_wins = 3 };
enum class DeletedContainer : std::uint8_t { restore_all = 1, restore_changed = 2, conflict = 3 };

std::string_view name_of(Mode mode);

struct FilterRule {
    bool include = false;
    std::string glob;
    std::string origin = {}; // where it was given, for people: "--exclude", "rules.txt:3"
};

// Include and exclude globs; the last that matches a key decides, and nothing matching means
// included. `*` and `?` stay within a path segment, `**` crosses them, `[...]` is a class. A glob
// that begins with `/` is anchored at the root, any other matches at every depth; one that matches
// a container covers all below it.
class KeyFilter {
public:
    // Code::invalid_config names the rule that cannot be used, and its origin.
    static Result<KeyFilter> make(std::vector<FilterRule> rules);
    bool empty() const { return rules_.empty(); }
    bool excluded(BytesView key) const;

    // Which rule decides about a key, and by what it matched: the key, or a container above it.
    struct Match {
        const FilterRule* rule; // of this filter
        Bytes key;
    };
    std::optional<Match> match(BytesView key) const;

private:
    struct Rule {
        FilterRule given;
        std::string glob; // without leading and trailing '/'
        bool anchored;
        bool containers_only;
    };
    const Rule* last_match(BytesView path, bool container) const;
    std::vector<Rule> rules_;
};

struct MaxDelete {
    bool percent = true;
    std::uint64_t value = 50;
    std::uint64_t at_least = 5; // fewer deletions than this never trip the guard
};

struct Force {
    bool deletions = false;
    bool emptied = false;
    bool identity = false;
};

struct Rules {
    Mode mode = Mode::two_way;
    DeleteVsChange delete_vs_change = DeleteVsChange::keep_change;
    DeletedContainer deleted_container = DeletedContainer::restore_all;
    MaxDelete max_delete;
    Force force;
    KeyFilter filter;
    Bytes marker; // a key that must be on both sides, or nothing is done; empty: none
};

} // namespace syncline
