// What a sync must do, once more: a small model, written from the text of the rules and not from
// the engine. It works on whole trees in memory, recursively and without any regard for cost, so
// that it shares no way of thinking with the engine's merge of three streams.
//
// Where the rules leave the result open (keep-both between a file and a directory, say) it says so;
// then only the properties that hold for every run are checked.
#pragma once

#include "syncline/reconcile/rules.hpp"
#include "tree.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace worlds {

struct Chain {
    std::string pattern;
    std::vector<std::string> strategies; // with their options
};

struct Rules {
    syncline::Mode mode = syncline::Mode::two_way;
    syncline::DeleteVsChange delete_vs_change = syncline::DeleteVsChange::keep_change;
    syncline::DeletedContainer deleted_container = syncline::DeletedContainer::restore_all;
    // As on the command line: those of a pattern may be several, of which the last that covers an
    // item counts. The one without a pattern is for all other items.
    std::vector<Chain> chains = {{"", {"manual"}}};
};

// What both sides last agreed on: what each held then. They differ only where a one-way sync leaves
// the target as it is.
struct Base {
    Tree source;
    Tree target;
};

struct Prediction {
    Tree source;
    Tree target;
    Base base;
    std::set<std::string> conflicts; // left for a person
    std::set<std::string> merged;
    std::set<std::string> fields_only; // of those: whose order and layout are open
    bool is_open = false;
    std::string open_because;
};

Prediction predict(const Rules& rules, const Base& base, const Tree& source, const Tree& target);

// The name of a conflict copy: name.conflict-<n>.ext.
std::string conflict_name(const std::string& path, int number);

} // namespace worlds
