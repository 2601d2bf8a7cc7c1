#include "syncline/resilience/rate_limiter.hpp"

#include "resilience/brief_mutex.hpp"
#include "resilience/token_bucket.hpp"

#include <algorithm>
#include <mutex>
#include <string>

namespace syncline {
namespace {

using resilience::BriefMutex;
using resilience::TokenBucket;
using Keep = TokenBucket::Keep;
using Refusal = TokenBucket::Refusal;

class BucketLimiter final : public RateLimiter {
public:
    BucketLimiter(const RateLimiterOptions& options, const Clock& clock)
        : clock_(clock), bucket_(options.rate_per_s, options.burst, clock.mono_ns()) {}

    bool allow(std::int64_t n) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        return bucket_.take(n, now, now, Keep::no).refusal == Refusal::none;
    }

    Reservation reserve(std::int64_t n, std::int64_t max_wait_ns) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        const TokenBucket::Grant grant = bucket_.take(n, now, later(now, max_wait_ns), Keep::yes);
        if (grant.refusal != Refusal::none) {
            return {};
        }
        return {grant.id == 0 ? nullptr : this, grant.id, grant.due, grant.due - now};
    }

    WaitResult wait(std::int64_t n, const CallContext& call) override {
        if (call.stop.stop_requested()) {
            return {{Code::cancelled, "cancelled while waiting for the rate limit"}, 0};
        }
        const std::int64_t began = clock_.mono_ns();
        TokenBucket::Grant grant;
        {
            const std::lock_guard lock(mutex_);
            // Most need not wait, and leave no trace in the journal then.
            grant = bucket_.take(n, began, std::min(began, call.deadline_mono_ns), Keep::no);
            if (grant.refusal == Refusal::later) {
                grant = bucket_.take(n, began, call.deadline_mono_ns, Keep::yes);
            }
        }
        switch (grant.refusal) {
        case Refusal::none:
            break;
        case Refusal::argument:
            return {{Code::invalid_argument,
                     "the rate limit never grants " + std::to_string(n) + " at once"},
                    0};
        case Refusal::later:
            return {{Code::timeout, "the rate limit would grant this only after the deadline"}, 0};
        case Refusal::never:
            return {{Code::rate_limited, "the rate limit is zero"}, 0};
        }
        return sleep(grant, began, call);
    }

    void set_rate(double rate_per_s) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        bucket_.set_rate(rate_per_s, now);
    }
    void set_burst(std::int64_t burst) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        bucket_.set_burst(burst, now);
    }
    void pause_until(std::int64_t mono_ns) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        bucket_.pause_until(mono_ns, now);
    }

    double tokens() const override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        return bucket_.tokens(now);
    }
    double rate_per_s() const override {
        const std::lock_guard lock(mutex_);
        return bucket_.rate_per_s();
    }
    std::int64_t burst() const override {
        const std::lock_guard lock(mutex_);
        return bucket_.burst();
    }
    std::int64_t paused_until_mono_ns() const override {
        const std::lock_guard lock(mutex_);
        return bucket_.paused_until();
    }

protected:
    void cancel(std::uint64_t id) override {
        const std::int64_t now = clock_.mono_ns();
        const std::lock_guard lock(mutex_);
        bucket_.cancel(id, now);
    }
    void release(std::uint64_t id) override {
        const std::lock_guard lock(mutex_);
        bucket_.release(id);
    }
    std::int64_t due_mono_ns(std::uint64_t id, std::int64_t as_promised) const override {
        const std::lock_guard lock(mutex_);
        return bucket_.due(id, as_promised);
    }

private:
    WaitResult sleep(const TokenBucket::Grant& grant, std::int64_t began, const CallContext& call) {
        if (grant.due <= began) {
            return {};
        }
        std::int64_t slept_until = began;
        std::int64_t due = grant.due;
        Status status;
        while (status.ok() && due > slept_until) { // again if a pause came meanwhile
            if (due > call.deadline_mono_ns) {
                status = {Code::timeout, "the rate limit was paused beyond the deadline"};
            } else if (!clock_.sleep_until(due, call.stop)) {
                status = {Code::cancelled, "cancelled while waiting for the rate limit"};
            } else {
                slept_until = due;
                due = grant.id == 0 ? std::max(due, paused_until_mono_ns())
                                    : due_mono_ns(grant.id, due);
            }
        }
        if (grant.id != 0 && status.ok()) {
            release(grant.id);
        } else if (grant.id != 0) {
            cancel(grant.id);
        }
        return {std::move(status), clock_.mono_ns() - began};
    }

    const Clock& clock_;
    // On one cache line with what every grant writes.
    alignas(64) mutable BriefMutex mutex_;
    TokenBucket bucket_;
};

} // namespace

Reservation& Reservation::operator=(Reservation&& other) noexcept {
    if (this != &other) {
        if (book_ != nullptr) {
            book_->release(id_);
        }
        book_ = std::exchange(other.book_, nullptr);
        id_ = other.id_;
        due_mono_ns_ = other.due_mono_ns_;
        wait_ns_ = other.wait_ns_;
        ok_ = std::exchange(other.ok_, false);
    }
    return *this;
}

Reservation::~Reservation() {
    if (book_ != nullptr) {
        book_->release(id_);
    }
}

std::int64_t Reservation::due_mono_ns() const {
    return book_ == nullptr ? due_mono_ns_ : book_->due_mono_ns(id_, due_mono_ns_);
}

void Reservation::cancel() {
    if (RateLimiter* book = std::exchange(book_, nullptr)) {
        book->cancel(id_);
    }
}

std::unique_ptr<RateLimiter> make_rate_limiter(const RateLimiterOptions& options,
                                               const Clock& clock) {
    return std::make_unique<BucketLimiter>(options, clock);
}

} // namespace syncline
