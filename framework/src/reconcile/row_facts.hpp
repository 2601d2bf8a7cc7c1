// What can be said of a row: which side changed, and whether both are equal. Versions decide where
// they can; where they cannot, content does, by digests that `hash` provides.
#pragma once

#include "syncline/reconcile/reconciler.hpp"

#include <functional>
#include <optional>

namespace syncline {

// The digest of a side's current content (XXH3-128), or nothing where it is not available (yet).
using HashOf = std::function<std::optional<BytesView>(Side)>;

struct GatheredFacts {
    RowFacts facts;
    bool moved = false; // some version differs from the base's, or the base has none
};

// Nothing if a digest was needed that `hash` did not have. States that are `unknown` on entry stay.
template <typename Hash>
std::optional<GatheredFacts> gather_facts(const Row& row, bool source_unknown, bool target_unknown,
                                          Hash&& hash) {
    GatheredFacts result;
    RowFacts& facts = result.facts;
    facts.has_base = row.base != nullptr;
    if (source_unknown || target_unknown) {
        const auto state = [](bool unknown, const ItemView* item) {
            return unknown           ? SideState::unknown
                   : item == nullptr ? SideState::absent
                                     : SideState::changed;
        };
        facts.source = state(source_unknown, row.source);
        facts.target = state(target_unknown, row.target);
        return result;
    }
    facts.source = row.source == nullptr ? SideState::absent : SideState::changed;
    facts.target = row.target == nullptr ? SideState::absent : SideState::changed;
    if (is_container_key(row.key)) {
        facts.equal = row.source != nullptr && row.target != nullptr;
        if (facts.has_base) {
            const auto as_it_was = [](SideState& state) {
                state = state == SideState::absent ? SideState::absent : SideState::same;
            };
            as_it_was(facts.source);
            as_it_was(facts.target);
        }
        return result;
    }

    // Equal, different, or (nothing) not known without a digest that is missing.
    const auto sides_equal = [&]() -> std::optional<bool> {
        const ItemView& s = *row.source;
        const ItemView& t = *row.target;
        if (s.kind != t.kind ||
            (s.size != t.size && s.size != kUnknownSize && t.size != kUnknownSize)) {
            return false;
        }
        if (s.hash_algo == t.hash_algo && s.hash_algo != HashAlgo::none && !s.hash.empty()) {
            return s.hash == t.hash;
        }
        const std::optional<BytesView> source_hash = hash(Side::source);
        const std::optional<BytesView> target_hash = hash(Side::target);
        if (!source_hash || !target_hash) {
            return std::nullopt;
        }
        return *source_hash == *target_hash;
    };

    const bool both = row.source != nullptr && row.target != nullptr;
    if (row.base == nullptr) {
        result.moved = true;
        if (both) {
            const std::optional<bool> equal = sides_equal();
            if (!equal) {
                return std::nullopt;
            }
            facts.equal = *equal;
        }
        return result;
    }

    const BaseEntryView& base = *row.base;
    const auto token_same = [](const ItemView* item, BytesView token) {
        return item != nullptr && !token.empty() && item->version == token;
    };
    const bool source_token_same =
        token_same(row.source, base.source_version) && row.source->kind == base.kind;
    const bool target_token_same = token_same(row.target, base.target_version) &&
                                   (row.target->kind == base.kind || base.differs);
    if (source_token_same) {
        facts.source = SideState::same;
    }
    if (target_token_same) {
        facts.target = SideState::same;
    }
    result.moved = (row.source != nullptr && !source_token_same) ||
                   (row.target != nullptr && !target_token_same);
    if (!result.moved) {
        facts.equal = both && !base.differs;
        return result;
    }

    if (base.differs) {
        // The base knows no common content, but maybe both. Where one side is gone the other is
        // known by its own.
        if ((row.source != nullptr || row.target != nullptr) && base.hash.size() % 2 == 0 &&
            !base.hash.empty()) {
            const std::size_t half = base.hash.size() / 2;
            bool as_it_was = true;
            for (const Side side : {Side::source, Side::target}) {
                const bool is_source = side == Side::source;
                if ((is_source ? row.source : row.target) == nullptr) {
                    continue;
                }
                const std::optional<BytesView> found = hash(side);
                if (!found) {
                    return std::nullopt;
                }
                as_it_was &=
                    *found == (is_source ? base.hash.substr(0, half) : base.hash.substr(half));
            }
            if (as_it_was) {
                for (SideState* state : {&facts.source, &facts.target}) {
                    *state = *state == SideState::absent ? SideState::absent : SideState::same;
                }
                return result;
            }
        }
        if (both) {
            const std::optional<bool> equal = sides_equal();
            if (!equal) {
                return std::nullopt;
            }
            facts.equal = *equal;
            if (!facts.equal) {
                facts.source = facts.target = SideState::changed;
            }
        }
        return result;
    }

    const auto against_base = [&](Side side, const ItemView* item, SideState& state) -> bool {
        if (item == nullptr || state == SideState::same) {
            return true;
        }
        if (item->kind != base.kind ||
            (item->size != base.size && item->size != kUnknownSize && base.size != kUnknownSize)) {
            return true; // changed
        }
        if (base.hash.empty()) {
            return true; // judged against the other side below
        }
        if (item->hash_algo == base.hash_algo && !item->hash.empty()) {
            state = item->hash == base.hash ? SideState::same : SideState::changed;
            return true;
        }
        if (base.hash_algo != HashAlgo::xxh3_128) {
            return true;
        }
        const std::optional<BytesView> digest = hash(side);
        if (!digest) {
            return false;
        }
        state = *digest == base.hash ? SideState::same : SideState::changed;
        return true;
    };
    if (!against_base(Side::source, row.source, facts.source) ||
        !against_base(Side::target, row.target, facts.target)) {
        return std::nullopt;
    }
    if (!both) {
        return result;
    }
    if (facts.source == SideState::same && facts.target == SideState::same) {
        facts.equal = true;
        return result;
    }
    const bool one_changed = facts.source == SideState::same || facts.target == SideState::same;
    if (one_changed && !base.hash.empty()) {
        return result; // one is as the base, the other is not
    }
    const std::optional<bool> equal = sides_equal();
    if (!equal) {
        return std::nullopt;
    }
    facts.equal = *equal;
    if (facts.equal && one_changed) {
        facts.source = facts.target = SideState::same; // the unchanged side vouches for the other
    }
    return result;
}

} // namespace syncline
