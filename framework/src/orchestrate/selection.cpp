#include "orchestrate/selection.hpp"

#include "syncline/core/text.hpp"

#include <algorithm>

namespace syncline {

namespace {

class StatStream final : public ItemStream {
public:
    StatStream(Endpoint& side, const std::vector<Bytes>& keys, const CallContext& call)
        : side_(side), keys_(keys), call_(call) {}
    Result<bool> next(ItemView& item) override {
        while (at_ < keys_.size()) {
            const Bytes& key = keys_[at_++];
            Result<Item> there = side_.stat(call_, key);
            if (there.ok()) {
                item_ = *std::move(there);
                item_.key = key;
                item = to_view(item_);
                return true;
            }
            if (there.code() != Code::not_found) {
                return there.status();
            }
        }
        return false;
    }

private:
    Endpoint& side_;
    const std::vector<Bytes>& keys_;
    const CallContext call_;
    std::size_t at_ = 0;
    Item item_;
};

class FindCursor final : public BaseCursor {
public:
    FindCursor(BaseStore& base, const std::vector<Bytes>& keys) : base_(base), keys_(keys) {}
    Result<bool> next(BaseEntryView& entry) override {
        while (at_ < keys_.size()) {
            Result<std::optional<BaseEntry>> found = base_.find(keys_[at_++]);
            if (!found.ok()) {
                return found.status();
            }
            if (*found) {
                entry_ = **std::move(found);
                entry = to_view(entry_);
                return true;
            }
        }
        return false;
    }

private:
    BaseStore& base_;
    const std::vector<Bytes>& keys_;
    std::size_t at_ = 0;
    BaseEntry entry_;
};

bool is_file_or_gone(const Item* item) { return item == nullptr || item->kind == ItemKind::object; }

} // namespace

Result<std::unique_ptr<ItemStream>> SelectedItems::list(const CallContext& call) {
    return std::unique_ptr<ItemStream>(std::make_unique<StatStream>(side_, keys_, call));
}

Result<std::unique_ptr<BaseCursor>> SelectedBase::scan() {
    return std::unique_ptr<BaseCursor>(std::make_unique<FindCursor>(base_, keys_));
}

Result<Decision> PersonsDecision::resolve(const ConflictCase& conflict) {
    decided_.insert(Bytes(conflict.key));
    for (const Item* item : {conflict.source, conflict.target}) {
        if (conflict.kind == ConflictKind::rename_rename && item != nullptr) {
            decided_.insert(item->key); // its new name
        }
    }
    Decision left;
    left.action = DecisionAction::defer;
    const auto seen =
        std::find_if(selection_.seen.begin(), selection_.seen.end(),
                     [&](const RunNote& note) { return BytesView(note.key) == conflict.key; });
    const auto moved = [](const Item* item, const Bytes& version) {
        return (item == nullptr ? BytesView() : BytesView(item->version)) != BytesView(version);
    };
    if (seen != selection_.seen.end() && (moved(conflict.source, seen->source_version) ||
                                          moved(conflict.target, seen->target_version))) {
        left.reason = "changed since the conflict was recorded; look at it again with 'conflicts "
                      "show' after the next sync";
        return left;
    }
    Result<Decision> decision = take(conflict);
    if (decision.ok() && decision->action == DecisionAction::merge) {
        if (conflict.kind == ConflictKind::rename_rename) {
            left.reason = "a file says nothing about names; take source, target or both";
            return left;
        }
        if (!is_file_or_gone(conflict.source) || !is_file_or_gone(conflict.target)) {
            left.reason = "a file can only take the place of files; take source or target";
            return left;
        }
        Result<std::unique_ptr<ArchiveWriter>> writer = archive_.put(decision->merged.size());
        if (!writer.ok()) {
            return writer.status();
        }
        SYNCLINE_TRY((*writer)->write(decision->merged));
        Result<ArchivedContent> stored = (*writer)->finish();
        if (!stored.ok()) {
            return stored.status();
        }
        SYNCLINE_TRY(archive_.make_durable());
        decision->merged_digest = std::move(stored->digest);
        decision->merged_wall_ns = now_wall_ns_;
    }
    return decision;
}

Result<Decision> PersonsDecision::take(const ConflictCase& conflict) {
    Decision decision;
    switch (selection_.take) {
    case Take::chain:
        return chain_.resolve(conflict);
    case Take::both:
        if (conflict.kind == ConflictKind::rename_rename) {
            decision.action = DecisionAction::keep_both;
            decision.reason = "a person took both names";
            break;
        }
        if (conflict.source != nullptr && conflict.target != nullptr) {
            return chain_.resolve(conflict);
        }
        decision.action =
            conflict.source != nullptr ? DecisionAction::keep_source : DecisionAction::keep_target;
        decision.reason = "a person took both: what is left of it stays";
        break;
    case Take::source:
        decision.action = DecisionAction::keep_source;
        decision.reason = "a person took the source";
        break;
    case Take::target:
        decision.action = DecisionAction::keep_target;
        decision.reason = "a person took the target";
        break;
    case Take::content:
        decision.action = DecisionAction::merge;
        decision.merged = selection_.content;
        decision.reason = "a person gave the content";
        break;
    }
    return decision;
}

} // namespace syncline
