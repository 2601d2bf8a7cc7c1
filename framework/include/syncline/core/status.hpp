// The one error type of the engine. A Status is a null pointer when all is well, so success costs
// nothing; an error carries a code (what the caller should do next), a message for people (what
// failed, why, what to do) and details by name. Plugins' statuses are translated into it in exactly
// one place (src/plugin/status_of.cpp), and it is translated into exit codes in exactly one place
// (the host).
#pragma once

#include <cassert>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace syncline {

// Values up to -27 are those of the plugin ABI, so that a log line means the same on both sides of
// it.
enum class Code : std::int32_t {
    ok = 0,
    unknown = -1,
    invalid_argument = -2,
    invalid_state = -3,
    not_supported = -4,
    invalid_config = -5,
    unauthenticated = -6,
    permission_denied = -7,
    not_found = -8,
    already_exists = -9,
    conflict = -10,
    cursor_expired = -11,
    key_invalid = -12,
    too_large = -13,
    quota_exceeded = -14,
    rate_limited = -15,
    unavailable = -16,
    timeout = -17,
    cancelled = -18,
    integrity = -19,
    io = -20,
    out_of_memory = -21,
    internal = -22,
    abi_mismatch = -23,
    aborted = -24,
    read_only = -25,
    outcome_unknown = -26,
    locked = -27,
    // The engine's own.
    lock_held = -100,     // another run holds the sync's lock
    state_corrupt = -101, // the state file cannot be used as it is and was left untouched
    guard_tripped = -102, // a safety guard stopped the run before anything changed
    root_missing = -103,  // an endpoint's root that was there is gone
    circuit_open = -104,  // not tried: the endpoint fails too often and is left alone for a while
};

std::string_view name_of(Code code);

struct ErrorDetail {
    std::string name;
    std::string value;
};

struct Error {
    Code code = Code::unknown;
    std::string message;
    std::vector<ErrorDetail> details;
    std::int64_t retry_after_ms = -1; // -1: the other side did not say
    std::uint32_t retry_class = 0;    // 0: the default of the code
    std::string endpoint = {};        // location of the one whose call failed; empty: none did
};

class [[nodiscard]] Status {
public:
    Status() = default; // ok
    Status(Code code, std::string message)
        : error_(std::make_shared<const Error>(Error{code, std::move(message), {}, -1, 0})) {}
    explicit Status(Error error) : error_(std::make_shared<const Error>(std::move(error))) {}

    bool ok() const { return error_ == nullptr; }
    explicit operator bool() const { return ok(); }
    Code code() const { return error_ ? error_->code : Code::ok; }
    const Error& error() const {
        assert(error_);
        return *error_;
    }
    const std::string& message() const;
    std::string_view detail(std::string_view name) const; // empty when absent

    // The same error with `context: ` before its message.
    Status with_context(std::string_view context) const;
    // The same error with `; note` behind its message.
    Status with_note(std::string_view note) const;

private:
    std::shared_ptr<const Error> error_;
};

template <typename T>
class [[nodiscard]] Result {
public:
    Result(T value) : value_(std::move(value)) {}        // NOLINT(google-explicit-constructor)
    Result(Status status) : status_(std::move(status)) { // NOLINT(google-explicit-constructor)
        assert(!status_.ok() && "a Result without a value needs an error");
    }
    Result(Code code, std::string message) : status_(code, std::move(message)) {}

    bool ok() const { return value_.has_value(); }
    explicit operator bool() const { return ok(); }
    const Status& status() const { return status_; }
    Code code() const { return status_.code(); }

    T& operator*() & {
        assert(value_);
        return *value_;
    }
    const T& operator*() const& {
        assert(value_);
        return *value_;
    }
    T&& operator*() && {
        assert(value_);
        return *std::move(value_);
    }
    T* operator->() {
        assert(value_);
        return &*value_;
    }
    const T* operator->() const {
        assert(value_);
        return &*value_;
    }

private:
    std::optional<T> value_;
    Status status_;
};

// Leaves the function with the error of `expression` (a Status) if it is one.
#define SYNCLINE_TRY(expression)                                                                   \
    do {                                                                                           \
        if (::syncline::Status status_of_try_ = (expression); !status_of_try_.ok()) {              \
            return status_of_try_;                                                                 \
        }                                                                                          \
    } while (false)

} // namespace syncline
