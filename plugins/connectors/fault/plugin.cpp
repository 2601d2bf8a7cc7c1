// A connector around another one that makes it misbehave on purpose. What is not struck goes
// straight through; errors of the inner connector come out unchanged. Of the optional interfaces it
// passes on those that the engine uses, as far as the inner has them.
#include "config.hpp"
#include "rules.hpp"
#include "streams.hpp"

#include <syncline/sdk/sdk.hpp>

#include <algorithm>
#include <chrono>
#include <thread>

namespace syncline::fault {

namespace {

constexpr std::chrono::milliseconds kLookUp{5};

class Fault final : public sdk::Connector,
                    public sdk::Renamer,
                    public sdk::LocalBodies,
                    public sdk::MetaWriter,
                    public sdk::Interruptible {
public:
    explicit Fault(const sdk::Setup& setup)
        : host_(setup.host), inner_(inner_of(setup)), rules_(read_config(setup.config)) {}

    bool offers(std::string_view interface_id) const override {
        // A descriptor is no stream that could be cut.
        if (interface_id == SYNCLINE_IFACE_LOCAL && rules_.cuts_bodies()) {
            return false;
        }
        return inner_.offers(interface_id);
    }

    sdk::Info info(sdk::Call& call) override {
        return around(call, Op::kInfo, {}, [&] {
            sdk::Info info = inner_.info(call);
            info.caps &= ~std::uint64_t{SYNCLINE_CAP_BATCH_ATOMIC};
            info.max_batch = 0;
            info.max_batch_bytes = 0;
            return info;
        });
    }

    void check(sdk::Call& call) override {
        around(call, Op::kCheck, {}, [&] { inner_.check(call); });
    }

    void list(sdk::Call& call, const sdk::ListRequest& request, sdk::ItemSink& sink) override {
        const auto strike = begin(call, Op::kList, request.prefix);
        if (!strike) {
            inner_.list(call, request, sink.raw());
            return;
        }
        CutItems cut(sink.raw());
        break_off(cut, *strike, [&] { inner_.list(call, request, cut.sink()); });
    }

    sdk::Item stat(sdk::Call& call, std::string_view key) override {
        return around(call, Op::kStat, key, [&] { return inner_.stat(call, key); });
    }

    void get(sdk::Call& call, const sdk::GetRequest& request, sdk::GetSink& sink) override {
        const auto strike = begin(call, Op::kGet, request.key);
        if (!strike) {
            inner_.get(call, request, sink.raw());
            return;
        }
        CutBody cut(sink.raw(), request);
        break_off(cut, *strike, [&] { inner_.get(call, request, cut.sink()); });
    }

    sdk::Item put(sdk::Call& call, const sdk::PutRequest& request, sdk::Reader& body) override {
        const auto strike = begin(call, Op::kPut, request.key);
        if (!strike) {
            return inner_.put(call, request, body.raw());
        }
        if (strike->rule->lost_ack) {
            inner_.put(call, request, body.raw());
            throw error(*strike);
        }
        if (body.raw() == nullptr || body.size() == std::uint64_t{0} ||
            request.item.kind() == sdk::Kind::kContainer) {
            throw error(*strike); // nothing to cut, and nothing may be written
        }
        CutReader cut(body.raw(), strike->status);
        break_off(cut, *strike, [&] { inner_.put(call, request, cut.reader()); });
    }

    void remove(sdk::Call& call, const sdk::RemoveRequest& request) override {
        around(call, Op::kRemove, request.key, [&] { inner_.remove(call, request); });
    }

    void flush(sdk::Call& call) override {
        around(call, Op::kFlush, {}, [&] { inner_.flush(call); });
    }

    sdk::Item rename(sdk::Call& call, const sdk::RenameRequest& request) override {
        return around(
            call, Op::kRename, request.from_key, [&] { return inner_.rename(call, request); },
            request.to_key);
    }

    sdk::Item set_meta(sdk::Call& call, const sdk::PutRequest& request) override {
        return around(call, Op::kSetMeta, request.key,
                      [&] { return inner_.set_meta(call, request); });
    }

    std::int32_t open_body(sdk::Call& call, const sdk::GetRequest& request,
                           sdk::ItemSink& sink) override {
        return around(call, Op::kOpenBody, request.key,
                      [&] { return inner_.open_body(call, request, sink.raw()); });
    }

    sdk::Item put_fd(sdk::Call& call, const sdk::PutRequest& request, std::int32_t fd) override {
        return around(call, Op::kPutFd, request.key,
                      [&] { return inner_.put_fd(call, request, fd); });
    }

    void interrupt(std::uint64_t call_id) noexcept override { inner_.interrupt(call_id); }

private:
    // A strike whose effect comes in or after the call, with the error that it ends with.
    struct Effect {
        const Rule* rule;
        syncline_status status;
        std::string message;
    };

    static sdk::Inner inner_of(const sdk::Setup& setup) {
        if (setup.host.inner() == nullptr) {
            throw sdk::Error(SYNCLINE_E_INVALID_CONFIG,
                             "the fault connector wraps another one: write its URL as "
                             "fault+SCHEME://..., for example fault+file:///directory");
        }
        return sdk::Inner(setup.host);
    }

    static sdk::Error error(const Effect& effect) {
        sdk::Error error(effect.status, effect.message);
        if (effect.rule->retry_after_ms >= 0) {
            error.retry_after(std::chrono::milliseconds(effect.rule->retry_after_ms));
        }
        if (effect.status <= SYNCLINE_E_VENDOR) {
            error.detail(SYNCLINE_DETAIL_VENDOR_CODE, std::to_string(effect.status));
        }
        return error;
    }

    Effect effect_of(const Strike& strike, syncline_status fallback, Op op, std::string_view key,
                     std::string_view how) const {
        Effect effect{strike.rule, strike.status.value_or(fallback), {}};
        effect.message = "injected by the fault connector: " + name_of(effect.status) + " in ";
        effect.message += name_of(op);
        if (!key.empty()) {
            effect.message += " of '" + sdk::printable(key) + "'";
        }
        effect.message.append(how).append(" (call ").append(std::to_string(strike.call));
        effect.message.append(", seed ").append(std::to_string(rules_.seed())).append(")");
        return effect;
    }

    // All that comes before the call. Throws what the call is to fail with; else what is to happen
    // in it or after it, if anything.
    std::optional<Effect> begin(sdk::Call& call, Op op, std::string_view key,
                                std::string_view other_key = {}) {
        const std::optional<Strike> strike = rules_.strike(op, key, other_key);
        if (!strike) {
            return std::nullopt;
        }
        const Rule& rule = *strike->rule;
        const auto until =
            std::chrono::steady_clock::now() + std::chrono::milliseconds(rule.delay_ms);
        while (rule.hang || std::chrono::steady_clock::now() < until) {
            if (call.cancelled()) {
                const Strike ended{strike->rule, SYNCLINE_E_CANCELLED, strike->call};
                throw error(
                    effect_of(ended, SYNCLINE_E_CANCELLED, op, key, ", ended while it waited"));
            }
            std::this_thread::sleep_for(kLookUp);
        }
        std::optional<Effect> effect;
        if (rule.lost_ack) {
            effect = effect_of(*strike, SYNCLINE_E_OUTCOME_UNKNOWN, op, key, ", after it was done");
        } else if (rule.short_body) {
            effect = effect_of(*strike, SYNCLINE_E_IO, op, key, ", half way");
        } else if (strike->status) {
            effect = effect_of(*strike, *strike->status, op, key, "");
        }
        if (effect) {
            host_.log(SYNCLINE_LOG_DEBUG, effect->message, {}, &call);
        }
        if (effect && !rule.lost_ack && !rule.short_body) {
            throw error(*effect);
        }
        return effect;
    }

    // A call that carries no stream of ours.
    template <class Body>
    auto around(sdk::Call& call, Op op, std::string_view key, Body&& body,
                std::string_view other_key = {}) -> decltype(body()) {
        const std::optional<Effect> effect = begin(call, op, key, other_key);
        if (!effect) {
            return body();
        }
        body();
        throw error(*effect);
    }

    // The inner's failure is its own unless we broke the stream.
    template <class Cut, class Body>
    [[noreturn]] static void break_off(const Cut& cut, const Effect& effect, Body&& body) {
        try {
            body();
        } catch (const sdk::StreamError&) {
            if (!cut.was_cut()) {
                throw;
            }
        }
        throw error(effect);
    }

    sdk::Host host_;
    sdk::Inner inner_;
    Rules rules_;
};

constexpr std::uint64_t kAllCaps = (SYNCLINE_CAP_BATCH_ATOMIC << 1U) - 1;

} // namespace

} // namespace syncline::fault

SYNCLINE_PLUGIN(syncline::sdk::connector<syncline::fault::Fault>(
    syncline::sdk::Descriptor("syncline.connector.fault", "1.0.0", "fault")
        .vendor("Syncline")
        .description("Makes another endpoint misbehave on purpose, to rehearse failures")
        .schema(syncline::fault::kConfigSchema)
        .caps(syncline::fault::kAllCaps)
        .features({SYNCLINE_FEATURE_WRAPPER, SYNCLINE_FEATURE_TRANSPARENT})
        .schemes({"fault"})));
