// The one place where what a plugin answered becomes the engine's Status.
#pragma once

#include "syncline/core/status.hpp"

#include <syncline/abi/types.h>

#include <string>
#include <string_view>
#include <vector>

namespace syncline::plugin {

inline constexpr std::size_t kMaxErrorText = std::size_t{16} * 1024;
inline constexpr std::size_t kMaxErrorDetails = 32;
inline constexpr std::size_t kMaxErrorDetail = std::size_t{8} * 1024;

// Where an answer comes from, for messages.
struct Origin {
    std::string_view plugin_id;
    std::string_view function;
};

// What a plugin said about its error before it returned it.
struct CallReport {
    std::string message;
    std::vector<ErrorDetail> details;
    std::uint32_t retry_class = 0; // SYNCLINE_RETRY_*
    std::int64_t retry_after_ms = -1;
};

// Ok for SYNCLINE_OK. An unknown negative value is Code::unknown, vendors' values too (with detail
// vendor_code); a positive one is a protocol error, since STOP is an answer of sinks only. Takes
// the report's text; null: nothing said.
Status status_of(syncline_status status, CallReport* report, const Origin& origin);

// The plugin broke a rule of the ABI. `what` continues "<function> ".
Status protocol_error(const Origin& origin, std::string_view what);

// At most `limit` bytes of `text` as one line that is safe to print: valid UTF-8 without control
// characters.
std::string safe_text(std::string_view text, std::size_t limit);

} // namespace syncline::plugin
