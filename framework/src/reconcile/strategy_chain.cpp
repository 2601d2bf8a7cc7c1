#include "syncline/reconcile/strategy_chain.hpp"

#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace syncline {

namespace {

constexpr std::string_view kMark = ".conflict-";

// Reads a side's content by ranges; fetched only if a strategy asks.
class RangedContent : public Content {
public:
    RangedContent(ItemReader& side, BytesView key, std::uint64_t size)
        : side_(side), key_(key), size_(size) {}
    std::uint64_t size() const override { return size_; }
    Result<std::size_t> read_at(const CallContext& call, std::uint64_t offset, char* buffer,
                                std::size_t capacity) override {
        class Window : public BodySink {
        public:
            Window(char* to, std::uint64_t skip, std::size_t room)
                : to_(to), skip_(skip), room_(room) {}
            Status begin(const ItemView&) override { return {}; }
            Status write(BytesView bytes) override {
                const auto skipped =
                    static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
                skip_ -= skipped;
                bytes.remove_prefix(skipped);
                const std::size_t taken = std::min(room_ - filled_, bytes.size());
                std::copy_n(bytes.data(), taken, to_ + filled_);
                filled_ += taken;
                return {};
            }
            std::size_t filled() const { return filled_; }

        private:
            char* to_;
            std::uint64_t skip_;
            std::size_t room_;
            std::size_t filled_ = 0;
        };
        GetRequest request;
        request.key = key_;
        const bool ranged = side_.info().get_range;
        if (ranged) {
            request.offset = offset;
            request.length = capacity;
        }
        Window window(buffer, ranged ? 0 : offset, capacity);
        SYNCLINE_TRY(side_.get(call, request, window));
        return window.filled();
    }

private:
    ItemReader& side_;
    BytesView key_;
    std::uint64_t size_;
};

bool has_body(const Item* item) { return item != nullptr && item->kind != ItemKind::container; }

// The parts of a key around its conflict number: stem, number if it has one, extension.
struct NameParts {
    BytesView stem;
    std::optional<unsigned> number;
    BytesView extension;
};

NameParts split_name(BytesView key) {
    const std::size_t slash = key.rfind('/');
    const std::size_t name_at = slash == BytesView::npos ? 0 : slash + 1;
    const BytesView name = key.substr(name_at);
    if (const std::size_t mark = name.rfind(kMark); mark != BytesView::npos && mark > 0) {
        const char* digits = name.data() + mark + kMark.size();
        const char* end = name.data() + name.size();
        unsigned number = 0;
        const auto [after, error] = std::from_chars(digits, end, number);
        if (error == std::errc() && (after == end || *after == '.')) {
            return {key.substr(0, name_at + mark), number,
                    BytesView(after, static_cast<std::size_t>(end - after))};
        }
    }
    const std::size_t dot = name.rfind('.');
    const std::size_t stem_size = dot == BytesView::npos || dot == 0 ? name.size() : dot;
    return {key.substr(0, name_at + stem_size), std::nullopt, name.substr(stem_size)};
}

// The side will not be asked any more: no reason to decide otherwise, but to end planning.
bool is_left_alone(Code code) { return code == Code::circuit_open || code == Code::rate_limited; }

} // namespace

Bytes with_conflict_number(BytesView key, unsigned number) {
    const NameParts parts = split_name(key);
    Bytes result(parts.stem);
    result += kMark;
    result += std::to_string(number);
    result += parts.extension;
    return result;
}

StrategyChain::StrategyChain(std::vector<std::unique_ptr<ConflictStrategy>> strategies,
                             std::string sync_name)
    : strategies_(std::move(strategies)), sync_name_(std::move(sync_name)) {}

void StrategyChain::attach(ItemReader& source, ItemReader& target, const CallContext& call,
                           const Clock& clock) {
    source_ = &source;
    target_ = &target;
    call_ = call;
    clock_ = &clock;
}

Result<Decision> StrategyChain::resolve(const ConflictCase& conflict) {
    Decision undecided;
    undecided.action = DecisionAction::defer;
    undecided.reason = "no strategy decided";
    if (strategies_.empty()) {
        undecided.reason = "left for a person (manual)";
        return undecided;
    }

    Conflict input;
    input.kind = conflict.kind;
    input.key = conflict.key;
    input.sync_name = sync_name_;
    input.source_label = source_->location();
    input.target_label = target_->location();
    input.now_wall_ns = clock_->wall_ns();
    Item base;
    if (conflict.base != nullptr) {
        base.key = conflict.base->key;
        base.kind = conflict.base->kind;
        base.size = conflict.base->size;
        base.mtime_ns = conflict.base->mtime_ns;
        base.hash = conflict.base->hash;
        base.hash_algo = conflict.base->hash_algo;
        base.meta = conflict.base->meta;
        input.base = &base;
    }
    // Equal times leave only the content to tell the sides apart, and the answer must not depend on
    // which is which.
    std::optional<Item> source =
        conflict.source != nullptr ? std::optional(*conflict.source) : std::nullopt;
    std::optional<Item> target =
        conflict.target != nullptr ? std::optional(*conflict.target) : std::nullopt;
    if (has_body(conflict.source) && has_body(conflict.target) &&
        (source->mtime_ns == target->mtime_ns || source->mtime_ns == kUnknownTime ||
         target->mtime_ns == kUnknownTime)) {
        for (auto* item : {&*source, &*target}) {
            if (item->hash.empty()) {
                Result<HashedItem> hashed =
                    hash_item(item == &*source ? *source_ : *target_, call_, conflict.key);
                if (is_left_alone(hashed.code())) {
                    return hashed.status();
                }
                if (hashed.ok()) {
                    item->hash = hashed->hash;
                    item->hash_algo = HashAlgo::xxh3_128;
                }
            }
        }
    }
    input.source = source ? &*source : nullptr;
    input.target = target ? &*target : nullptr;
    std::optional<RangedContent> source_content;
    std::optional<RangedContent> target_content;
    if (has_body(conflict.source)) {
        input.source_content =
            &source_content.emplace(*source_, conflict.key, conflict.source->size);
    }
    if (has_body(conflict.target)) {
        input.target_content =
            &target_content.emplace(*target_, conflict.key, conflict.target->size);
    }

    for (const std::unique_ptr<ConflictStrategy>& strategy : strategies_) {
        const auto tell = [&](bool decided, const std::string& answer) {
            if (listener_) {
                listener_(conflict.key, strategy->plugin_id(), decided,
                          answer.empty() ? "gave no reason" : answer);
            }
        };
        Result<Decision> decision = strategy->decide(call_, input);
        if (!decision.ok()) {
            if (decision.code() == Code::cancelled || is_left_alone(decision.code())) {
                return decision;
            }
            log(LogLevel::warning, "reconcile",
                strategy->plugin_id() + " failed on " + display_key(conflict.key) + ": " +
                    decision.status().message());
            undecided.reason = strategy->plugin_id() + " failed: " + decision.status().message();
            tell(false, "failed: " + decision.status().message());
            continue;
        }
        if (decision->action == DecisionAction::decline) {
            tell(false, decision->reason);
            continue;
        }
        if (decision->action == DecisionAction::keep_both) {
            const bool possible = has_body(conflict.source) && has_body(conflict.target) &&
                                  decision->source_key.empty() != decision->target_key.empty();
            if (!possible) {
                undecided.reason =
                    strategy->plugin_id() + " wanted to keep both where that is not possible";
                tell(false, "wanted to keep both where that is not possible");
                continue;
            }
            const Side loser = decision->source_key.empty() ? Side::target : Side::source;
            Bytes& proposed = loser == Side::source ? decision->source_key : decision->target_key;
            Result<Bytes> key = free_conflict_key(conflict, loser, proposed);
            if (!key.ok()) {
                if (key.code() == Code::cancelled || is_left_alone(key.code())) {
                    return key.status();
                }
                undecided.reason = "no name for a conflict copy: " + key.status().message();
                tell(false, undecided.reason);
                continue;
            }
            proposed = *std::move(key);
        } else if (decision->action == DecisionAction::merge) {
            undecided.reason =
                strategy->plugin_id() + " merged the contents, which this version cannot apply";
            tell(false, "merged the contents, which this version cannot apply");
            continue;
        }
        tell(true, decision->reason);
        const std::string& id = strategy->plugin_id();
        const std::size_t dot = id.rfind('.');
        const std::string label = dot == std::string::npos ? id : id.substr(dot + 1);
        decision->reason = decision->reason.empty() ? label : label + ": " + decision->reason;
        return decision;
    }
    return undecided;
}

// The lowest number whose name is free on both sides, or taken by a copy of the very same content.
Result<Bytes> StrategyChain::free_conflict_key(const ConflictCase& conflict, Side loser,
                                               const Bytes& proposed) {
    const Item& item = loser == Side::source ? *conflict.source : *conflict.target;
    std::optional<Bytes> loser_hash;
    const auto usable = [&](ItemReader& side, BytesView key) -> Result<bool> {
        if (side.stat(call_, Bytes(key) + '/').ok()) {
            return false; // a container of that name
        }
        const Result<Item> there = side.stat(call_, key);
        if (!there.ok()) {
            return there.code() == Code::not_found ? Result<bool>(true)
                                                   : Result<bool>(there.status());
        }
        if (there->kind != item.kind || there->size != item.size) {
            return false;
        }
        if (!loser_hash) {
            Result<HashedItem> hashed =
                hash_item(loser == Side::source ? *source_ : *target_, call_, conflict.key);
            if (!hashed.ok()) {
                return hashed.status();
            }
            loser_hash = hashed->hash;
        }
        const Result<HashedItem> hashed = hash_item(side, call_, key);
        return hashed.ok() && hashed->hash == *loser_hash;
    };
    for (unsigned number = 1;; ++number) {
        Bytes key = with_conflict_number(proposed, number);
        if (given_.count(key) != 0) {
            continue;
        }
        Result<bool> on_source = usable(*source_, key);
        if (!on_source.ok()) {
            return on_source.status();
        }
        Result<bool> on_target = usable(*target_, key);
        if (!on_target.ok()) {
            return on_target.status();
        }
        if (*on_source && *on_target) {
            given_.insert(key);
            return key;
        }
    }
}

} // namespace syncline
