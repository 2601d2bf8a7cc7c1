// The arithmetic of the rate limiter, without clock, threads and sleep. Tokens are counted in
// billionths, in integers: at a rate of r tokens a second the bucket earns r billionths a
// nanosecond, so that at whole rates nothing is ever rounded and a refund is exact.
//
// While reservations are open the bucket keeps a journal of what was taken since the oldest of
// them. Cancelling one takes it out and works the level out anew from the journal's beginning, with
// all others at the times they were promised: the result is what the bucket would hold had it never
// been made, it does not depend on the order of cancellations, and no interval ever gets more than
// burst + rate x interval.
//
// Times are monotonic nanoseconds. A time before the latest seen counts as the latest, as happens
// when threads read the clock before they queue for the bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

namespace syncline::resilience {

class TokenBucket {
public:
    enum class Keep { no, yes }; // yes: the grant may be cancelled
    enum class Refusal { none, argument, later, never };
    struct Grant {
        Refusal refusal = Refusal::none;
        std::int64_t due = 0;
        std::uint64_t id = 0; // 0: nothing to cancel
    };

    TokenBucket(double rate_per_s, std::int64_t burst, std::int64_t now);

    // `last_due`: refused when it would be due after that.
    Grant take(std::int64_t n, std::int64_t now, std::int64_t last_due, Keep keep);
    void cancel(std::uint64_t id, std::int64_t now);
    void release(std::uint64_t id);
    std::int64_t due(std::uint64_t id, std::int64_t as_promised) const;

    void set_rate(double rate_per_s, std::int64_t now);
    void set_burst(std::int64_t burst, std::int64_t now);
    void pause_until(std::int64_t until, std::int64_t now);

    double tokens(std::int64_t now) const;
    double rate_per_s() const { return rate_; }
    std::int64_t burst() const { return burst_; }
    std::int64_t paused_until() const { return paused_until_; }
    std::size_t journal_size() const { return journal_.size() + sealed_.size(); }

private:
    struct Entry {
        std::uint64_t id;
        std::int64_t due;
        std::int64_t cost;
        bool waits; // was not due when it was made
        bool kept;  // may still be cancelled
    };
    using Journal = std::deque<Entry>;

    void adopt_rate(double rate_per_s);
    std::int64_t earned(std::int64_t span) const;
    std::int64_t time_to_earn(std::int64_t amount) const; // INT64_MAX: never
    std::int64_t capped(std::int64_t level) const;
    std::int64_t level_at(std::int64_t now) const;
    bool too_late(const Entry& entry, std::int64_t now) const;
    void forget_past(std::int64_t now);
    void record(const Entry& entry);
    void replay(std::int64_t now);
    void seal(std::int64_t now);
    void cancel_sealed(std::uint64_t id, std::int64_t now);

    std::int64_t level_ = 0; // at last_, in billionths as are all levels and costs; < 0: a debt
    std::int64_t last_ = 0;
    std::int64_t paused_until_ = 0;
    std::int64_t burst_ = 0;
    std::int64_t burst_level_ = 0;
    std::int64_t whole_rate_ = -1; // the rate if it is a whole number, else -1
    double rate_ = 0;

    Journal journal_;             // ordered by due time
    std::int64_t base_level_ = 0; // before the first of the journal
    std::int64_t base_time_ = 0;
    Journal sealed_; // of before the last change of rate or burst
    std::uint64_t last_id_ = 0;
};

} // namespace syncline::resilience
