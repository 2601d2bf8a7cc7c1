// Finds, among the operations of one plan, which item that goes is one that comes under another
// name. It holds names, identities, sizes and digests in a temporary database, so that memory does
// not depend on how many there are; what a pair means for the plan is its user's business.
//
// An operation can be both: an update takes away what was under its key and brings something else.
// Each goes into at most one pair on either side of it.
//
// Threads: one at a time.
#pragma once

#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace syncline {

// One end of a possible rename. `side` is the side that would be written; `id` is the item's
// identity on the other one.
struct RenameEnd {
    std::int64_t op = 0;
    Side side = Side::target;
    ItemKind kind = ItemKind::object;
    BytesView key;
    BytesView id;   // empty: not known
    BytesView hash; // XXH3-128; empty: not known
    std::uint64_t size = kUnknownSize;
    bool is_update = false;
    bool is_bound = false; // takes part in no pair, but is there: its directory cannot move whole
};

struct RenamePair {
    std::int64_t gone = 0;
    std::int64_t come = 0;
    bool same = true; // of equal content
};

// An item that both sides renamed, to different names.
struct RenamedTwice {
    std::int64_t gone = 0;        // the operation that would forget the old name
    std::int64_t from_source = 0; // the creation on the target of what the source renamed
    std::int64_t from_target = 0;
};

class RenameIndex {
public:
    virtual ~RenameIndex() = default;
    virtual Status add_gone(const RenameEnd& end) = 0;
    virtual Status add_come(const RenameEnd& end) = 0;
    // Gone from both sides, with its identity on each.
    virtual Status add_forgotten(std::int64_t op, ItemKind kind, BytesView key, BytesView source_id,
                                 BytesView target_id) = 0;
    // Whether anything gone so far has this identity or size: what has not need not be added.
    virtual Result<bool> could_match(const RenameEnd& come) = 0;

    // The candidates, at most `at_most` of those not given yet; empty at the end. Equal identities
    // pair in the order of their keys.
    virtual Result<std::vector<RenamePair>> next_by_id(std::size_t at_most) = 0;
    // Unpaired ends of a size that an unpaired one on the other end has, whose digest is not known.
    virtual Result<std::vector<std::int64_t>> next_gone_without_hash(std::size_t at_most) = 0;
    virtual Result<std::vector<std::int64_t>> next_come_without_hash(std::size_t at_most) = 0;
    virtual Status set_gone_hash(std::int64_t op, BytesView hash) = 0;
    virtual Status set_come_hash(std::int64_t op, BytesView hash) = 0;
    // Of those that are in no pair and lie in no container that both sides gave up.
    virtual Result<std::vector<RenamedTwice>> next_renamed_twice(std::size_t at_most) = 0;
    virtual Status bind_come(std::int64_t op) = 0; // takes part in no pair

    virtual Status add_pair(const RenamePair& pair) = 0; // refused silently if an end is taken
    virtual Status pair_by_hash() = 0;
    // A name that is taken can only be given to another item if the one that has it goes too.
    virtual Status drop_blocked() = 0;

    // Containers that are gone, outermost first, each with the one that came in its place: only if
    // all that was below came below that, under the same names and with the same content.
    virtual Result<std::optional<RenamePair>> next_whole_container() = 0;
    // All ends below such a container and their counterparts, containers too.
    virtual Status each_below(const RenamePair& container,
                              const std::function<Status(const RenamePair&)>& visit) = 0;
    // Containers that come below it, whether or not they did before.
    virtual Status each_container_below(std::int64_t come,
                                        const std::function<Status(std::int64_t)>& visit) = 0;
    virtual Status forget_below(const RenamePair& container) = 0; // pairs that are settled

    // Pairs in which no update takes part, by their new names.
    virtual Status each_plain(const std::function<Status(const RenamePair&)>& visit) = 0;
    // The others as chains, each in the order in which it has to be carried out: every name is free
    // by the time it is given. In a cycle the first name is not, until the item that has it was put
    // aside; that item's own pair comes last.
    virtual Status each_chain(
        const std::function<Status(const std::vector<RenamePair>&, bool is_cycle)>& visit) = 0;
};

Result<std::unique_ptr<RenameIndex>> make_rename_index();

} // namespace syncline
