// How bytes, sizes and times look to people.
#pragma once

#include "syncline/core/bytes.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace syncline {

// A key as one safe line: UTF-8 as it is; control characters, invisible ones that change the
// direction of text and other bytes as \n, \t, \r, \xHH; a backslash as two. Different keys look
// different.
std::string display_key(BytesView key);
// Text for people as one safe line: as display_key, but a backslash stays as it is.
std::string display_line(BytesView text);
bool is_utf8(BytesView text);
std::string base64(BytesView bytes);
std::optional<Bytes> from_base64(std::string_view text);
// For JSON, which has no other bytes: as it is where that is UTF-8, else as display_key.
std::string utf8_text(BytesView text);
// A field of a JSON object that gives the bytes back: under `name` if they are UTF-8, else under
// NAME_b64 as base64.
template <typename Json>
void put_bytes(Json& object, const std::string& name, BytesView bytes) {
    if (is_utf8(bytes)) {
        object[name] = std::string(bytes);
    } else {
        object[name + "_b64"] = base64(bytes);
    }
}

std::string display_size(std::uint64_t bytes);        // "1.4 MiB"
std::string display_duration_ms(std::int64_t millis); // "850 ms", "12.3 s", "4 min 10 s"
std::string display_time(std::int64_t wall_ns);       // "2026-03-01 12:00:00.123Z"
std::string display_count(std::uint64_t count, std::string_view singular); // "1 file", "3 files"

// The candidate nearest to `word`, if near enough to be a likely slip of the hand; for "did you
// mean".
std::string nearest(std::string_view word, std::span<const std::string> candidates);

} // namespace syncline
