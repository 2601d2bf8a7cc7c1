#include "syncline/core/status.hpp"

namespace syncline {

std::string_view name_of(Code code) {
    switch (code) {
    case Code::ok:
        return "ok";
    case Code::unknown:
        return "unknown";
    case Code::invalid_argument:
        return "invalid-argument";
    case Code::invalid_state:
        return "invalid-state";
    case Code::not_supported:
        return "not-supported";
    case Code::invalid_config:
        return "invalid-config";
    case Code::unauthenticated:
        return "unauthenticated";
    case Code::permission_denied:
        return "permission-denied";
    case Code::not_found:
        return "not-found";
    case Code::already_exists:
        return "already-exists";
    case Code::conflict:
        return "conflict";
    case Code::cursor_expired:
        return "cursor-expired";
    case Code::key_invalid:
        return "key-invalid";
    case Code::too_large:
        return "too-large";
    case Code::quota_exceeded:
        return "quota-exceeded";
    case Code::rate_limited:
        return "rate-limited";
    case Code::unavailable:
        return "unavailable";
    case Code::timeout:
        return "timeout";
    case Code::cancelled:
        return "cancelled";
    case Code::integrity:
        return "integrity";
    case Code::io:
        return "io";
    case Code::out_of_memory:
        return "out-of-memory";
    case Code::internal:
        return "internal";
    case Code::abi_mismatch:
        return "abi-mismatch";
    case Code::aborted:
        return "aborted";
    case Code::read_only:
        return "read-only";
    case Code::outcome_unknown:
        return "outcome-unknown";
    case Code::locked:
        return "locked";
    case Code::lock_held:
        return "lock-held";
    case Code::state_corrupt:
        return "state-corrupt";
    case Code::guard_tripped:
        return "guard-tripped";
    case Code::root_missing:
        return "root-missing";
    case Code::circuit_open:
        return "circuit-open";
    }
    return "unknown";
}

const std::string& Status::message() const {
    static const std::string& none = *new std::string;
    return error_ ? error_->message : none;
}

std::string_view Status::detail(std::string_view name) const {
    if (error_) {
        for (const ErrorDetail& detail : error_->details) {
            if (detail.name == name) {
                return detail.value;
            }
        }
    }
    return {};
}

Status Status::with_context(std::string_view context) const {
    if (!error_) {
        return {};
    }
    Error error = *error_;
    error.message.insert(0, ": ").insert(0, context);
    return Status(std::move(error));
}

Status Status::with_note(std::string_view note) const {
    if (!error_) {
        return {};
    }
    Error error = *error_;
    error.message.append("; ").append(note);
    return Status(std::move(error));
}

} // namespace syncline
