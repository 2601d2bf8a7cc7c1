/// The call in progress: cancellation, deadline, progress.
///
/// Every function of a plugin gets one. It is valid until that function returns and may be used
/// from threads that are joined before that. Long work asks throw_if_cancelled() at least every 100
/// ms.
#ifndef SYNCLINE_SDK_CALL_HPP
#define SYNCLINE_SDK_CALL_HPP

#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/error.hpp>
#include <syncline/sdk/handshake.hpp>

#include <chrono>
#include <cstdint>
#include <string_view>

namespace syncline::sdk {

class Call {
public:
    explicit Call(const syncline_call* raw) : raw_(raw), call_(load(raw)) {}
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    /// The host wants this call to change nothing, not even to tidy up.
    bool dry_run() const noexcept { return (call_.flags & SYNCLINE_CALL_DRY_RUN) != 0; }
    bool is_retry() const noexcept { return (call_.flags & SYNCLINE_CALL_RETRY) != 0; }
    std::uint64_t id() const noexcept { return call_.call_id; }
    std::string_view traceparent() const noexcept { return view(call_.traceparent); }

    bool cancelled() const noexcept { return call_.api->is_cancelled(raw_) != 0; }
    void throw_if_cancelled() const {
        if (cancelled()) {
            throw Error(SYNCLINE_E_CANCELLED, "cancelled");
        }
    }

    bool has_deadline() const noexcept { return call_.deadline_mono_ns != SYNCLINE_NO_DEADLINE; }
    /// Time left, never negative; the maximum if there is no deadline.
    std::chrono::nanoseconds time_left() const noexcept {
        if (!has_deadline()) {
            return std::chrono::nanoseconds::max();
        }
        const std::int64_t now = call_.api->mono_now_ns(raw_);
        return std::chrono::nanoseconds(call_.deadline_mono_ns > now ? call_.deadline_mono_ns - now
                                                                     : 0);
    }

    /// Work done so far; `total` 0 = unknown. The host limits the rate.
    void progress(std::uint64_t done, std::uint64_t total,
                  std::string_view note = {}) const noexcept {
        call_.api->progress(raw_, done, total, str(note));
    }

    /// Hands text, details and retry advice of an error to the host. The plugin's edge does this
    /// for every Error that is thrown; nothing else needs to.
    void report(const Error& error) const noexcept {
        if (!error.message().empty()) {
            call_.api->set_error(raw_, str(error.message()));
        }
        for (const auto& [key, value] : error.details()) {
            call_.api->add_detail(raw_, str(key), str(value));
        }
        if (error.retry_class() != SYNCLINE_RETRY_DEFAULT) {
            call_.api->set_retry(raw_, error.retry_class(), error.retry_after_ms());
        }
    }

    /// For calls passed on to an inner connector.
    const syncline_call* raw() const noexcept { return raw_; }

private:
    const syncline_call* raw_;
    syncline_call call_;
};

} // namespace syncline::sdk

#endif
