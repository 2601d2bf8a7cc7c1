// A loaded conflict strategy as the engine sees it: a pure function from a conflict to a decision.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/conflict_kind.hpp"
#include "syncline/core/item.hpp"
#include "syncline/core/status.hpp"

#include <optional>
#include <string>

namespace syncline {

// Random access to one version of an item's content, fetched when first touched.
class Content {
public:
    virtual ~Content() = default;
    virtual std::uint64_t size() const = 0;
    virtual Result<std::size_t> read_at(const CallContext& call, std::uint64_t offset, char* buffer,
                                        std::size_t capacity) = 0;
};

struct Conflict {
    ConflictKind kind = ConflictKind::both_changed;
    BytesView key;
    const Item* base = nullptr;   // null: no common ancestor known
    const Item* source = nullptr; // null: deleted
    const Item* target = nullptr;
    Content* base_content = nullptr; // null: not available
    Content* source_content = nullptr;
    Content* target_content = nullptr;
    std::string_view sync_name;
    std::string_view source_label;
    std::string_view target_label;
    std::int64_t now_wall_ns = 0;
};

enum class DecisionAction : std::uint8_t {
    keep_source = 1,
    keep_target = 2,
    keep_both = 3,
    merge = 4,
    skip = 5,
    defer = 6,   // to a person; also what an unknown answer means
    decline = 7, // ask the next strategy of the chain
};

struct Decision {
    DecisionAction action = DecisionAction::defer;
    Bytes source_key; // keep_both: where that side's item goes; empty: stays
    Bytes target_key;
    // keep_both: where in the new key its number stands; size 0: where `.conflict-<n>` has it.
    std::size_t number_at = 0;
    std::size_t number_size = 0;
    std::string reason;
    Bytes merged;        // merge: the content
    Bytes merged_digest; // merge: where the archive has it, once it is there
    std::int64_t merged_wall_ns = 0;
};

class ConflictStrategy {
public:
    virtual ~ConflictStrategy() = default;
    virtual const std::string& plugin_id() const = 0;
    virtual Result<Decision> decide(const CallContext& call, const Conflict& conflict) = 0;
    // The largest body, in bytes, whose base content it can use; 0: none. Constant.
    virtual std::uint64_t base_content_limit() const { return 0; }
};

} // namespace syncline
