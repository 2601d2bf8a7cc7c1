#include "plugin/abi_strategy.hpp"

#include "plugin/abi_instance.hpp"
#include "plugin/abi_item.hpp"
#include "plugin/abi_streams.hpp"

#include <syncline/abi/conflict.h>

#include <algorithm>
#include <array>

namespace syncline::plugin {

namespace {

constexpr std::uint32_t kDecisionSize = 72;           // of the first version
constexpr std::uint32_t kDecisionWithNumberSize = 88; // and where the number of a new key is
constexpr std::size_t kMaxReason = 4096;
constexpr std::uint64_t kMaxMerged = 64u << 20; // it is kept in memory until it is written
static_assert(sizeof(syncline_decision) == kDecisionWithNumberSize);

static_assert(static_cast<std::uint32_t>(ConflictKind::both_changed) ==
              SYNCLINE_CONFLICT_BOTH_CHANGED);
static_assert(static_cast<std::uint32_t>(ConflictKind::rename_rename) ==
              SYNCLINE_CONFLICT_BOTH_RENAMED);
static_assert(static_cast<std::uint32_t>(DecisionAction::keep_source) ==
              SYNCLINE_DECISION_KEEP_SOURCE);
static_assert(static_cast<std::uint32_t>(DecisionAction::decline) == SYNCLINE_DECISION_DECLINE);

constexpr std::array<std::string_view, 1> kFunctions = {"decide"};
constexpr std::array<std::string_view, 1> kBaseFunctions = {"content_limit"};

class DecisionSink : public Stream {
public:
    explicit DecisionSink(const Origin& origin);
    const syncline_decision_sink* abi() const { return &abi_; }
    Result<Decision> take();

private:
    syncline_status decide(const syncline_decision& from);

    syncline_decision_sink abi_;
    Decision decision_;
    bool decided_ = false;
};

DecisionSink::DecisionSink(const Origin& origin) : Stream(origin), abi_{} {
    abi_.struct_size = sizeof abi_;
    abi_.impl = this;
    abi_.merged = [](const syncline_decision_sink* sink, const void* data,
                     std::uint64_t size) noexcept -> syncline_status {
        return guarded<DecisionSink>(sink->impl, [&](DecisionSink& self) -> syncline_status {
            if (self.decided_) {
                return self.refuse("gave merged bytes after its decision");
            }
            if (data == nullptr && size != 0) {
                return self.refuse("gave NULL with a size as merged bytes");
            }
            if (size > kMaxMerged - self.decision_.merged.size()) {
                return self.fail(Status(Code::too_large, "the merge result is too large"));
            }
            if (size != 0) {
                self.decision_.merged.append(static_cast<const char*>(data),
                                             static_cast<std::size_t>(size));
            }
            return SYNCLINE_OK;
        });
    };
    abi_.decide = [](const syncline_decision_sink* sink,
                     const syncline_decision* decision) noexcept -> syncline_status {
        return guarded<DecisionSink>(sink->impl, [&](DecisionSink& self) -> syncline_status {
            if (self.decided_) {
                return self.refuse("decided twice");
            }
            if (decision == nullptr || decision->struct_size < kDecisionSize) {
                return self.refuse("gave a decision that is NULL or too short");
            }
            return self.decide(*decision);
        });
    };
}

syncline_status DecisionSink::decide(const syncline_decision& from) {
    if (!valid(from.reason) || !valid(from.source_key) || !valid(from.target_key) ||
        from.source_key.size > kMaxKey || from.target_key.size > kMaxKey) {
        return refuse("gave a decision with a NULL that has a size, or a key longer than 64 KiB");
    }
    decided_ = true;
    decision_.action =
        from.action >= SYNCLINE_DECISION_KEEP_SOURCE && from.action <= SYNCLINE_DECISION_DECLINE
            ? static_cast<DecisionAction>(from.action)
            : DecisionAction::defer;
    decision_.reason = safe_text(view_of(from.reason), kMaxReason);
    if (decision_.action == DecisionAction::keep_both) {
        decision_.source_key = Bytes(view_of(from.source_key));
        decision_.target_key = Bytes(view_of(from.target_key));
        if (from.struct_size >= kDecisionWithNumberSize && from.number_size != 0) {
            const Bytes& key =
                decision_.source_key.empty() ? decision_.target_key : decision_.source_key;
            if (from.number_at > key.size() || from.number_size > key.size() - from.number_at) {
                return refuse("gave a number that lies outside of the new key");
            }
            decision_.number_at = static_cast<std::size_t>(from.number_at);
            decision_.number_size = static_cast<std::size_t>(from.number_size);
        }
    }
    return SYNCLINE_OK;
}

Result<Decision> DecisionSink::take() {
    if (!decided_) {
        return protocol_error(origin(), "succeeded without a decision");
    }
    if (decision_.action != DecisionAction::merge) {
        decision_.merged.clear();
    }
    return std::move(decision_);
}

// One side's content, for as long as the call that it was passed to.
class ContentStream : public Stream {
public:
    ContentStream(Content* content, const CallContext& context, const Origin& origin)
        : Stream(origin), abi_{}, content_(content), context_(context) {
        abi_.struct_size = sizeof abi_;
        abi_.impl = this;
        abi_.size = content == nullptr ? 0 : content->size();
        abi_.read_at = [](const syncline_content* from, const syncline_call*, std::uint64_t offset,
                          void* buffer, std::uint64_t capacity) noexcept -> std::int64_t {
            return guarded<ContentStream>(from->impl, [&](ContentStream& self) -> std::int64_t {
                if (buffer == nullptr && capacity != 0) {
                    return self.refuse("read a content into NULL");
                }
                const Result<std::size_t> got =
                    self.content_->read_at(self.context_, offset, static_cast<char*>(buffer),
                                           static_cast<std::size_t>(capacity));
                if (!got.ok()) {
                    return self.fail(got.status());
                }
                return static_cast<std::int64_t>(*got);
            });
        };
    }
    const syncline_content* abi() const { return content_ == nullptr ? nullptr : &abi_; }

private:
    syncline_content abi_;
    Content* content_;
    const CallContext& context_;
};

// An item that may be absent.
class OptionalItem {
public:
    OptionalItem(const Item* item, BytesView key) {
        if (item != nullptr) {
            abi_.emplace(to_view(*item), item->key.empty() ? key : BytesView(item->key),
                         AbiItem::Purpose::show);
        }
    }
    const syncline_item* abi() const { return abi_ ? abi_->abi() : nullptr; }

private:
    std::optional<AbiItem> abi_;
};

class AbiStrategy final : public ConflictStrategy {
public:
    AbiStrategy(std::unique_ptr<Instance> instance, const syncline_conflict_strategy& strategy,
                std::uint64_t base_content_limit)
        : instance_(std::move(instance)), strategy_(strategy),
          base_content_limit_(base_content_limit) {}

    const std::string& plugin_id() const override { return instance_->id(); }
    std::uint64_t base_content_limit() const override { return base_content_limit_; }

    Result<Decision> decide(const CallContext& context, const Conflict& conflict) override {
        const Origin origin{instance_->id(), "decide"};
        const OptionalItem base(conflict.base, conflict.key);
        const OptionalItem source(conflict.source, conflict.key);
        const OptionalItem target(conflict.target, conflict.key);
        const ContentStream base_content(conflict.base_content, context, origin);
        const ContentStream source_content(conflict.source_content, context, origin);
        const ContentStream target_content(conflict.target_content, context, origin);
        const syncline_conflict question = {sizeof(syncline_conflict),
                                            static_cast<std::uint32_t>(conflict.kind),
                                            bytes_of(conflict.key),
                                            base.abi(),
                                            source.abi(),
                                            target.abi(),
                                            base_content.abi(),
                                            source_content.abi(),
                                            target_content.abi(),
                                            str_of(conflict.sync_name),
                                            str_of(conflict.source_label),
                                            str_of(conflict.target_label),
                                            conflict.now_wall_ns};
        DecisionSink sink(origin);
        const Status status =
            instance_->call_with(context, "decide", sink, [&](const syncline_call* call) {
                return strategy_.decide(instance_->abi(), call, &question, sink.abi());
            });
        for (const ContentStream* content : {&base_content, &source_content, &target_content}) {
            SYNCLINE_TRY(content->failure());
        }
        SYNCLINE_TRY(status);
        return sink.take();
    }

private:
    const std::unique_ptr<Instance> instance_;
    const syncline_conflict_strategy& strategy_;
    const std::uint64_t base_content_limit_;
};

} // namespace

Result<std::unique_ptr<ConflictStrategy>> make_abi_strategy(std::shared_ptr<const Library> library,
                                                            const Offer& offer,
                                                            std::string_view config_json,
                                                            const Clock& clock) {
    Result<std::unique_ptr<Instance>> instance =
        Instance::make(std::move(library), offer, config_json, clock);
    if (!instance.ok()) {
        return instance.status();
    }
    const Result<const syncline_conflict_strategy*> strategy =
        (*instance)->interface<syncline_conflict_strategy>(SYNCLINE_IFACE_CONFLICT, kFunctions);
    if (!strategy.ok()) {
        return strategy.status();
    }
    if (*strategy == nullptr) {
        return protocol_error({(*instance)->id(), "get_interface"},
                              "does not offer " SYNCLINE_IFACE_CONFLICT ", as strategies must");
    }
    const Result<const syncline_conflict_base*> base =
        (*instance)->interface<syncline_conflict_base>(SYNCLINE_IFACE_CONFLICT_BASE,
                                                       kBaseFunctions);
    if (!base.ok()) {
        return base.status();
    }
    const std::uint64_t limit =
        *base == nullptr
            ? 0
            : std::min<std::uint64_t>((*base)->content_limit((*instance)->abi()), kMaxMerged);
    return std::unique_ptr<ConflictStrategy>(
        std::make_unique<AbiStrategy>(*std::move(instance), **strategy, limit));
}

} // namespace syncline::plugin
