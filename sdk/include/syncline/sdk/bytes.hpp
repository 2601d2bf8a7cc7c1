/// Conversions between the ABI's borrowed (pointer, size) pairs and std::string_view.
///
/// Keys, versions and cursors are opaque bytes; here they travel as std::string_view, which is a
/// pointer and a size as well and promises nothing about the encoding. Nothing here allocates
/// except printable().
#ifndef SYNCLINE_SDK_BYTES_HPP
#define SYNCLINE_SDK_BYTES_HPP

#include <syncline/abi/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace syncline::sdk {

inline std::string_view view(syncline_bytes bytes) noexcept {
    return bytes.size == 0 ? std::string_view()
                           : std::string_view(reinterpret_cast<const char*>(bytes.data),
                                              static_cast<std::size_t>(bytes.size));
}

inline std::string_view view(syncline_str text) noexcept {
    return text.size == 0 ? std::string_view()
                          : std::string_view(text.data, static_cast<std::size_t>(text.size));
}

/// Borrows: valid as long as what `text` looks at.
inline syncline_bytes bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

/// Borrows: valid as long as what `text` looks at. Requires valid UTF-8.
inline syncline_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

inline bool starts_with(std::string_view text, std::string_view prefix) noexcept {
    return text.size() >= prefix.size() && text.compare(0, prefix.size(), prefix) == 0;
}

/// Length of the UTF-8 sequence at `at` (1..4), or 0 if it is malformed: overlong forms, surrogates
/// and values beyond U+10FFFF count as malformed.
inline std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i, unsigned low, unsigned high) {
        return i < text.size() && byte(i) >= low && byte(i) <= high;
    };
    if (at >= text.size()) {
        return 0;
    }
    const unsigned lead = byte(at);
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return tail(at + 1, 0x80, 0xBF) ? 2 : 0;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        const unsigned low = lead == 0xE0 ? 0xA0 : 0x80;
        const unsigned high = lead == 0xED ? 0x9F : 0xBF;
        return tail(at + 1, low, high) && tail(at + 2, 0x80, 0xBF) ? 3 : 0;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        const unsigned low = lead == 0xF0 ? 0x90 : 0x80;
        const unsigned high = lead == 0xF4 ? 0x8F : 0xBF;
        return tail(at + 1, low, high) && tail(at + 2, 0x80, 0xBF) && tail(at + 3, 0x80, 0xBF) ? 4
                                                                                               : 0;
    }
    return 0;
}

inline bool is_utf8(std::string_view text) noexcept {
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t length = utf8_sequence(text, at);
        if (length == 0) {
            return false;
        }
        at += length;
    }
    return true;
}

/// Any bytes as UTF-8 for messages and details: malformed and control bytes become \xNN.
inline std::string printable(std::string_view raw) {
    static constexpr char kHex[] = "0123456789abcdef";
    std::string out;
    out.reserve(raw.size());
    for (std::size_t at = 0; at < raw.size();) {
        const std::size_t length = utf8_sequence(raw, at);
        const auto lead = static_cast<unsigned char>(raw[at]);
        if (length == 0 || lead < 0x20 || lead == 0x7F) {
            out += {'\\', 'x', kHex[lead >> 4U], kHex[lead & 15U]};
            at += 1;
        } else {
            out.append(raw, at, length);
            at += length;
        }
    }
    return out;
}

} // namespace syncline::sdk

#endif
