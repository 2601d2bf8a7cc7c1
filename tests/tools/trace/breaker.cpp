#include "subject.hpp"

#include "syncline/resilience/circuit_breaker.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace trace {
namespace {

using namespace syncline;
using nlohmann::json;

void read_window(Fields& config, BreakerOptions& options) {
    options.window = WindowKind::none;
    if (!config.has("window")) {
        return;
    }
    Fields window(config.any("window"), config.where() + ": window");
    const std::string type = window.text("type");
    if (type == "count") {
        options.window = WindowKind::count;
        window.any("size");
        options.window_calls = window.count_or("size", 0);
    } else if (type == "time") {
        options.window = WindowKind::time;
        options.window_ns = window.ms("ms");
        window.any("buckets");
        options.window_buckets = window.count_or("buckets", 0);
    } else if (type != "none") {
        window.fail("unknown type '" + type + "'");
    }
    window.finish();
}

BreakerOptions read_options(Fields& config) {
    BreakerOptions options;
    read_window(config, options);
    options.consecutive_failures = config.count_or("consecutive_failures", 0);
    options.failure_rate_percent = config.percent_or("failure_rate_percent", 0);
    options.slow_call_ns = config.ms_or("slow_call_ms", 0);
    options.slow_rate_percent = config.percent_or("slow_rate_percent", 0);
    options.minimum_calls = config.count_or("minimum_calls", 0);
    options.open_ns = config.ms_or("open_ms", kNoDeadline);
    options.open_growth = 1;
    options.open_jitter = 0;
    // Where only one of the two is told, all probes must succeed.
    const bool has_calls = config.has("half_open_calls");
    options.half_open_successes =
        config.count_or("half_open_successes", config.count_or("half_open_calls", 1));
    options.half_open_calls =
        has_calls ? config.count_or("half_open_calls", 1) : options.half_open_successes;
    options.half_open_ns = config.ms_or("half_open_ms", 0);
    return options;
}

class BreakerSubject final : public Subject {
public:
    BreakerSubject(std::unique_ptr<CircuitBreaker> breaker, const TraceClock& clock)
        : breaker_(std::move(breaker)), clock_(clock) {}

    json play(const std::string& event, Fields& step) override {
        json seen = json::object();
        if (event == "call-ok") {
            call(CallOutcome::ok, step, seen);
        } else if (event == "call-fail") {
            call(CallOutcome::failed, step, seen);
        } else if (event == "call-ignored") {
            call(CallOutcome::ignored, step, seen);
        } else if (event == "begin") {
            begin(step, seen);
        } else if (event == "end") {
            end(step);
        } else if (event == "force-open") {
            breaker_->force_open();
        } else if (event == "force-closed") {
            breaker_->force_closed();
        } else if (event == "disable") {
            breaker_->disable();
        } else if (event == "metrics-only") {
            breaker_->metrics_only();
        } else if (event == "reset") {
            breaker_->reset();
        } else if (event == "check") {
            tell(breaker_->snapshot().reject, seen);
        } else {
            step.fail("unknown event '" + event + "'");
        }
        const BreakerSnapshot after = breaker_->snapshot();
        seen["state"] = std::string(name_of(after.state));
        seen["retry_after_ms"] = static_cast<double>(after.retry_after_ns) / 1e6;
        return seen;
    }

private:
    static void tell(BreakerReject reject, json& seen) {
        seen["admitted"] = reject == BreakerReject::none;
        seen["reject"] =
            reject == BreakerReject::none ? json(nullptr) : json(std::string(name_of(reject)));
    }

    void call(CallOutcome outcome, Fields& step, json& seen) {
        const std::int64_t duration = step.ms_or("duration_ms", 0);
        BreakerPermit permit = breaker_->acquire();
        tell(permit.reject(), seen);
        permit.settle(outcome, clock_.mono_ns(), duration);
    }

    void begin(Fields& step, json& seen) {
        const std::string id = step.text("id");
        if (const auto open = calls_.find(id); open != calls_.end()) {
            if (open->second.running) {
                step.fail("the call '" + id + "' has begun already");
            }
            calls_.erase(open);
        }
        BreakerPermit permit = breaker_->acquire();
        tell(permit.reject(), seen);
        const bool running = permit.admitted();
        calls_.emplace(id, Call{std::move(permit), running});
    }

    // Of a call that was refused, or that has ended, nothing is left to settle.
    void end(Fields& step) {
        const std::string id = step.text("id");
        const std::string word = step.text("outcome");
        static const std::map<std::string, CallOutcome> kOutcomes = {
            {"ok", CallOutcome::ok},
            {"fail", CallOutcome::failed},
            {"ignored", CallOutcome::ignored},
            {"abandoned", CallOutcome::abandoned}};
        const auto outcome = kOutcomes.find(word);
        if (outcome == kOutcomes.end()) {
            step.fail("unknown outcome '" + word + "'");
        }
        const auto open = calls_.find(id);
        if (open == calls_.end()) {
            step.fail("no call '" + id + "' has begun");
        }
        const std::int64_t duration = step.ms_or("duration_ms", -1);
        open->second.running = false;
        if (outcome->second == CallOutcome::abandoned) {
            // As a caller does it: by dropping the permit.
            const BreakerPermit dropped = std::move(open->second.permit);
        } else {
            open->second.permit.settle(outcome->second, clock_.mono_ns(), duration);
        }
    }

    struct Call {
        BreakerPermit permit;
        bool running;
    };

    std::unique_ptr<CircuitBreaker> breaker_;
    const TraceClock& clock_;
    std::map<std::string, Call> calls_;
};

} // namespace

std::unique_ptr<Subject> make_breaker(Fields& config, TraceClock& clock) {
    const BreakerOptions options = read_options(config);
    auto breaker = make_circuit_breaker(options, clock);
    if (!breaker.ok()) {
        config.fail(breaker.status().message());
    }
    return std::make_unique<BreakerSubject>(*std::move(breaker), clock);
}

} // namespace trace
