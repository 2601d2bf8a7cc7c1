/// The one exception type of a plugin.
///
/// Throw it anywhere below a call of the host; the edge of the plugin turns it into the status, the
/// error text and the details of that call. Choose the code by what the caller should do next:
///
///     throw sdk::Error(SYNCLINE_E_RATE_LIMITED, "the server asks to slow down")
///         .detail(SYNCLINE_DETAIL_HTTP_STATUS, "429")
///         .retry_after(std::chrono::seconds(5));
#ifndef SYNCLINE_SDK_ERROR_HPP
#define SYNCLINE_SDK_ERROR_HPP

#include <syncline/abi/call.h>
#include <syncline/abi/types.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

namespace syncline::sdk {

class Error : public std::exception {
public:
    /// Requires status < 0. An empty message leaves the text of the call as it is.
    Error(syncline_status status, std::string message)
        : status_(status), message_(std::move(message)) {}

    /// A fact for programs; SYNCLINE_DETAIL_* are the well-known keys.
    Error& detail(std::string key, std::string value) & {
        details_.emplace_back(std::move(key), std::move(value));
        return *this;
    }
    Error&& detail(std::string key, std::string value) && {
        details_.emplace_back(std::move(key), std::move(value));
        return std::move(*this);
    }

    /// The host should wait at least this long before it tries again.
    Error& retry_after(std::chrono::milliseconds delay) & {
        retry_class_ = SYNCLINE_RETRY_AFTER;
        retry_after_ms_ = delay.count();
        return *this;
    }
    Error&& retry_after(std::chrono::milliseconds delay) && {
        return std::move(retry_after(delay));
    }

    /// Overrides the retry class of the status code (SYNCLINE_RETRY_*).
    Error& retry(std::uint32_t retry_class) & {
        retry_class_ = retry_class;
        return *this;
    }
    Error&& retry(std::uint32_t retry_class) && { return std::move(retry(retry_class)); }

    syncline_status status() const noexcept { return status_; }
    const char* what() const noexcept override { return message_.c_str(); }
    const std::string& message() const noexcept { return message_; }
    const std::vector<std::pair<std::string, std::string>>& details() const noexcept {
        return details_;
    }
    std::uint32_t retry_class() const noexcept { return retry_class_; }
    std::int64_t retry_after_ms() const noexcept { return retry_after_ms_; }

private:
    syncline_status status_;
    std::string message_;
    std::vector<std::pair<std::string, std::string>> details_;
    std::uint32_t retry_class_ = SYNCLINE_RETRY_DEFAULT;
    std::int64_t retry_after_ms_ = 0;
};

/// A sink, reader or content of the host failed, or the connector that this one wraps. It carries
/// that status through the plugin, so let it pass after cleaning up; it has no message, because the
/// host knows what happened.
class StreamError : public Error {
public:
    explicit StreamError(syncline_status status) : Error(status, std::string()) {}
};

} // namespace syncline::sdk

#endif
