/// What the host offers to an instance.
///
/// Every part may be missing in some host; then logging and hints do nothing, the key-value store
/// is empty and forgetful, and there is no inner connector. Copies are cheap and may be kept until
/// the instance is destroyed. All functions may be called from any thread, kv_* only during a call.
#ifndef SYNCLINE_SDK_HOST_HPP
#define SYNCLINE_SDK_HOST_HPP

#include <syncline/sdk/bytes.hpp>
#include <syncline/sdk/call.hpp>
#include <syncline/sdk/handshake.hpp>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline::sdk {

class Host {
public:
    using Field = std::pair<std::string_view, std::string_view>;

    Host() = default;
    explicit Host(const syncline_host* raw) : raw_(raw) {
        if (raw != nullptr) {
            log_ = ask<syncline_host_log>(SYNCLINE_IFACE_HOST_LOG);
            notify_ = ask<syncline_host_notify>(SYNCLINE_IFACE_HOST_NOTIFY);
            kv_ = ask<syncline_host_kv>(SYNCLINE_IFACE_HOST_KV);
            inner_ = ask<syncline_host_inner>(SYNCLINE_IFACE_HOST_INNER);
        }
    }

    /// True if a line of this level (SYNCLINE_LOG_*) would be kept.
    bool logs(std::uint32_t level) const noexcept {
        return log_ != nullptr && log_->enabled(raw_, level) != 0;
    }
    /// Never throws: a line that cannot be built is lost.
    void log(std::uint32_t level, std::string_view text, std::initializer_list<Field> fields = {},
             const Call* call = nullptr) const noexcept {
        if (!logs(level)) {
            return;
        }
        try {
            std::vector<syncline_kv> pairs;
            pairs.reserve(fields.size());
            for (const Field& field : fields) {
                pairs.push_back(syncline_kv{str(field.first), bytes(field.second)});
            }
            log_->log(raw_, call != nullptr ? call->id() : 0, level, str(text),
                      syncline_kvs{pairs.data(), pairs.size()});
        } catch (...) {
            return;
        }
    }

    /// A hint that something below this prefix changed.
    void changed(std::string_view key_prefix) const noexcept {
        if (notify_ != nullptr) {
            notify_->changed(raw_, bytes(key_prefix));
        }
    }
    /// SYNCLINE_ATTENTION_*.
    void attention(std::uint32_t what) const noexcept {
        if (notify_ != nullptr) {
            notify_->attention(raw_, what);
        }
    }

    bool has_kv() const noexcept { return kv_ != nullptr; }
    std::optional<std::string> kv_get(const Call& call, std::string_view key) const {
        if (kv_ == nullptr) {
            return std::nullopt;
        }
        struct Receiver {
            std::string value;
            bool failed = false;
        } receiver;
        syncline_bytes_sink sink{};
        sink.struct_size = sizeof(sink);
        sink.impl = &receiver;
        sink.put = [](const syncline_bytes_sink* self, syncline_bytes value) noexcept {
            auto* into = static_cast<Receiver*>(self->impl);
            try {
                into->value.assign(view(value));
                return syncline_status{SYNCLINE_OK};
            } catch (...) {
                into->failed = true;
                return syncline_status{SYNCLINE_E_OUT_OF_MEMORY};
            }
        };
        const syncline_status status = kv_->get(raw_, call.raw(), str(key), &sink);
        if (receiver.failed) {
            throw std::bad_alloc();
        }
        if (status == SYNCLINE_E_NOT_FOUND) {
            return std::nullopt;
        }
        if (status < 0) {
            throw StreamError(status);
        }
        return std::move(receiver.value);
    }
    /// Durable when it returns true; false if this host cannot remember anything.
    bool kv_put(const Call& call, std::string_view key, std::string_view value,
                std::uint32_t flags = 0) const {
        if (kv_ == nullptr) {
            return false;
        }
        const syncline_status status = kv_->put(raw_, call.raw(), str(key), bytes(value), flags);
        if (status < 0) {
            throw StreamError(status);
        }
        return true;
    }
    void kv_remove(const Call& call, std::string_view key) const {
        const syncline_status status =
            kv_ == nullptr ? SYNCLINE_OK : kv_->remove(raw_, call.raw(), str(key));
        if (status < 0 && status != SYNCLINE_E_NOT_FOUND) {
            throw StreamError(status);
        }
    }

    /// The connector this one wraps, or nullptr. It lives as long as this instance; calls on it
    /// pass on Call::raw().
    const syncline_plugin* inner() const noexcept {
        const syncline_plugin* plugin = nullptr;
        if (inner_ == nullptr || inner_->get(raw_, &plugin) < 0) {
            return nullptr;
        }
        return plugin;
    }

    const syncline_host* raw() const noexcept { return raw_; }

private:
    template <class T>
    const T* ask(const char* id) const noexcept {
        const auto* found = static_cast<const T*>(raw_->get_interface(raw_, id));
        return found != nullptr && found->struct_size >= FirstSize<T>::value ? found : nullptr;
    }

    const syncline_host* raw_ = nullptr;
    const syncline_host_log* log_ = nullptr;
    const syncline_host_notify* notify_ = nullptr;
    const syncline_host_kv* kv_ = nullptr;
    const syncline_host_inner* inner_ = nullptr;
};

} // namespace syncline::sdk

#endif
