#include "syncline/reconcile/strategy_chain.hpp"

#include "reconcile/strategy_content.hpp"
#include "syncline/core/hash.hpp"
#include "syncline/core/log.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/state/base_content.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace syncline {

namespace {

constexpr std::string_view kMark = ".conflict-";
constexpr std::size_t kLongestName = 255;     // bytes that nearly every file system allows
constexpr std::size_t kLongestExtension = 64; // bytes, with its dot
constexpr std::size_t kLongestMark = 64;      // bytes in front of the number that are kept

bool is_object(const Item* item) { return item != nullptr && item->kind == ItemKind::object; }

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

std::string label_of(const ConflictStrategy& strategy) {
    const std::string& id = strategy.plugin_id();
    const std::size_t dot = id.rfind('.');
    return dot == std::string::npos ? id : id.substr(dot + 1);
}

// The side will not be asked any more: no reason to decide otherwise, but to end planning.
bool is_left_alone(Code code) { return code == Code::circuit_open || code == Code::rate_limited; }

} // namespace

Bytes with_conflict_number(BytesView key, unsigned number) {
    NameParts parts = split_name(key);
    const Bytes mark = Bytes(kMark) + std::to_string(number);
    const std::size_t slash = key.rfind('/');
    const std::size_t name_at = slash == BytesView::npos ? 0 : slash + 1;
    if (parts.stem.size() - name_at + mark.size() + parts.extension.size() > kLongestName) {
        if (parts.extension.size() > kLongestExtension) {
            parts = {key, std::nullopt, {}}; // a dot somewhere in a long name
        }
        const std::size_t room = name_at + kLongestName - mark.size() - parts.extension.size();
        std::size_t end = room;
        while (end + 3 > room && (static_cast<unsigned char>(key[end]) & 0xc0U) == 0x80) {
            --end; // not in the middle of a character, which has at most four bytes
        }
        parts.stem = parts.stem.substr(0, end);
    }
    Bytes result(parts.stem);
    result += mark;
    result += parts.extension;
    return result;
}

Bytes with_number_at(BytesView key, std::size_t at, std::size_t size, unsigned number) {
    const Bytes digits = std::to_string(number);
    const std::size_t slash = key.substr(0, at).rfind('/');
    const std::size_t name_at = slash == BytesView::npos ? 0 : slash + 1;
    BytesView before = key.substr(0, at);
    const BytesView after = key.substr(at + size);
    const std::size_t name_size = before.size() - name_at + digits.size() + after.size();
    if (name_size > kLongestName) {
        // What is too long is taken from the name's beginning part, where its own text stands.
        const std::size_t excess = name_size - kLongestName;
        const std::size_t mark = std::min<std::size_t>(before.size() - name_at, kLongestMark);
        const BytesView tail = before.substr(before.size() - mark);
        std::size_t end = before.size() - mark;
        end = end > name_at + 1 + excess ? end - excess : std::min(end, name_at + 1);
        while (end > name_at + 1 && (static_cast<unsigned char>(key[end]) & 0xc0U) == 0x80) {
            --end; // not in the middle of a character
        }
        return Bytes(key.substr(0, end)).append(tail).append(digits).append(after);
    }
    return Bytes(before).append(digits).append(after);
}

StrategyChain::StrategyChain(Strategies strategies, std::string sync_name,
                             std::vector<PatternChain> by_pattern)
    : strategies_(std::move(strategies)), by_pattern_(std::move(by_pattern)),
      sync_name_(std::move(sync_name)) {}

const Strategies& StrategyChain::strategies_for(BytesView key) const {
    for (auto rule = by_pattern_.rbegin(); rule != by_pattern_.rend(); ++rule) {
        if (rule->pattern.excluded(key)) {
            return rule->strategies;
        }
    }
    return strategies_;
}

std::uint64_t StrategyChain::base_content_limit(BytesView key) const {
    std::uint64_t limit = 0;
    for (const std::unique_ptr<ConflictStrategy>& strategy : strategies_for(key)) {
        limit = std::max(limit, strategy->base_content_limit());
    }
    return limit;
}

bool StrategyChain::lacks_base_content(const BaseEntryView& base) {
    if (archive_ == nullptr || base.kind != ItemKind::object || base.hash.empty() || base.differs ||
        base.size > base_content_limit(base.key)) {
        return false;
    }
    const Result<std::optional<ArchivedContent>> found = find_base_content(*archive_, base);
    return found.ok() && !*found;
}

void StrategyChain::attach(ItemReader& source, ItemReader& target, const CallContext& call,
                           const Clock& clock, ArchiveStore* archive) {
    source_ = &source;
    target_ = &target;
    call_ = call;
    clock_ = &clock;
    archive_ = archive;
}

void StrategyChain::remember(Unresolved asked) {
    unresolved_.passed.merge(asked.passed);
    unresolved_.failed.merge(asked.failed);
    unresolved_.deferred.merge(asked.deferred);
}

Status StrategyChain::store_merged(Decision& decision) {
    Result<std::unique_ptr<ArchiveWriter>> writer = archive_->put(decision.merged.size());
    if (!writer.ok()) {
        return writer.status();
    }
    SYNCLINE_TRY((*writer)->write(decision.merged));
    Result<ArchivedContent> stored = (*writer)->finish();
    if (!stored.ok()) {
        return stored.status();
    }
    decision.merged_digest = std::move(stored->digest);
    // In its place before workers read it while others archive.
    return archive_->make_durable();
}

Result<Decision> StrategyChain::resolve(const ConflictCase& conflict) {
    Decision undecided;
    undecided.action = DecisionAction::defer;
    const auto passes = [&undecided](const std::string& why) {
        undecided.reason += (undecided.reason.empty() ? "" : "; ") + why;
    };
    const Strategies& strategies = strategies_for(conflict.key);
    if (strategies.empty()) {
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
    std::optional<BaseContent> base_content;
    if (archive_ != nullptr && conflict.base != nullptr) {
        Result<std::optional<ArchivedContent>> found = find_base_content(*archive_, *conflict.base);
        if (!found.ok()) {
            return found.status();
        }
        if (*found) {
            input.base_content =
                &base_content.emplace(*archive_, std::move((*found)->digest), (*found)->size);
        }
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
    std::optional<SideContent> source_content;
    std::optional<SideContent> target_content;
    if (has_body(conflict.source)) {
        input.source_content = &source_content.emplace(*source_, conflict.key, *conflict.source);
    }
    if (has_body(conflict.target)) {
        input.target_content = &target_content.emplace(*target_, conflict.key, *conflict.target);
    }

    Unresolved asked;
    for (const std::unique_ptr<ConflictStrategy>& strategy : strategies) {
        const std::string label = label_of(*strategy);
        const auto tell = [&](bool decided, const std::string& answer) {
            if (listener_) {
                listener_(conflict.key, strategy->plugin_id(), decided,
                          answer.empty() ? "gave no reason" : answer);
            }
        };
        // `answer`: what it said instead of a decision.
        const auto no_decision = [&](const std::string& answer) {
            passes(label + " " + answer);
            tell(false, answer);
        };
        Result<Decision> decision = strategy->decide(call_, input);
        if (!decision.ok()) {
            if (decision.code() == Code::cancelled || is_left_alone(decision.code())) {
                return decision;
            }
            log(LogLevel::warning, "reconcile",
                strategy->plugin_id() + " failed on " + display_key(conflict.key) + ": " +
                    decision.status().message());
            no_decision("failed: " + decision.status().message());
            asked.failed.insert(label);
            break; // not for the next one to decide: it was asked only if this one had no answer
        }
        asked.passed.insert(label); // unless it turns out to decide
        if (decision->action == DecisionAction::decline) {
            passes(label + " declined" + (decision->reason.empty() ? "" : ": " + decision->reason));
            tell(false, decision->reason);
            continue;
        }
        if (decision->action == DecisionAction::keep_both) {
            const bool possible = has_body(conflict.source) && has_body(conflict.target) &&
                                  decision->source_key.empty() != decision->target_key.empty();
            if (!possible) {
                no_decision("wanted to keep both where that is not possible");
                continue;
            }
            const Side loser = decision->source_key.empty() ? Side::target : Side::source;
            Bytes& proposed = loser == Side::source ? decision->source_key : decision->target_key;
            Result<Bytes> key = free_conflict_key(conflict, loser, *decision);
            if (!key.ok()) {
                if (key.code() == Code::cancelled || is_left_alone(key.code())) {
                    return key.status();
                }
                no_decision("found no name for a conflict copy: " + key.status().message());
                continue;
            }
            proposed = *std::move(key);
        } else if (decision->action == DecisionAction::merge) {
            if (archive_ == nullptr || !is_object(conflict.source) || !is_object(conflict.target)) {
                no_decision("merged where that is not possible");
                continue;
            }
            decision->merged_wall_ns = input.now_wall_ns;
            // A side that holds the result already only has to travel.
            if (source_content->is(decision->merged)) {
                decision->action = DecisionAction::keep_source;
            } else if (target_content->is(decision->merged)) {
                decision->action = DecisionAction::keep_target;
            } else {
                const Status stored = store_merged(*decision);
                if (!stored.ok()) {
                    no_decision("merged the contents, but they cannot be kept: " +
                                stored.message());
                    continue;
                }
            }
        }
        if (decision->action == DecisionAction::defer) {
            asked.passed.erase(label);
            asked.deferred.insert(label);
            remember(asked);
        }
        tell(true, decision->reason);
        decision->reason = decision->reason.empty() ? label : label + ": " + decision->reason;
        log(LogLevel::debug, "reconcile",
            "conflict " + display_key(conflict.key) + ": " + decision->reason);
        return decision;
    }
    remember(std::move(asked));
    log(LogLevel::debug, "reconcile",
        "conflict " + display_key(conflict.key) + " stays: " + undecided.reason);
    return undecided;
}

// The lowest number whose name is free on both sides, or taken by a copy of the very same content.
Result<Bytes> StrategyChain::free_conflict_key(const ConflictCase& conflict, Side loser,
                                               const Decision& decision) {
    const Bytes& proposed = loser == Side::source ? decision.source_key : decision.target_key;
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
        Bytes key = decision.number_size == 0 ? with_conflict_number(proposed, number)
                                              : with_number_at(proposed, decision.number_at,
                                                               decision.number_size, number);
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
