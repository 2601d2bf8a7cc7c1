// What a run would do with one key, and why: asked for with RunControl::explain, for people and
// their tools.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"
#include "syncline/reconcile/decide.hpp"
#include "syncline/reconcile/rules.hpp"
#include "syncline/state/state.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace syncline {

struct ExplainedSide {
    std::optional<Item> item; // none: nothing of that key is there
    SideState state = SideState::absent;
    std::string trouble;             // why the state is unknown
    std::optional<ItemKind> instead; // of what is there under this name, where no such item is: a
                                     // directory in place of a file, or the other way round
};

struct AskedStrategy {
    std::string strategy;
    bool decided = false;
    std::string answer;
};

struct Explanation {
    Bytes key; // asked for; a directory gets its '/' where it was left out

    std::string source;
    std::string target;
    Mode mode = Mode::two_way;
    bool excluded = false;
    std::optional<FilterRule> filter_rule; // that decided whether it takes part; none matched
    Bytes filter_key; // what the rule matched: the key, or a directory above it
    std::optional<BaseEntry> base;
    std::array<ExplainedSide, 2> sides;
    bool equal = false;                // both sides hold the same content
    std::string row;                   // of the decision matrix, in words
    std::vector<PlannedOp> operations; // on this key; none: nothing would be done
    std::vector<AskedStrategy> strategies;
    bool whole_plan = false;          // it depends on other items, so both sides were listed
    std::vector<ItemHistory> history; // newest first, at most kExplainedHistory
};
inline constexpr std::size_t kExplainedHistory = 20;

std::string_view name_of(SideState state);
std::string_view noun_of(ItemKind kind); // as people call it: "a directory"

// As the JSON document that -o json prints.
std::string explanation_json(const Explanation& explanation);

} // namespace syncline
