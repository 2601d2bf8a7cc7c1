// What a trace is played to: a breaker or a rate limiter on a clock that the trace owns.
#pragma once

#include "fields.hpp"

#include "syncline/core/clock.hpp"

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace trace {

// Says what the last step said, from 0. A sleep moves it only until the next step sets it again.
class TraceClock final : public syncline::Clock {
public:
    std::int64_t mono_ns() const override { return now_; }
    std::int64_t wall_ns() const override { return now_; }
    bool sleep_until(std::int64_t mono_ns, const std::stop_token&) const override {
        now_ = std::max(now_, mono_ns);
        return true;
    }
    void set(std::int64_t mono_ns) { now_ = mono_ns; }

private:
    mutable std::int64_t now_ = 0;
};

class Subject {
public:
    virtual ~Subject() = default;
    // Plays one event. Returns what can be expected of it, by name: booleans, strings, numbers,
    // null. Throws Malformed.
    virtual nlohmann::json play(const std::string& event, Fields& step) = 0;
};

std::unique_ptr<Subject> make_breaker(Fields& config, TraceClock& clock);
std::unique_ptr<Subject> make_limiter(Fields& config, TraceClock& clock);

} // namespace trace
