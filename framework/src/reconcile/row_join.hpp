// The three-way merge join: source, target and base by ascending key, one row per key.
#pragma once

#include "syncline/endpoint/endpoint.hpp"
#include "syncline/reconcile/reconciler.hpp"
#include "syncline/state/base_store.hpp"

namespace syncline {

class RowJoin {
public:
    RowJoin(ItemStream& source, ItemStream& target, BaseCursor& base)
        : source_(source), target_(target), base_(base) {}

    // The next row, or false at the end of all three. It borrows until the next call.
    Result<bool> next(Row& row);

private:
    template <typename Value>
    struct Head {
        Value value{};
        bool wanted = true; // taken: fetch the next one
        bool present = false;
    };

    ItemStream& source_;
    ItemStream& target_;
    BaseCursor& base_;
    Head<ItemView> source_head_;
    Head<ItemView> target_head_;
    Head<BaseEntryView> base_head_;
};

} // namespace syncline
