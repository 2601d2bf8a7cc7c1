#include "syncline/resilience/rate_limiter.hpp"

#include "subject.hpp"

#include <map>
#include <utility>

namespace trace {
namespace {

using namespace syncline;
using nlohmann::json;

double read_rate(Fields& fields) {
    const json& value = fields.any("rate_per_s");
    if (value.is_string()) {
        if (value.get<std::string>() != "inf") {
            fields.fail("'rate_per_s' must be a number or \"inf\"");
        }
        return kInfiniteRate;
    }
    const double rate = fields.number("rate_per_s");
    if (rate < 0) {
        fields.fail("'rate_per_s' must not be negative");
    }
    return rate;
}

std::int64_t read_burst(Fields& fields) {
    const std::int64_t burst = fields.integer("burst");
    if (burst < 0) {
        fields.fail("'burst' must not be negative");
    }
    return burst;
}

class LimiterSubject final : public Subject {
public:
    LimiterSubject(std::unique_ptr<RateLimiter> limiter, TraceClock& clock)
        : limiter_(std::move(limiter)), clock_(clock) {}

    json play(const std::string& event, Fields& step) override {
        const std::int64_t now = clock_.mono_ns();
        json seen = json::object();
        if (event == "allow") {
            seen["ok"] = limiter_->allow(number_of(step));
            seen["wait_ms"] = 0.0;
        } else if (event == "reserve") {
            reserve(step, seen);
        } else if (event == "cancel") {
            cancel(step);
        } else if (event == "wait") {
            CallContext call;
            if (step.has("deadline_ms")) {
                call.deadline_mono_ns = now + step.ms("deadline_ms");
            }
            const WaitResult result = limiter_->wait(number_of(step), call);
            seen["ok"] = result.status.ok();
            seen["wait_ms"] = static_cast<double>(result.waited_ns) / 1e6;
            clock_.set(now); // judged at this instant: nobody else's time has passed
        } else if (event == "set-limit") {
            limiter_->set_rate(read_rate(step));
        } else if (event == "set-burst") {
            limiter_->set_burst(read_burst(step));
        } else if (event != "tokens") {
            step.fail("unknown event '" + event + "'");
        }
        seen["tokens"] = limiter_->tokens();
        return seen;
    }

private:
    static std::int64_t number_of(Fields& step) { return step.has("n") ? step.integer("n") : 1; }

    void reserve(Fields& step, json& seen) {
        const std::string id = step.text("id");
        if (reservations_.contains(id)) {
            step.fail("the reservation '" + id + "' was made already");
        }
        Reservation made = limiter_->reserve(number_of(step), step.ms_or("max_wait_ms", kAnyWait));
        seen["ok"] = made.ok();
        seen["wait_ms"] = static_cast<double>(made.wait_ns()) / 1e6;
        reservations_.emplace(id, std::move(made));
    }

    // Cancelling what was refused, or cancelled before, does nothing.
    void cancel(Fields& step) {
        const std::string id = step.text("id");
        const auto made = reservations_.find(id);
        if (made == reservations_.end()) {
            step.fail("no reservation '" + id + "' was made");
        }
        made->second.cancel();
    }

    std::unique_ptr<RateLimiter> limiter_;
    TraceClock& clock_;
    std::map<std::string, Reservation> reservations_;
};

} // namespace

std::unique_ptr<Subject> make_limiter(Fields& config, TraceClock& clock) {
    RateLimiterOptions options;
    options.rate_per_s = read_rate(config);
    // An infinite rate has no use for a burst.
    options.burst =
        options.rate_per_s == kInfiniteRate && !config.has("burst") ? 0 : read_burst(config);
    return std::make_unique<LimiterSubject>(make_rate_limiter(options, clock), clock);
}

} // namespace trace
