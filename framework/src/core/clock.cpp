#include "syncline/core/clock.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace syncline {
namespace {

template <typename C>
std::int64_t now_ns() {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(C::now().time_since_epoch())
        .count();
}

class SystemClock final : public Clock {
public:
    std::int64_t mono_ns() const override { return now_ns<std::chrono::steady_clock>(); }
    std::int64_t wall_ns() const override { return now_ns<std::chrono::system_clock>(); }
    bool sleep_until(std::int64_t mono_ns, const std::stop_token& stop) const override {
        std::mutex mutex;
        std::condition_variable_any never;
        std::unique_lock lock(mutex);
        const std::chrono::steady_clock::time_point end{std::chrono::nanoseconds(mono_ns)};
        never.wait_until(lock, stop, end, [] { return false; });
        return !stop.stop_requested();
    }
};

} // namespace

const Clock& system_clock() {
    // Never destroyed: threads that outlive static destruction may still ask for the time.
    static const Clock& clock = *new SystemClock;
    return clock;
}

} // namespace syncline
