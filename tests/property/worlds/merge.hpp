// What the strategies that merge make of three contents: written from docs/guide/conflicts.md for
// the restricted contents of the worlds (contents.hpp), by section and by field instead of by diff.
#pragma once

#include <string>

namespace worlds {

struct Merge {
    enum class Result {
        merged,
        declined, // the next strategy of the chain is asked
        failed,   // left for a person, whatever follows in the chain
        open,     // the rules do not say
    };
    Result result = Result::declined;
    std::string content;
    bool fields_only = false; // the order and layout of `content` are open
};

// `strategy` with its options, as in a chain. Both sides hold something else than `base`, or, in a
// one-way sync, the target alone does.
Merge merge(const std::string& strategy, const std::string& base, const std::string& source,
            const std::string& target);

bool is_merging(const std::string& strategy);
std::string name_of_strategy(const std::string& strategy); // without its options

// The program of the strategy `exec`: all lines of both sides, sorted, each once. Merging its
// result with a side gives the result again, so a run that was cut off ends like any other. It
// says that the changes collide, or fails, where a side begins with a certain line.
extern const char* const kMergeProgram;

} // namespace worlds
