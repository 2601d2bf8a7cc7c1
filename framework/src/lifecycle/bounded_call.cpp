#include "lifecycle/bounded_call.hpp"

#include <exception>
#include <memory>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace syncline {

namespace {

struct Outcome {
    std::mutex mutex;
    std::optional<Status> status;
    std::stop_source returned; // ends the caller's sleep
};

Status guarded(const std::function<Status()>& call) {
    try {
        return call();
    } catch (const std::exception& error) {
        return Status(Code::internal, std::string("it threw an exception: ") + error.what());
    } catch (...) {
        return Status(Code::internal, "it threw an unknown exception");
    }
}

} // namespace

std::optional<Status> call_within(std::function<Status()> call, std::int64_t deadline_mono_ns,
                                  const std::stop_token& give_up, const Clock& clock) {
    const auto outcome = std::make_shared<Outcome>();
    try {
        std::thread([outcome, call = std::move(call)]() mutable {
            Status status = guarded(call);
            call = nullptr;
            {
                const std::lock_guard lock(outcome->mutex);
                outcome->status = std::move(status);
            }
            outcome->returned.request_stop();
        }).detach();
    } catch (const std::system_error& error) {
        return Status(Code::unavailable,
                      std::string("a thread cannot be started: ") + error.what());
    }
    const std::stop_callback end_sleep(give_up, [&] { outcome->returned.request_stop(); });
    (void)clock.sleep_until(deadline_mono_ns, outcome->returned.get_token());
    const std::lock_guard lock(outcome->mutex);
    return outcome->status;
}

} // namespace syncline
