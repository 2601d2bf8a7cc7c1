/// The decisions of the basic strategies, as pure functions.
#ifndef SYNCLINE_STRATEGIES_BASIC_RULES_HPP
#define SYNCLINE_STRATEGIES_BASIC_RULES_HPP

#include "conflict_name.hpp"

#include <syncline/sdk/strategy.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace syncline::strategies {

/// What the rules look at. A side that is not set was deleted.
struct Question {
    std::uint32_t kind = 0; ///< SYNCLINE_CONFLICT_*
    std::string_view key;
    std::optional<sdk::ItemView> source;
    std::optional<sdk::ItemView> target;
};

/// Always decide, also for a side that was deleted: then the other one is deleted too.
sdk::Decision source_wins(const Question& question);
sdk::Decision target_wins(const Question& question);

/// Decline on a tie, if a side is deleted or lacks the attribute, and for two names that only
/// collide after folding: those are different things, of which neither may replace the other.
sdk::Decision newer_wins(const Question& question);
sdk::Decision older_wins(const Question& question);
sdk::Decision larger_wins(const Question& question);
sdk::Decision smaller_wins(const Question& question);

struct KeepBoth {
    enum class Loser : std::uint8_t { older, newer, source, target };
    Loser loser = Loser::older;
    Mark mark; ///< of the loser's new name
};

/// The loser goes to a conflict name: by default the older one. With equal or unknown mtimes it is
/// the one with the smaller hash, so that the answer is the same seen from either side. Declines if
/// that cannot be told and unless both sides are objects or both are links.
sdk::Decision keep_both(const Question& question, const KeepBoth& options);

/// Leaves it to a person.
sdk::Decision manual(const Question& question);

} // namespace syncline::strategies

#endif
