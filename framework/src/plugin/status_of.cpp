#include "plugin/status_of.hpp"

#include "syncline/core/text.hpp"

#include <syncline/abi/call.h>

#include <algorithm>

namespace syncline::plugin {

namespace {

constexpr syncline_status kLastKnown = SYNCLINE_E_LOCKED;

static_assert(static_cast<std::int32_t>(Code::unknown) == SYNCLINE_E_UNKNOWN);
static_assert(static_cast<std::int32_t>(Code::not_found) == SYNCLINE_E_NOT_FOUND);
static_assert(static_cast<std::int32_t>(Code::conflict) == SYNCLINE_E_CONFLICT);
static_assert(static_cast<std::int32_t>(Code::cancelled) == SYNCLINE_E_CANCELLED);
static_assert(static_cast<std::int32_t>(Code::outcome_unknown) == SYNCLINE_E_OUTCOME_UNKNOWN);
static_assert(static_cast<std::int32_t>(Code::locked) == SYNCLINE_E_LOCKED);

Code code_of(syncline_status status) {
    // The numbers are the same on both sides up to the last one this host knows; what hosts make
    // themselves
    // (-64..-79) is as unknown from a plugin as anything else.
    return status < 0 && status >= kLastKnown ? static_cast<Code>(status) : Code::unknown;
}

bool is_printable(std::string_view text) {
    return std::ranges::none_of(text, [](char byte) {
        const auto value = static_cast<unsigned char>(byte);
        return value < 0x20 || value == 0x7f;
    });
}

// So that a cut does not make valid text invalid.
std::string_view cut(std::string_view text, std::size_t limit) {
    if (text.size() <= limit) {
        return text;
    }
    std::size_t end = limit;
    while (end > 0 && limit - end < 4 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
        --end;
    }
    return text.substr(0, end);
}

} // namespace

std::string safe_text(std::string_view text, std::size_t limit) {
    const std::string_view kept = cut(text, limit);
    return is_printable(kept) && is_utf8(kept) ? std::string(kept) : display_key(kept);
}

Status protocol_error(const Origin& origin, std::string_view what) {
    std::string message = "protocol error in plugin ";
    message.append(origin.plugin_id).append(": ").append(origin.function);
    message.append(" ").append(what);
    return Status(Code::internal, std::move(message));
}

Status status_of(syncline_status status, CallReport* report, const Origin& origin) {
    if (status == SYNCLINE_OK) {
        return {};
    }
    if (status > 0) {
        return protocol_error(origin, "returned " + std::to_string(status) +
                                          ", which is not an answer of a plugin function");
    }
    Error error;
    error.code = code_of(status);
    if (report != nullptr) {
        error.message = std::move(report->message);
        error.details = std::move(report->details);
        if (report->retry_class <= SYNCLINE_RETRY_IF_IDEMPOTENT) {
            error.retry_class = report->retry_class;
        }
        if (error.retry_class == SYNCLINE_RETRY_AFTER) {
            error.retry_after_ms = std::max<std::int64_t>(report->retry_after_ms, 0);
        }
    }
    const bool foreign = status < kLastKnown;
    if (error.message.empty()) {
        error.message.append(origin.plugin_id).append(" ").append(origin.function);
        error.message.append(" failed without saying why (");
        error.message.append(foreign ? "status " + std::to_string(status)
                                     : std::string(name_of(error.code)));
        error.message.append(")");
    }
    if (foreign && std::ranges::none_of(error.details, [](const ErrorDetail& detail) {
            return detail.name == SYNCLINE_DETAIL_VENDOR_CODE;
        })) {
        error.details.push_back({SYNCLINE_DETAIL_VENDOR_CODE, std::to_string(status)});
    }
    return Status(std::move(error));
}

} // namespace syncline::plugin
