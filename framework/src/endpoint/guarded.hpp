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
// write itself did. A put to a store that knows repetitions by their intent is the exception.
inline constexpr CallTraits kWrite{.is_write = true, .is_idempotent = false, .is_long = false};
inline constexpr CallTraits kLongWrite{.is_write = true, .is_idempotent = false, .is_long = true};
// What was written must be told apart from what was not, whatever the breaker thinks of the side.
inline constexpr CallTraits kFlush{
    .is_write = true, .is_idempotent = false, .is_long = true, .is_vital = true};

// How a call goes on after a failure that it can always start over from: see GuardedCall.
struct StartsOver {
    static bool can_repeat(const Status&) { return true; }
    static bool is_foreign() { return false; }
    static std::uint64_t progress() { return 0; }
};

// `make(call)` returns a Status; `course` answers as StartsOver does.
template <typename Make, typename Course>
class SlottedCall final : public GuardedCall {
public:
    SlottedCall(CallSlots& slots, Make& make, Course& course)
        : slots_(slots), make_(make), course_(course) {}
    Status enter(const CallContext& call) override { return slots_.take(call); }
    void leave() override { slots_.give_back(); }
    Status make(const CallContext& call) override { return make_(call); }
    bool can_repeat(const Status& after) override { return course_.can_repeat(after); }
    bool is_foreign() const override { return course_.is_foreign(); }
    std::uint64_t progress() const override { return course_.progress(); }

private:
    CallSlots& slots_;
    Make& make_;
    Course& course_;
};

// What a call needs besides itself.
struct GuardedSlots {
    CallGuard& guard;
    CallSlots& slots;

    template <typename Make, typename Course = StartsOver>
    Status run(const CallTraits& traits, const CallContext& call, Make make,
               Course&& course = {}) const {
        SlottedCall slotted(slots, make, course);
        return guard.run(traits, call, slotted);
    }

    // For calls that answer with a value.
    template <typename T, typename Make, typename Course = StartsOver>
    Result<T> ask(const CallTraits& traits, const CallContext& call, Make make,
                  Course&& course = {}) const {
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
            course);
        if (!status.ok()) {
            return status;
        }
        return *std::move(value);
    }
};

} // namespace syncline
