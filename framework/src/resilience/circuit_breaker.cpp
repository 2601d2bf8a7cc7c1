#include "syncline/resilience/circuit_breaker.hpp"

#include "resilience/brief_mutex.hpp"
#include "resilience/call_window.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <deque>
#include <mutex>
#include <string>

namespace syncline {
namespace {

using resilience::BriefMutex;
using resilience::CallCounts;
using resilience::CallWindow;

// State, generation and whether calls are timed, in one word, so that the common decisions (closed:
// go; open: no) need no lock. Bits 0-2 state, bit 3 timed, the rest generation.
constexpr std::uint64_t kTimed = 8;
BreakerState state_in(std::uint64_t word) { return static_cast<BreakerState>(word & 7U); }
std::uint64_t generation_in(std::uint64_t word) { return word >> 4U; }

bool counts_calls(BreakerState state) {
    return state == BreakerState::closed || state == BreakerState::metrics_only;
}

bool at_least(std::uint64_t part, std::uint64_t whole, double percent) {
    return static_cast<double>(part) * 100 >= percent * static_cast<double>(whole);
}

class Breaker final : public CircuitBreaker {
public:
    Breaker(const BreakerOptions& options, const Clock& clock, BreakerListener listener)
        : clock_(clock), listener_(std::move(listener)), options_(options), window_(options),
          random_(options.seed) {
        publish();
    }

    BreakerPermit acquire() override {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        if (counts_calls(state_in(word)) && (word & kTimed) == 0) {
            return admit(generation_in(word), -1);
        }
        return acquire(clock_.mono_ns());
    }

    BreakerPermit acquire(std::int64_t now) override {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        switch (state_in(word)) {
        case BreakerState::closed:
        case BreakerState::metrics_only:
            return admit(generation_in(word), (word & kTimed) != 0 ? now : -1);
        case BreakerState::disabled:
            return admit_uncounted();
        case BreakerState::forced_open:
            return refuse(BreakerReject::open, 0);
        case BreakerState::open: {
            // At least as new as the word, and a newer one belongs to a newer open state.
            const std::int64_t until = open_until_.load(std::memory_order_relaxed);
            if (now < until) {
                return refuse(BreakerReject::open, until == INT64_MAX ? 0 : until - now);
            }
            break;
        }
        case BreakerState::half_open:
            break;
        }
        std::unique_lock lock(mutex_);
        BreakerPermit permit = acquire_locked(now);
        deliver(lock);
        return permit;
    }

    void force_open() override { set_by_hand(BreakerState::forced_open); }
    void force_closed() override { set_by_hand(BreakerState::closed); }
    void disable() override { set_by_hand(BreakerState::disabled); }
    void metrics_only() override { set_by_hand(BreakerState::metrics_only); }

    void reset() override {
        const std::int64_t now = clock_.mono_ns();
        std::unique_lock lock(mutex_);
        keep_half_open_deadline(now);
        change(BreakerState::closed, now);
        deliver(lock);
    }

    Status reconfigure(const BreakerOptions& options) override {
        SYNCLINE_TRY(validate(options));
        const std::int64_t now = clock_.mono_ns();
        std::unique_lock lock(mutex_);
        keep_half_open_deadline(now);
        window_.reshape(options, now);
        if (options.seed != options_.seed) {
            random_ = options.seed;
        }
        options_ = options;
        publish();
        if (state_ == BreakerState::half_open) {
            judge_probes(now);
        }
        deliver(lock);
        return {};
    }

    BreakerSnapshot snapshot() override {
        const std::int64_t now = clock_.mono_ns();
        std::unique_lock lock(mutex_);
        keep_half_open_deadline(now);
        BreakerSnapshot shot;
        shot.state = state_;
        shot.generation = generation_;
        shot.times_opened = times_opened_;
        const CallCounts& counts = window_.counts(now);
        shot.calls = counts.calls;
        shot.failures = counts.failures;
        shot.slow = counts.slow;
        shot.consecutive_failures = consecutive_;
        shot.probes_out = probes_out_;
        shot.probes_ok = probes_ok_;
        shot.probes_failed = probes_failed_;
        switch (state_) {
        case BreakerState::open: {
            const std::int64_t until = open_until_.load(std::memory_order_relaxed);
            if (now >= until) {
                shot.state = BreakerState::half_open; // the next call makes it so
            } else {
                shot.reject = BreakerReject::open;
                shot.retry_after_ns = until == INT64_MAX ? 0 : until - now;
            }
            break;
        }
        case BreakerState::half_open:
            shot.reject = probe_is_free() ? BreakerReject::none : BreakerReject::too_many;
            break;
        case BreakerState::forced_open:
            shot.reject = BreakerReject::open;
            break;
        case BreakerState::closed:
        case BreakerState::disabled:
        case BreakerState::metrics_only:
            break;
        }
        deliver(lock);
        return shot;
    }

protected:
    void settle(std::uint64_t generation, CallOutcome outcome, std::int64_t started,
                std::int64_t now, std::int64_t duration) noexcept override {
        const std::uint64_t word = word_.load(std::memory_order_acquire);
        if (generation_in(word) != generation) {
            return;
        }
        const bool counts = outcome == CallOutcome::ok || outcome == CallOutcome::failed;
        if (!counts && state_in(word) != BreakerState::half_open) {
            return;
        }
        if (now < 0) {
            now = clock_.mono_ns();
        }
        if (duration < 0) {
            duration = started < 0 ? 0 : now - started;
        }
        std::unique_lock lock(mutex_);
        keep_half_open_deadline(now);
        if (generation_ != generation) {
            // Late; the deadline just seen may still have something to tell.
        } else if (state_ == BreakerState::half_open) {
            settle_probe(outcome, now);
        } else {
            count(outcome == CallOutcome::failed, duration, now);
        }
        deliver(lock);
    }

private:
    BreakerPermit acquire_locked(std::int64_t now) {
        keep_half_open_deadline(now);
        if (state_ == BreakerState::open) {
            const std::int64_t until = open_until_.load(std::memory_order_relaxed);
            if (now < until) {
                return refuse(BreakerReject::open, until == INT64_MAX ? 0 : until - now);
            }
            change(BreakerState::half_open, now);
        }
        switch (state_) {
        case BreakerState::closed:
        case BreakerState::metrics_only:
            return admit(generation_, options_.slow_call_ns > 0 ? now : -1);
        case BreakerState::disabled:
            return admit_uncounted();
        case BreakerState::open:
        case BreakerState::forced_open:
            return refuse(BreakerReject::open, 0);
        case BreakerState::half_open:
            break;
        }
        if (!probe_is_free()) {
            return refuse(BreakerReject::too_many, 0);
        }
        ++probes_out_;
        return admit(generation_, now);
    }

    bool probe_is_free() const {
        const std::uint64_t admitted = probes_out_ + probes_ok_ + probes_failed_;
        return admitted < options_.half_open_calls &&
               (options_.half_open_concurrent == 0 || probes_out_ < options_.half_open_concurrent);
    }

    void settle_probe(CallOutcome outcome, std::int64_t now) {
        --probes_out_;
        if (outcome == CallOutcome::ok) {
            ++probes_ok_;
        } else if (outcome == CallOutcome::failed) {
            ++probes_failed_;
        }
        judge_probes(now);
    }

    void judge_probes(std::int64_t now) {
        if (probes_ok_ >= options_.half_open_successes) {
            change(BreakerState::closed, now);
        } else if (probes_failed_ + options_.half_open_successes > options_.half_open_calls) {
            open(now);
        }
    }

    void count(bool failed, std::int64_t duration, std::int64_t now) {
        const bool slow = options_.slow_call_ns > 0 && duration >= options_.slow_call_ns;
        window_.add(failed, slow, now);
        consecutive_ = failed ? consecutive_ + 1 : 0;
        if (state_ == BreakerState::closed && must_open(window_.counts(now))) {
            open(now);
        }
    }

    bool must_open(const CallCounts& counts) const {
        if (options_.consecutive_failures != 0 && consecutive_ >= options_.consecutive_failures) {
            return true;
        }
        if (counts.calls < options_.minimum_calls) {
            return false;
        }
        return (options_.failure_rate_percent > 0 &&
                at_least(counts.failures, counts.calls, options_.failure_rate_percent)) ||
               (options_.slow_rate_percent > 0 &&
                at_least(counts.slow, counts.calls, options_.slow_rate_percent));
    }

    // The deadline is an instant, not the moment at which somebody notices that it has passed.
    void keep_half_open_deadline(std::int64_t now) {
        if (state_ == BreakerState::half_open && options_.half_open_ns != 0) {
            const std::int64_t deadline = later(half_open_at_, options_.half_open_ns);
            if (now >= deadline) {
                open(deadline);
            }
        }
    }

    void open(std::int64_t at) {
        double interval = static_cast<double>(options_.open_ns);
        const double cap = static_cast<double>(std::max(options_.open_max_ns, options_.open_ns));
        for (std::uint64_t i = 0; i < attempts_ && interval < cap; ++i) {
            if (options_.open_growth <= 1) {
                break;
            }
            interval = std::min(interval * options_.open_growth, cap);
        }
        ++attempts_;
        ++times_opened_;
        std::int64_t span = options_.open_ns;
        if (span != kNoDeadline) {
            interval *= 1 + options_.open_jitter * random_unit();
            span = interval < 9e18 ? std::llround(interval) : kNoDeadline;
        }
        open_until_.store(later(at, span), std::memory_order_relaxed);
        change(BreakerState::open, at);
    }

    void set_by_hand(BreakerState to) {
        const std::int64_t now = clock_.mono_ns();
        std::unique_lock lock(mutex_);
        keep_half_open_deadline(now);
        if (state_ != to) {
            change(to, now);
        }
        deliver(lock);
    }

    // A new generation: whatever is under way belongs to the old one.
    void change(BreakerState to, std::int64_t at) {
        const BreakerState from = std::exchange(state_, to);
        ++generation_;
        window_.clear();
        consecutive_ = 0;
        probes_out_ = 0;
        probes_ok_ = 0;
        probes_failed_ = 0;
        if (to == BreakerState::half_open) {
            half_open_at_ = at;
        } else if (to != BreakerState::open) {
            attempts_ = 0;
        }
        publish();
        if (from != to && listener_) {
            events_.push_back({from, to, at, generation_});
        }
    }

    void publish() {
        word_.store((generation_ << 4U) | (options_.slow_call_ns > 0 ? kTimed : 0U) |
                        static_cast<std::uint64_t>(state_),
                    std::memory_order_release);
    }

    // One thread at a time tells the listener, so that it hears of changes in their order; changes
    // that come meanwhile, by others or by the listener itself, are told by that thread too.
    void deliver(std::unique_lock<BriefMutex>& lock) {
        if (events_.empty() || delivering_) {
            return;
        }
        delivering_ = true;
        while (!events_.empty()) {
            const BreakerEvent event = events_.front();
            events_.pop_front();
            lock.unlock();
            try {
                listener_(event);
            } catch (...) { // its own affair; the caller of the breaker did nothing wrong
            }
            lock.lock();
        }
        delivering_ = false;
    }

    // splitmix64, as a number in [0, 1).
    double random_unit() {
        random_ += 0x9e3779b97f4a7c15ULL;
        std::uint64_t z = random_;
        z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
        z ^= z >> 31U;
        return static_cast<double>(z >> 11U) * 0x1.0p-53;
    }

    const Clock& clock_;
    const BreakerListener listener_;

    std::atomic<std::uint64_t> word_{0};
    std::atomic<std::int64_t> open_until_{0};

    BriefMutex mutex_; // guards everything below
    BreakerOptions options_;
    CallWindow window_;
    BreakerState state_ = BreakerState::closed;
    std::uint64_t generation_ = 1;
    std::uint64_t consecutive_ = 0;
    std::uint64_t probes_out_ = 0;
    std::uint64_t probes_ok_ = 0;
    std::uint64_t probes_failed_ = 0;
    std::uint64_t attempts_ = 0; // openings since it was closed
    std::uint64_t times_opened_ = 0;
    std::int64_t half_open_at_ = 0;
    std::uint64_t random_;
    std::deque<BreakerEvent> events_;
    bool delivering_ = false;
};

Status bad(std::string_view what) {
    return {Code::invalid_config, "circuit breaker: " + std::string(what)};
}

bool is_percent(double value) { return value >= 0 && value <= 100; } // false for not-a-number

} // namespace

std::string_view name_of(BreakerState state) {
    switch (state) {
    case BreakerState::closed:
        return "closed";
    case BreakerState::open:
        return "open";
    case BreakerState::half_open:
        return "half-open";
    case BreakerState::forced_open:
        return "forced-open";
    case BreakerState::disabled:
        return "disabled";
    case BreakerState::metrics_only:
        return "metrics-only";
    }
    return "unknown";
}

std::string_view name_of(BreakerReject reject) {
    switch (reject) {
    case BreakerReject::none:
        return "none";
    case BreakerReject::open:
        return "open";
    case BreakerReject::too_many:
        return "too-many";
    }
    return "unknown";
}

CallOutcome outcome_of(const Status& status) {
    switch (status.code()) {
    case Code::ok:
        return CallOutcome::ok;
    case Code::unknown:
    case Code::unavailable:
    case Code::timeout:
    case Code::io:
    case Code::internal:
    case Code::outcome_unknown:
        return CallOutcome::failed;
    default:
        return CallOutcome::ignored;
    }
}

Status validate(const BreakerOptions& options) {
    if (options.window == WindowKind::count &&
        (options.window_calls == 0 || options.window_calls > 1'000'000)) {
        return bad("window_calls must be from 1 to 1000000");
    }
    if (options.window == WindowKind::time &&
        (options.window_buckets == 0 || options.window_buckets > 100'000)) {
        return bad("window_buckets must be from 1 to 100000");
    }
    if (options.window == WindowKind::time && options.window_ns < options.window_buckets) {
        return bad("window_ns must be at least a nanosecond for each bucket");
    }
    if (!is_percent(options.failure_rate_percent)) {
        return bad("failure_rate_percent must be from 0 to 100");
    }
    if (!is_percent(options.slow_rate_percent)) {
        return bad("slow_rate_percent must be from 0 to 100");
    }
    if (options.slow_call_ns < 0) {
        return bad("slow_call_ns must not be negative");
    }
    if (options.slow_rate_percent > 0 && options.slow_call_ns == 0) {
        return bad("slow_rate_percent needs slow_call_ns");
    }
    if (options.open_ns < 0 || options.open_max_ns < 0) {
        return bad("open_ns and open_max_ns must not be negative");
    }
    if (!(options.open_growth >= 1) || !std::isfinite(options.open_growth)) {
        return bad("open_growth must be at least 1");
    }
    if (!(options.open_jitter >= 0 && options.open_jitter <= 1)) {
        return bad("open_jitter must be from 0 to 1");
    }
    if (options.half_open_successes == 0 || options.half_open_calls < options.half_open_successes) {
        return bad("half_open_successes must be from 1 to half_open_calls");
    }
    if (options.half_open_ns < 0) {
        return bad("half_open_ns must not be negative");
    }
    return {};
}

Result<std::unique_ptr<CircuitBreaker>>
make_circuit_breaker(const BreakerOptions& options, const Clock& clock, BreakerListener listener) {
    if (Status status = validate(options); !status.ok()) {
        return status;
    }
    return std::unique_ptr<CircuitBreaker>(
        std::make_unique<Breaker>(options, clock, std::move(listener)));
}

} // namespace syncline
