#include "plugin/call.hpp"

#include "syncline/core/log.hpp"

#include <syncline/abi/host.h>

#include <atomic>

namespace syncline::plugin {

namespace {

std::uint64_t next_call_id() noexcept {
    // Only uniqueness counts, no order with anything else. A thread takes many at once, so that
    // threads seldom meet.
    constexpr std::uint64_t kAtOnce = 1024;
    static std::atomic<std::uint64_t> taken{0};
    thread_local std::uint64_t last = 0;
    if (last % kAtOnce == 0) {
        last = taken.fetch_add(kAtOnce, std::memory_order_relaxed);
    }
    return ++last;
}

bool valid(syncline_str text) { return text.data != nullptr || text.size == 0; }

} // namespace

struct Call::Api {
    static Call* of(const syncline_call* call) {
        auto* self = static_cast<Call*>(call->impl);
        if (!self->live_.alive()) {
            log(LogLevel::error, "plugin", "a plugin used a call that had already returned");
            return nullptr;
        }
        return self;
    }

    // Nothing said is lost silently but when memory ran out.
    template <typename F>
    static void with_report(const syncline_call* call, F&& change) noexcept {
        try {
            if (Call* self = of(call)) {
                const std::lock_guard lock(self->mutex_);
                if (!self->report_) {
                    self->report_ = std::make_unique<CallReport>();
                }
                change(*self->report_);
            }
        } catch (...) { // NOLINT(bugprone-empty-catch)
        }
    }

    static std::uint32_t is_cancelled(const syncline_call* call) noexcept {
        const auto* self = static_cast<const Call*>(call->impl);
        return self->context_.stop.stop_requested() || self->deadline_passed() ? 1 : 0;
    }

    static std::int64_t mono_now_ns(const syncline_call* call) noexcept {
        return static_cast<const Call*>(call->impl)->clock_.mono_ns();
    }

    static void set_error(const syncline_call* call, syncline_str message) noexcept {
        with_report(call, [&](CallReport& report) {
            if (valid(message)) {
                report.message = safe_text({message.data, message.size}, kMaxErrorText);
            }
        });
    }

    static void add_detail(const syncline_call* call, syncline_str key,
                           syncline_str value) noexcept {
        with_report(call, [&](CallReport& report) {
            if (report.details.size() < kMaxErrorDetails && valid(key) && valid(value) &&
                key.size <= kMaxErrorDetail && value.size <= kMaxErrorDetail) {
                // Not made printable: a detail may be a version token.
                report.details.push_back(
                    {std::string(key.data, key.size), std::string(value.data, value.size)});
            }
        });
    }

    static void set_retry(const syncline_call* call, std::uint32_t retry_class,
                          std::int64_t after_ms) noexcept {
        with_report(call, [&](CallReport& report) {
            report.retry_class = retry_class;
            report.retry_after_ms = after_ms;
        });
    }

    // The engine counts items and bytes itself, where they pass.
    static void progress(const syncline_call*, std::uint64_t, std::uint64_t,
                         syncline_str) noexcept {}

    static constexpr syncline_call_api kTable = {sizeof(syncline_call_api),
                                                 0,
                                                 is_cancelled,
                                                 mono_now_ns,
                                                 set_error,
                                                 add_detail,
                                                 set_retry,
                                                 progress};
};

Call::Call(const CallContext& context, const Clock& clock) noexcept
    : abi_{sizeof(syncline_call),
           (context.dry_run ? SYNCLINE_CALL_DRY_RUN : 0u) |
               (context.retry ? SYNCLINE_CALL_RETRY : 0u),
           &Api::kTable,
           this,
           next_call_id(),
           context.deadline_mono_ns,
           {"", 0}},
      context_(context), clock_(clock), role_(SYNCLINE_THREAD_IN_CALL) {}

bool Call::deadline_passed() const {
    return context_.deadline_mono_ns != kNoDeadline &&
           clock_.mono_ns() >= context_.deadline_mono_ns;
}

Status Call::finish(syncline_status status, const Origin& origin) {
    if (status == SYNCLINE_OK) {
        return {};
    }
    const std::lock_guard lock(mutex_);
    if (status == SYNCLINE_E_CANCELLED && !context_.stop.stop_requested()) {
        // A plugin sees a passed deadline as a wish to end; only people cancel.
        if (deadline_passed()) {
            status = SYNCLINE_E_TIMEOUT;
        } else {
            return protocol_error(origin, "says it was cancelled, but nobody cancelled it");
        }
    }
    return status_of(status, report_.get(), origin);
}

} // namespace syncline::plugin
