#include "resilience/token_bucket.hpp"

#include "syncline/resilience/rate_limiter.hpp"

#include <algorithm>
#include <cmath>

namespace syncline::resilience {
namespace {

constexpr std::int64_t kToken = 1'000'000'000;
// More than any bucket holds; twice it still fits, so that sums of two need no check.
constexpr std::int64_t kPlenty = INT64_MAX / 2;
// What a product of two doubles may be off by, in parts of itself, and a little more.
constexpr double kSlip = 0x1.0p-51;
// So many past entries are kept for the sake of a reservation that nobody settles.
constexpr std::size_t kMaxPast = 256;

} // namespace

TokenBucket::TokenBucket(double rate_per_s, std::int64_t burst, std::int64_t now) : last_(now) {
    adopt_rate(rate_per_s);
    burst_ = std::clamp<std::int64_t>(burst, 0, kMaxBurst);
    burst_level_ = burst_ * kToken;
    level_ = burst_level_;
}

void TokenBucket::adopt_rate(double rate_per_s) {
    rate_ = rate_per_s > 0 ? rate_per_s : 0; // not-a-number is not above 0 either
    const bool whole = rate_ < 1e15 && rate_ == std::floor(rate_);
    whole_rate_ = whole ? static_cast<std::int64_t>(rate_) : -1;
}

std::int64_t TokenBucket::earned(std::int64_t span) const {
    if (span <= 0) {
        return 0;
    }
    if (whole_rate_ >= 0) {
        std::int64_t product = 0;
        return __builtin_mul_overflow(span, whole_rate_, &product) ? kPlenty
                                                                   : std::min(product, kPlenty);
    }
    // Rounded down, so that who asks later is not due earlier; but not below a whole number that
    // only the arithmetic missed.
    const double product = static_cast<double>(span) * rate_ * (1 + kSlip);
    return product >= static_cast<double>(kPlenty) ? kPlenty : static_cast<std::int64_t>(product);
}

std::int64_t TokenBucket::time_to_earn(std::int64_t amount) const {
    if (amount <= 0 || rate_ == kInfiniteRate) {
        return 0;
    }
    if (whole_rate_ > 0) {
        return (amount - 1) / whole_rate_ + 1;
    }
    if (rate_ <= 0) {
        return INT64_MAX;
    }
    const double span = std::ceil(static_cast<double>(amount) / rate_ * (1 - kSlip));
    return span >= static_cast<double>(INT64_MAX) ? INT64_MAX : static_cast<std::int64_t>(span);
}

std::int64_t TokenBucket::capped(std::int64_t level) const { return std::min(level, burst_level_); }

std::int64_t TokenBucket::level_at(std::int64_t now) const {
    return capped(level_ + earned(now - last_));
}

TokenBucket::Grant TokenBucket::take(std::int64_t n, std::int64_t now, std::int64_t last_due,
                                     Keep keep) {
    if (n < 0) {
        return {Refusal::argument, 0, 0};
    }
    if (rate_ == kInfiniteRate) {
        const std::int64_t due = std::max(now, paused_until_);
        return {due > last_due ? Refusal::later : Refusal::none, due, 0};
    }
    if (n > burst_) {
        return {Refusal::argument, 0, 0};
    }
    const std::int64_t at = std::max(now, last_);
    const std::int64_t level = level_at(at);
    const std::int64_t cost = n * kToken;
    if (level < cost - kPlenty) {
        return {Refusal::never, 0, 0}; // a queue of years
    }
    std::int64_t due = now;
    if (level < cost) {
        const std::int64_t span = time_to_earn(cost - level);
        due = later(at, span);
        if (due == INT64_MAX) {
            return {Refusal::never, 0, 0};
        }
    } else if (now < paused_until_) {
        due = at;
    }
    if (due > last_due) {
        return {Refusal::later, due, 0};
    }

    std::uint64_t id = 0;
    if (!journal_.empty() || !sealed_.empty()) {
        forget_past(now);
    }
    if (keep == Keep::yes || !journal_.empty()) {
        if (journal_.empty()) {
            base_level_ = level;
            base_time_ = at;
        }
        id = ++last_id_;
        record({id, std::max(due, at), cost, due > now, keep == Keep::yes});
    }
    if (cost != 0) { // else nothing changed, and a level written often is rounded often
        level_ = level - cost;
        last_ = at;
    }
    return {Refusal::none, due, id};
}

void TokenBucket::record(const Entry& entry) {
    if (!entry.kept && !journal_.empty() && !journal_.back().kept && !entry.waits &&
        journal_.back().due == entry.due) {
        journal_.back().cost += entry.cost;
        return;
    }
    // Nearly always last; earlier only where a cancellation has left a gap.
    const auto behind =
        std::upper_bound(journal_.begin(), journal_.end(), entry,
                         [](const Entry& a, const Entry& b) { return a.due < b.due; });
    journal_.insert(behind, entry);
}

bool TokenBucket::too_late(const Entry& entry, std::int64_t now) const {
    return entry.due < now &&
           (entry.waits || now - entry.due > time_to_earn(std::max<std::int64_t>(entry.cost, 1)));
}

void TokenBucket::forget_past(std::int64_t now) {
    while (!sealed_.empty() && sealed_.front().due < now &&
           (!sealed_.front().kept || too_late(sealed_.front(), now))) {
        sealed_.pop_front();
    }
    while (!journal_.empty()) {
        const Entry& first = journal_.front();
        const bool needed = (first.kept && !too_late(first, now)) || first.due > now;
        if (needed && (journal_.size() <= kMaxPast || journal_[kMaxPast].due >= now)) {
            return;
        }
        base_level_ = capped(base_level_ + earned(first.due - base_time_)) - first.cost;
        base_time_ = std::max(base_time_, first.due);
        journal_.pop_front();
    }
}

void TokenBucket::cancel(std::uint64_t id, std::int64_t now) {
    forget_past(now);
    const auto entry =
        std::find_if(journal_.begin(), journal_.end(), [id](const Entry& e) { return e.id == id; });
    if (entry == journal_.end()) {
        cancel_sealed(id, now);
        return;
    }
    if (!entry->kept || too_late(*entry, now)) {
        return;
    }
    journal_.erase(entry);
    replay(now);
}

void TokenBucket::replay(std::int64_t now) {
    std::int64_t level = base_level_;
    std::int64_t time = base_time_;
    for (const Entry& entry : journal_) {
        level = capped(level + earned(entry.due - time)) - entry.cost;
        time = std::max(time, entry.due);
    }
    // The level is told as of now, so that what waits shows as a debt; in a pause as of its end,
    // until when the bucket's own time stands still.
    const std::int64_t at = std::max(now, paused_until_);
    if (time > at) {
        level -= earned(time - at);
        time = at;
    } else if (at > now) {
        level = capped(level + earned(at - time));
        time = at;
    }
    level_ = level;
    last_ = time;
}

// Old reservations were promised at the old setting, so they cannot be worked out anew; they return
// what nobody behind them was made to wait for.
void TokenBucket::cancel_sealed(std::uint64_t id, std::int64_t now) {
    const auto entry =
        std::find_if(sealed_.begin(), sealed_.end(), [id](const Entry& e) { return e.id == id; });
    if (entry == sealed_.end() || !entry->kept || too_late(*entry, now)) {
        return;
    }
    std::int64_t refund = entry->cost;
    for (const Journal* journal : {&sealed_, &journal_}) {
        for (const Entry& other : *journal) {
            if (other.waits && other.due > entry->due) {
                refund -= other.cost;
            }
        }
    }
    sealed_.erase(entry);
    if (refund <= 0) {
        return;
    }
    if (journal_.empty()) {
        const std::int64_t at = std::max(now, last_);
        level_ = capped(level_at(at) + refund);
        last_ = at;
    } else {
        base_level_ = capped(base_level_ + refund);
        replay(now);
    }
}

void TokenBucket::release(std::uint64_t id) {
    for (Journal* journal : {&journal_, &sealed_}) {
        for (Entry& entry : *journal) {
            if (entry.id == id) {
                entry.kept = false;
            }
        }
    }
}

std::int64_t TokenBucket::due(std::uint64_t id, std::int64_t as_promised) const {
    for (const Journal* journal : {&journal_, &sealed_}) {
        for (const Entry& entry : *journal) {
            if (entry.id == id) {
                return entry.due;
            }
        }
    }
    return as_promised;
}

void TokenBucket::seal(std::int64_t now) {
    forget_past(now);
    const std::int64_t at = std::max(now, last_);
    level_ = level_at(at);
    last_ = at;
    for (const Entry& entry : journal_) {
        if (entry.due > now || (entry.kept && !too_late(entry, now))) {
            sealed_.push_back(entry);
        }
    }
    journal_.clear();
}

void TokenBucket::set_rate(double rate_per_s, std::int64_t now) {
    seal(now);
    adopt_rate(rate_per_s);
}

void TokenBucket::set_burst(std::int64_t burst, std::int64_t now) {
    seal(now);
    burst_ = std::clamp<std::int64_t>(burst, 0, kMaxBurst);
    burst_level_ = burst_ * kToken;
}

// The bucket's own time stands still: everything that has a time in it moves by the length of the
// pause, so that all that was true of it stays true.
void TokenBucket::pause_until(std::int64_t until, std::int64_t now) {
    const std::int64_t from = std::max(now, paused_until_);
    if (until <= from) {
        return;
    }
    forget_past(now);
    const std::int64_t at = std::max(now, last_);
    level_ = level_at(at);
    last_ = later(at, until - from);
    base_time_ = later(base_time_, until - from);
    for (Journal* journal : {&journal_, &sealed_}) {
        for (Entry& entry : *journal) {
            entry.due = later(entry.due, until - from);
        }
    }
    paused_until_ = until;
}

double TokenBucket::tokens(std::int64_t now) const {
    return static_cast<double>(level_at(now)) / static_cast<double>(kToken);
}

} // namespace syncline::resilience
