#include "resilience/call_window.hpp"

#include <algorithm>

namespace syncline::resilience {
namespace {

__extension__ using Wide = unsigned __int128;

} // namespace

CallWindow::CallWindow(const BreakerOptions& options)
    : kind_(options.window), span_ns_(options.window_ns) {
    if (kind_ == WindowKind::count) {
        buckets_.resize(options.window_calls);
    } else if (kind_ == WindowKind::time) {
        buckets_.resize(options.window_buckets);
    }
}

void CallWindow::put(Bucket& into, const Bucket& what) {
    into.calls += what.calls;
    into.failures += what.failures;
    into.slow += what.slow;
    sum_.calls += what.calls;
    sum_.failures += what.failures;
    sum_.slow += what.slow;
}

void CallWindow::take_out(const Bucket& what) {
    sum_.calls -= what.calls;
    sum_.failures -= what.failures;
    sum_.slow -= what.slow;
}

void CallWindow::add(bool failed, bool slow, std::int64_t now) {
    const Bucket call{1, failed ? 1U : 0U, slow ? 1U : 0U};
    switch (kind_) {
    case WindowKind::none: {
        Bucket nowhere;
        put(nowhere, call);
        return;
    }
    case WindowKind::count:
        take_out(buckets_[next_]);
        buckets_[next_] = {};
        put(buckets_[next_], call);
        next_ = next_ + 1 == buckets_.size() ? 0 : next_ + 1;
        return;
    case WindowKind::time:
        advance(now);
        put(bucket(index_), call);
        return;
    }
}

const CallCounts& CallWindow::counts(std::int64_t now) {
    if (kind_ == WindowKind::time) {
        advance(now);
    }
    return sum_;
}

void CallWindow::clear() {
    std::fill(buckets_.begin(), buckets_.end(), Bucket{});
    sum_ = {};
    next_ = 0;
}

// Buckets need not be whole nanoseconds wide, so both directions go through the product.
std::int64_t CallWindow::index_of(std::int64_t now) const {
    return static_cast<std::int64_t>(static_cast<Wide>(std::max<std::int64_t>(now, 0)) *
                                     buckets_.size() / static_cast<Wide>(span_ns_));
}

std::int64_t CallWindow::start_of(std::int64_t index) const {
    const Wide product = static_cast<Wide>(index) * static_cast<Wide>(span_ns_);
    return static_cast<std::int64_t>((product + buckets_.size() - 1) / buckets_.size());
}

void CallWindow::advance(std::int64_t now) {
    if (now < index_end_) {
        return; // also when a thread read the clock before it queued for the breaker
    }
    const std::int64_t index = index_of(now);
    const auto count = static_cast<std::int64_t>(buckets_.size());
    if (index - index_ >= count) {
        clear();
    } else {
        for (std::int64_t i = index_ + 1; i <= index; ++i) {
            take_out(bucket(i));
            bucket(i) = {};
        }
    }
    index_ = index;
    index_end_ = start_of(index + 1);
}

void CallWindow::reshape(const BreakerOptions& options, std::int64_t now) {
    CallWindow shaped(options);
    if (shaped.kind_ == kind_) {
        switch (kind_) {
        case WindowKind::none:
            shaped.sum_ = sum_;
            break;
        case WindowKind::count:
            for (std::size_t i = 0; i < buckets_.size(); ++i) { // oldest first
                const Bucket& old = buckets_[(next_ + i) % buckets_.size()];
                if (old.calls != 0) {
                    shaped.add(old.failures != 0, old.slow != 0, now);
                }
            }
            break;
        case WindowKind::time: {
            advance(now);
            shaped.advance(now);
            const auto count = static_cast<std::int64_t>(buckets_.size());
            const auto shaped_count = static_cast<std::int64_t>(shaped.buckets_.size());
            for (std::int64_t i = std::max<std::int64_t>(index_ - count + 1, 0); i <= index_; ++i) {
                const std::int64_t at = shaped.index_of(start_of(i));
                if (at > shaped.index_ - shaped_count && at <= shaped.index_) {
                    shaped.put(shaped.bucket(at), bucket(i));
                }
            }
            break;
        }
        }
    }
    *this = std::move(shaped);
}

} // namespace syncline::resilience
