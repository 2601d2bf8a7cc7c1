// Keeps calls below a rate: a bucket of at most `burst` tokens earns `rate` tokens a second, and
// every call takes some. Three ways to take them: allow (now or never), reserve (a promise for
// later, which can be given back) and wait (sleep until it is due). Callers are served in the order
// in which they asked.
//
// A full bucket is what one starts with. An infinite rate grants everything, whatever the burst,
// and takes nothing; at rate zero only what is in the bucket is left. More than `burst` at once is
// refused before anything else, as is a negative number; what is refused changes nothing.
//
// Threads: everything from any thread. A limiter outlives its reservations.
#pragma once

#include "syncline/core/call.hpp"
#include "syncline/core/clock.hpp"
#include "syncline/core/status.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <utility>

namespace syncline {

inline constexpr double kInfiniteRate = std::numeric_limits<double>::infinity();
inline constexpr std::int64_t kMaxBurst = 4'000'000'000; // larger ones count as this
inline constexpr std::int64_t kAnyWait = INT64_MAX;

struct RateLimiterOptions {
    double rate_per_s = kInfiniteRate; // negative and not-a-number count as 0
    std::int64_t burst = 1;            // negative counts as 0
};

class RateLimiter;

// A promise of tokens at a time. Dropping it keeps the tokens taken; cancel() gives them back.
class [[nodiscard]] Reservation {
public:
    Reservation() = default; // refused
    // For limiters. Without `book` there is nothing that could be given back.
    Reservation(RateLimiter* book, std::uint64_t id, std::int64_t due_mono_ns, std::int64_t wait_ns)
        : book_(book), id_(id), due_mono_ns_(due_mono_ns), wait_ns_(wait_ns), ok_(true) {}
    Reservation(Reservation&& other) noexcept
        : book_(std::exchange(other.book_, nullptr)), id_(other.id_),
          due_mono_ns_(other.due_mono_ns_), wait_ns_(other.wait_ns_),
          ok_(std::exchange(other.ok_, false)) {}
    Reservation& operator=(Reservation&& other) noexcept;
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation();

    bool ok() const { return ok_; }
    std::int64_t wait_ns() const { return wait_ns_; } // as of when it was made; 0: act now
    // When to act. A pause that began after the promise was made moves it: ask again before acting.
    std::int64_t due_mono_ns() const;
    // The holder will not act. All of its tokens return, as if they had never been reserved, except
    // those for which the bucket would have had no room while later reservations waited. Nothing
    // returns once a reservation that had to wait is overdue: it counts as used. One that was due
    // at once can be given back until the bucket had the time to earn its tokens anew. Further
    // calls do nothing.
    void cancel();

private:
    RateLimiter* book_ = nullptr;
    std::uint64_t id_ = 0;
    std::int64_t due_mono_ns_ = 0;
    std::int64_t wait_ns_ = 0;
    bool ok_ = false;
};

struct [[nodiscard]] WaitResult {
    // Code::cancelled: the stop came first. Code::timeout: the deadline comes first, said at once.
    // Code::rate_limited: at rate zero it would never be due. Code::invalid_argument: negative, or
    // more than the burst. Whatever the error, no token is gone.
    Status status;
    std::int64_t waited_ns = 0;
};

class RateLimiter {
public:
    virtual ~RateLimiter() = default;

    virtual bool allow(std::int64_t n = 1) = 0;
    // Refused (not ok) when it would be due later than in `max_wait_ns`, or never.
    virtual Reservation reserve(std::int64_t n = 1, std::int64_t max_wait_ns = kAnyWait) = 0;
    virtual WaitResult wait(std::int64_t n, const CallContext& call) = 0;

    // What was earned so far was earned at the old setting; reservations keep their times.
    virtual void set_rate(double rate_per_s) = 0;
    virtual void set_burst(std::int64_t burst) = 0;
    // The server asked for a pause: nothing is granted before then, and nothing is earned. What
    // waits becomes due later by as much. Never shortens a pause.
    virtual void pause_until(std::int64_t mono_ns) = 0;

    virtual double tokens() const = 0; // now; negative while reservations wait
    virtual double rate_per_s() const = 0;
    virtual std::int64_t burst() const = 0;
    virtual std::int64_t paused_until_mono_ns() const = 0; // may be past; 0: never was

protected:
    friend class Reservation;
    virtual void cancel(std::uint64_t id) = 0;
    virtual void release(std::uint64_t id) = 0; // will not be cancelled any more
    virtual std::int64_t due_mono_ns(std::uint64_t id, std::int64_t as_promised) const = 0;
};

std::unique_ptr<RateLimiter> make_rate_limiter(const RateLimiterOptions& options,
                                               const Clock& clock);

} // namespace syncline
