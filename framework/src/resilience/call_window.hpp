// How the latest calls ended: all since the last clearing, the last n, or those of the last t. A
// time window is cut into buckets that lie at multiples of their width on the clock; the window is
// the bucket that contains now and the buckets before it, and forgets a whole bucket at a time.
#pragma once

#include "syncline/resilience/circuit_breaker.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace syncline::resilience {

struct CallCounts {
    std::uint64_t calls = 0;
    std::uint64_t failures = 0;
    std::uint64_t slow = 0;
};

class CallWindow {
public:
    explicit CallWindow(const BreakerOptions& options);

    void add(bool failed, bool slow, std::int64_t now);
    const CallCounts& counts(std::int64_t now);
    void clear();
    // The same calls seen through another window, as far as both can tell; nothing of them if the
    // kind is another one.
    void reshape(const BreakerOptions& options, std::int64_t now);

private:
    struct Bucket {
        std::uint32_t calls = 0;
        std::uint32_t failures = 0;
        std::uint32_t slow = 0;
    };

    void advance(std::int64_t now);
    std::int64_t index_of(std::int64_t now) const;
    std::int64_t start_of(std::int64_t index) const;
    Bucket& bucket(std::int64_t index) {
        return buckets_[static_cast<std::size_t>(index) % buckets_.size()];
    }
    void put(Bucket& into, const Bucket& what);
    void take_out(const Bucket& what);

    WindowKind kind_;
    std::int64_t span_ns_;
    CallCounts sum_;
    std::vector<Bucket> buckets_; // time: a ring by index; count: a ring of single calls
    std::size_t next_ = 0;        // count: where the next call goes
    std::int64_t index_ = 0;      // time: the newest bucket
    std::int64_t index_end_ = 0;  // time: when it ends
};

} // namespace syncline::resilience
