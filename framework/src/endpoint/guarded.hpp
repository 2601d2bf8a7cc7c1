// Calls on a connector made through its guard.
#pragma once

#include "endpoint/call_slots.hpp"
#include "syncline/plugin/connector.hpp"
#include "syncline/resilience/call_guard.hpp"

#include <optional>
#include <utility>

namespace syncline {

inline constexpr CallTraits kRead{.is_write = false, .is_idempotent = true, .is_long = false};
inline constexpr CallTraits kLongRead{.is_write = false, .is_idempotent = true, .is_long = true};
// Not idempotent: after an answer that got lost, the condition of a write would fail for what the
// write itself did.
inline constexpr CallTraits kWrite{.is_write = true, .is_idempotent = false, .is_long = false};
inline constexpr CallTraits kLongWrite{.is_write = true, .is_idempotent = false, .is_long = true};
// What was written must be told apart from what was not, whatever the breaker thinks of the side.
inline constexpr CallTraits kFlush{
    .is_write = true, .is_idempotent = false, .is_long = true, .is_vital = true};

// `make(call)` returns a Status; `can_repeat(status)` as GuardedCall's. Holds one of the
// connector's slots while it runs, but not while it waits to be made.
template <typename Make, typename CanRepeat>
class SlottedCall final : public GuardedCall {
public:
    SlottedCall(CallSlots& slots, Make& make, CanRepeat& can_repeat)
        : slots_(slots), make_(make), can_repeat_(can_repeat) {}
    Status make(const CallContext& call) override {
        const CallSlots::Slot slot(slots_);
        return make_(call);
    }
    bool can_repeat(const Status& after) override { return can_repeat_(after); }

private:
    CallSlots& slots_;
    Make& make_;
    CanRepeat& can_repeat_;
};

// What a call needs besides itself.
struct GuardedSlots {
    CallGuard& guard;
    CallSlots& slots;

    template <typename Make, typename CanRepeat>
    Status run(const CallTraits& traits, const CallContext& call, Make make,
               CanRepeat can_repeat) const {
        SlottedCall<Make, CanRepeat> slotted(slots, make, can_repeat);
        return guard.run(traits, call, slotted);
    }

    // For calls that answer with a value and can always be made again.
    template <typename T, typename Make>
    Result<T> ask(const CallTraits& traits, const CallContext& call, Make make) const {
        return ask<T>(traits, call, std::move(make), [](const Status&) { return true; });
    }
    template <typename T, typename Make, typename CanRepeat>
    Result<T> ask(const CallTraits& traits, const CallContext& call, Make make,
                  CanRepeat can_repeat) const {
        std::optional<T> value;
        const Status status = run(
            traits, call,
            [&](const CallContext& attempt) -> Status {
                Result<T> answer = make(attempt);
                if (!answer.ok()) {
                    return answer.status();
                }
                value.emplace(*std::move(answer));
                return {};
            },
            std::move(can_repeat));
        if (!status.ok()) {
            return status;
        }
        return *std::move(value);
    }
};

} // namespace syncline
