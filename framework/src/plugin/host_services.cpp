#include "plugin/host_services.hpp"

#include "plugin/call.hpp"
#include "plugin/status_of.hpp"
#include "syncline/core/log.hpp"

#include <syncline/abi/abi.h>

#include <algorithm>
#include <string_view>

namespace syncline::plugin {

namespace {

constexpr std::size_t kMaxLogText = 4096;
constexpr std::size_t kMaxLogField = 512;
constexpr std::uint64_t kMaxLogFields = 16;
constexpr std::uint32_t kMaxLinesPerSecond = 200;

LogLevel level_of(std::uint32_t level) {
    if (level >= SYNCLINE_LOG_ERROR) {
        return LogLevel::error;
    }
    if (level >= SYNCLINE_LOG_WARNING) {
        return LogLevel::warning;
    }
    if (level >= SYNCLINE_LOG_INFO) {
        return LogLevel::info;
    }
    return level >= SYNCLINE_LOG_DEBUG ? LogLevel::debug : LogLevel::trace;
}

std::string_view view(const char* data, std::uint64_t size) {
    return data == nullptr ? std::string_view() : std::string_view(data, size);
}

} // namespace

struct HostServices::Api {
    static HostServices& of(const syncline_host* host) {
        return *static_cast<HostServices*>(host->impl);
    }

    static std::uint32_t log_enabled(const syncline_host*, std::uint32_t level) noexcept {
        return syncline::log_enabled(level_of(level)) ? 1 : 0;
    }

    static void log(const syncline_host* host, std::uint64_t call_id, std::uint32_t level,
                    syncline_str text, syncline_kvs fields) noexcept {
        try {
            HostServices& self = of(host);
            const LogLevel own_level = level_of(level);
            if (!syncline::log_enabled(own_level) || !self.may_log()) {
                return;
            }
            std::string line = safe_text(view(text.data, text.size), kMaxLogText);
            if (own_level >= LogLevel::warning) {
                const std::lock_guard lock(self.mutex_);
                self.complaint_ = line;
            }
            if (fields.data != nullptr) {
                const std::uint64_t count = std::min(fields.count, kMaxLogFields);
                for (std::uint64_t index = 0; index < count; ++index) {
                    const syncline_kv& field = fields.data[index];
                    line.append(" ").append(
                        safe_text(view(field.name.data, field.name.size), kMaxLogField));
                    line.append("=").append(safe_text(
                        view(reinterpret_cast<const char*>(field.value.data), field.value.size),
                        kMaxLogField));
                }
            }
            if (call_id != 0) {
                line.append(" call=").append(std::to_string(call_id));
            }
            syncline::log(own_level, self.name_, line);
        } catch (...) { // NOLINT(bugprone-empty-catch) a lost log line is no reason to stop
        }
    }

    static void changed(const syncline_host*, syncline_bytes) noexcept {}
    static void attention(const syncline_host*, std::uint32_t) noexcept {}

    static std::uint32_t roles(const syncline_host*) noexcept { return ThreadRole::current(); }

    static syncline_status inner(const syncline_host* host,
                                 const syncline_plugin** place) noexcept {
        if (place == nullptr) {
            return SYNCLINE_E_INVALID_ARGUMENT;
        }
        if (of(host).inner_ == nullptr) {
            return SYNCLINE_E_NOT_FOUND;
        }
        *place = of(host).inner_;
        return SYNCLINE_OK;
    }

    static const void* get_interface(const syncline_host* host, const char* interface_id) noexcept {
        static constexpr syncline_host_log kLog = {sizeof(syncline_host_log), 0, log_enabled, log};
        static constexpr syncline_host_notify kNotify = {sizeof(syncline_host_notify), 0, changed,
                                                         attention};
        static constexpr syncline_host_threads kThreads = {sizeof(syncline_host_threads), 0, roles};
        static constexpr syncline_host_inner kInner = {sizeof(syncline_host_inner), 0, inner};
        const std::string_view id = interface_id == nullptr ? "" : interface_id;
        if (id == SYNCLINE_IFACE_HOST_LOG) {
            return &kLog;
        }
        if (id == SYNCLINE_IFACE_HOST_NOTIFY) {
            return &kNotify;
        }
        if (id == SYNCLINE_IFACE_HOST_INNER) {
            return of(host).inner_ != nullptr ? &kInner : nullptr;
        }
        return id == SYNCLINE_IFACE_HOST_THREADS ? &kThreads : nullptr;
    }
};

HostServices::HostServices(std::string name, const Clock& clock, const syncline_plugin* inner)
    : abi_{sizeof(syncline_host), SYNCLINE_ABI_MAJOR, SYNCLINE_ABI_MINOR, this, "syncline",
           SYNCLINE_VERSION,      Api::get_interface},
      name_(std::move(name)), clock_(clock), inner_(inner) {}

std::string HostServices::last_complaint() const {
    const std::lock_guard lock(mutex_);
    return complaint_;
}

bool HostServices::may_log() {
    // Racing threads may let a few lines more through; nothing depends on the exact number.
    const std::int64_t second = clock_.mono_ns() / 1'000'000'000;
    if (second_.exchange(second, std::memory_order_relaxed) != second) {
        lines_.store(0, std::memory_order_relaxed);
        if (const std::uint64_t dropped = dropped_.exchange(0, std::memory_order_relaxed)) {
            syncline::log(LogLevel::warning, name_,
                          "dropped " + std::to_string(dropped) + " log lines: too many at once");
        }
    }
    if (lines_.fetch_add(1, std::memory_order_relaxed) < kMaxLinesPerSecond) {
        return true;
    }
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return false;
}

} // namespace syncline::plugin
