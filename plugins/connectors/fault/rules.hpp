// Which calls are struck, and with what.
//
// A rule strikes a call that it matches and that its numbers name, with its probability. Chance is
// a hash of the seed, the rule, the operation, the key and how often that key met that operation
// before: it does not depend on the order in which threads arrive. Counting all matching calls
// together does, unless the rule counts per key.
//
// Memory: a rule that counts per key remembers every key it met. One that leaves something to
// chance remembers the last kRemembered; a key that comes back after so many others is met as if
// for the first time. Others remember none.
#pragma once

#include "names.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::fault {

struct Rule {
    Ops ops = kAllOps;
    std::vector<std::string> keys; // globs; empty: any, and calls that have no key
    double probability = 1;
    std::set<std::uint64_t> nth; // empty: all
    std::uint64_t every = 1;
    std::uint64_t from_call = 1;
    std::uint64_t until_call = UINT64_MAX;
    std::uint64_t times = UINT64_MAX;
    bool per_key = false; // the numbers count each operation on each key apart

    std::vector<syncline_status> statuses; // one of them; empty: no error, or the effect's own
    std::int64_t delay_ms = 0;
    bool hang = false;
    bool short_body = false;
    bool lost_ack = false;
    std::int64_t retry_after_ms = -1; // -1: not said
};

struct Settings {
    std::uint64_t seed = 0;
    std::vector<Rule> rules;
};

// What happens to one call.
struct Strike {
    const Rule* rule = nullptr;
    std::optional<syncline_status> status; // one of the rule's
    std::uint64_t call = 0;                // its number, as the rule counts
};

inline constexpr std::size_t kRemembered = 65'536;

// `*` and `?` stay within a name, `**` crosses directories. A pattern without '/' is about the last
// name of the key, one with it about the whole key; a '/' at the end means containers.
bool matches_key(std::string_view pattern, std::string_view key);

// Threads: strike() from any.
class Rules {
public:
    explicit Rules(Settings settings);

    // The first rule that strikes wins; every rule counts every call that it matches. `other_key`:
    // where a rename goes.
    std::optional<Strike> strike(Op op, std::string_view key, std::string_view other_key = {});

    std::uint64_t seed() const { return settings_.seed; }
    bool cuts_bodies() const;
    std::size_t remembered() const; // operations on keys, all rules together

private:
    struct Counts {
        std::uint64_t calls = 0;
        std::uint64_t strikes = 0;
    };
    using ByOpAndKey = std::map<std::string, Counts, std::less<>>;
    struct Counted {
        Counts all;
        ByOpAndKey by_op_and_key;
        std::deque<ByOpAndKey::iterator> by_age; // oldest first, where there is a limit
    };

    static Counts& own_counts(const Rule& rule, Counted& counted, const std::string& op_and_key);

    const Settings settings_;
    mutable std::mutex mutex_;
    std::vector<Counted> counted_; // one per rule
};

} // namespace syncline::fault
