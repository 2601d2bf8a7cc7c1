/// What an author of a conflict strategy implements.
///
/// decide() is a pure function of the conflict: no network, no clock but Conflict::now_wall_ns,
/// nothing remembered. Answer what you do not understand with Decision::decline(), so that the next
/// strategy of the chain is asked.
#ifndef SYNCLINE_SDK_STRATEGY_HPP
#define SYNCLINE_SDK_STRATEGY_HPP

#include <syncline/sdk/call.hpp>
#include <syncline/sdk/connector.hpp>
#include <syncline/sdk/item.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace syncline::sdk {

/// Bytes of a merge result; the host forgets them unless the decision is MERGE.
class MergeSink {
public:
    explicit MergeSink(const syncline_decision_sink* raw) : raw_(raw) { load(raw); }

    void write(const void* data, std::size_t size) const {
        const syncline_status status = raw_->merged(raw_, data, size);
        if (status < 0) {
            throw StreamError(status);
        }
    }
    void write(std::string_view data) const { write(data.data(), data.size()); }

private:
    const syncline_decision_sink* raw_;
};

struct Conflict {
    Conflict(const syncline_conflict& raw, const syncline_call* call,
             const syncline_decision_sink* sink)
        : kind(raw.kind), key(view(raw.key)), base(item(raw.base)), source(item(raw.source)),
          target(item(raw.target)), base_content(raw.base_content, call),
          source_content(raw.source_content, call), target_content(raw.target_content, call),
          sync_id(view(raw.sync_id)), source_label(view(raw.source_label)),
          target_label(view(raw.target_label)), now_wall_ns(raw.now_wall_ns), merged(sink) {}

    std::uint32_t kind; ///< SYNCLINE_CONFLICT_*, or a value unknown to this header
    std::string_view key;
    std::optional<ItemView> base;   ///< not set = no common ancestor known
    std::optional<ItemView> source; ///< not set = deleted
    std::optional<ItemView> target; ///< not set = deleted
    Content base_content;
    Content source_content;
    Content target_content;
    std::string_view sync_id;
    std::string_view source_label;
    std::string_view target_label;
    std::int64_t now_wall_ns;
    MergeSink merged;

private:
    static std::optional<ItemView> item(const syncline_item* raw) {
        return raw == nullptr ? std::nullopt : std::optional<ItemView>(ItemView(load(raw)));
    }
};

/// The answer. The reason is a short sentence for people.
struct Decision {
    static Decision of(std::uint32_t action, std::string reason) {
        Decision decision;
        decision.action = action;
        decision.reason = std::move(reason);
        return decision;
    }
    static Decision keep_source(std::string reason) {
        return of(SYNCLINE_DECISION_KEEP_SOURCE, std::move(reason));
    }
    static Decision keep_target(std::string reason) {
        return of(SYNCLINE_DECISION_KEEP_TARGET, std::move(reason));
    }
    /// Empty keys stay where they are.
    static Decision keep_both(std::string source_key, std::string target_key, std::string reason) {
        Decision decision = of(SYNCLINE_DECISION_KEEP_BOTH, std::move(reason));
        decision.source_key = std::move(source_key);
        decision.target_key = std::move(target_key);
        return decision;
    }
    /// The bytes were written to Conflict::merged.
    static Decision merge(std::string reason) {
        return of(SYNCLINE_DECISION_MERGE, std::move(reason));
    }
    static Decision skip(std::string reason) {
        return of(SYNCLINE_DECISION_SKIP, std::move(reason));
    }
    static Decision defer(std::string reason) {
        return of(SYNCLINE_DECISION_DEFER, std::move(reason));
    }
    static Decision decline(std::string reason) {
        return of(SYNCLINE_DECISION_DECLINE, std::move(reason));
    }

    std::uint32_t action = SYNCLINE_DECISION_DECLINE;
    std::string source_key;
    std::string target_key;
    std::string reason;
    std::optional<Item> merged_item; ///< MERGE: metadata of the result
    /// KEEP_BOTH: where in the new key its number stands, which the host counts up until the name
    /// is free; size 0 = the host looks for `.conflict-<n>`.
    std::uint64_t number_at = 0;
    std::uint64_t number_size = 0;
};

class ConflictStrategy {
public:
    ConflictStrategy() = default;
    ConflictStrategy(const ConflictStrategy&) = delete;
    ConflictStrategy& operator=(const ConflictStrategy&) = delete;
    virtual ~ConflictStrategy() = default;

    virtual Decision decide(Call& call, const Conflict& conflict) = 0;
};

/// For strategies that merge three ways: derive from it as well, and Conflict::base_content is
/// there for bodies up to the limit, if both sides agreed on one while the strategy was in use.
class BaseContentUser {
public:
    BaseContentUser() = default;
    BaseContentUser(const BaseContentUser&) = delete;
    BaseContentUser& operator=(const BaseContentUser&) = delete;
    virtual ~BaseContentUser() = default;

    /// In bytes. The same answer every time.
    virtual std::uint64_t base_content_limit() const = 0;
};

} // namespace syncline::sdk

#endif
