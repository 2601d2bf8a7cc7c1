#include "syncline/core/text.hpp"

#include "syncline/core/item.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <vector>

namespace syncline {
namespace {

struct CodePoint {
    char32_t value = 0;
    std::size_t size = 0; // 0: not valid UTF-8 here
};

// The code point at the beginning of `text`, which is not empty. Strict: no overlong forms, no
// surrogates.
CodePoint decode(BytesView text) {
    const auto lead = static_cast<unsigned char>(text[0]);
    if (lead < 0x80) {
        return {lead, 1};
    }
    std::size_t size = 0;
    char32_t value = 0;
    char32_t least = 0;
    if ((lead & 0xe0) == 0xc0) {
        size = 2;
        value = lead & 0x1fU;
        least = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
        size = 3;
        value = lead & 0x0fU;
        least = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
        size = 4;
        value = lead & 0x07U;
        least = 0x10000;
    }
    if (size == 0 || size > text.size()) {
        return {};
    }
    for (std::size_t i = 1; i < size; ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if ((byte & 0xc0) != 0x80) {
            return {};
        }
        value = (value << 6) | (byte & 0x3fU);
    }
    if (value < least || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) {
        return {};
    }
    return {value, size};
}

// What would change how the rest of a line looks, or would not be seen at all: control characters,
// line separators, direction marks, overrides and isolates, zero-width spaces, tags. Joiners stay:
// scripts and emoji need them.
bool is_unsafe(char32_t c) {
    return c < 0x20 || (c >= 0x7f && c <= 0x9f) || c == 0xad || c == 0x61c || c == 0x180e ||
           c == 0x200b || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
           (c >= 0xe0000 && c <= 0xe007f);
}

void append_escaped(BytesView bytes, std::string& out) {
    for (const char c : bytes) {
        switch (c) {
        case '\n':
            out += "\\n";
            break;
        case '\t':
            out += "\\t";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\\':
            out += "\\\\";
            break;
        default:
            out += "\\x";
            out += "0123456789ABCDEF"[static_cast<unsigned char>(c) >> 4];
            out += "0123456789ABCDEF"[static_cast<unsigned char>(c) & 15];
        }
    }
}

std::string escape(BytesView text, bool with_backslash) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const CodePoint point = decode(text);
        const BytesView bytes = text.substr(0, std::max<std::size_t>(point.size, 1));
        if (point.size == 0 || is_unsafe(point.value) || (with_backslash && point.value == '\\')) {
            append_escaped(bytes, out);
        } else {
            out += bytes;
        }
        text.remove_prefix(bytes.size());
    }
    return out;
}

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string format(const char* pattern, double number, const char* unit) {
    char text[64];
    const int size = std::snprintf(text, sizeof text, pattern, number, unit);
    return {text, static_cast<std::size_t>(size)};
}

std::string two_units(std::uint64_t large, const char* large_unit, std::uint64_t small,
                      const char* small_unit) {
    std::string out = std::to_string(large) + large_unit;
    if (small != 0) {
        out += ' ';
        out += std::to_string(small);
        out += small_unit;
    }
    return out;
}

// Case, '-' and '_' are what people mix up first.
std::string folded(std::string_view word) {
    std::string out(word);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') {
            c = static_cast<char>(c - 'A' + 'a');
        } else if (c == '_') {
            c = '-';
        }
    }
    return out;
}

// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`.
std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before_last(b.size() + 1);
    std::vector<std::size_t> last(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        last[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            row[j] = std::min(
                {last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U)});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before_last[j - 2] + 1);
            }
        }
        std::swap(before_last, last);
        std::swap(last, row);
    }
    return last[b.size()];
}

} // namespace

std::string display_key(BytesView key) { return escape(key, true); }

std::string display_line(BytesView text) { return escape(text, false); }

bool is_utf8(BytesView text) {
    while (!text.empty()) {
        const CodePoint point = decode(text);
        if (point.size == 0) {
            return false;
        }
        text.remove_prefix(point.size);
    }
    return true;
}

std::string utf8_text(BytesView text) {
    return is_utf8(text) ? std::string(text) : display_key(text);
}

std::string base64(BytesView bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    while (!bytes.empty()) {
        const std::size_t taken = std::min<std::size_t>(bytes.size(), 3);
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = (bits << 8) | (i < taken ? static_cast<unsigned char>(bytes[i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out.push_back(i <= taken ? kBase64[(bits >> (18 - 6 * i)) & 63] : '=');
        }
        bytes.remove_prefix(taken);
    }
    return out;
}

// Accepts only what base64() writes, so that equal bytes have one text.
std::optional<Bytes> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    Bytes out;
    out.reserve(text.size() / 4 * 3);
    while (!text.empty()) {
        const bool is_last = text.size() == 4;
        const std::size_t padding = !is_last || text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        std::uint32_t bits = 0;
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t digit = i < 4 - padding ? kBase64.find(text[i]) : 0;
            if (digit == std::string_view::npos) {
                return std::nullopt;
            }
            bits = (bits << 6) | static_cast<std::uint32_t>(digit);
        }
        if ((bits & ((1U << (8 * padding)) - 1)) != 0) {
            return std::nullopt;
        }
        for (std::size_t i = 0; i < 3 - padding; ++i) {
            out.push_back(static_cast<char>((bits >> (16 - 8 * i)) & 0xff));
        }
        text.remove_prefix(4);
    }
    return out;
}

std::string display_size(std::uint64_t bytes) {
    if (bytes == kUnknownSize) {
        return "unknown size";
    }
    if (bytes < 1024) {
        return std::to_string(bytes) + " B";
    }
    static constexpr std::array kUnits{"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    std::size_t unit = 0;
    double number = static_cast<double>(bytes) / 1024;
    // The bound is where one decimal would round to 1024.0.
    while (number >= 1023.95 && unit + 1 < kUnits.size()) {
        number /= 1024;
        ++unit;
    }
    return format("%.1f %s", number, kUnits[unit]);
}

std::string display_duration_ms(std::int64_t millis) {
    if (millis < 0) {
        // Negated as unsigned, because the least number has no positive counterpart.
        const std::uint64_t positive = 0 - static_cast<std::uint64_t>(millis);
        return "-" + display_duration_ms(
                         static_cast<std::int64_t>(std::min<std::uint64_t>(positive, INT64_MAX)));
    }
    if (millis < 1000) {
        return std::to_string(millis) + " ms";
    }
    if (millis < 59'950) {
        return format("%.1f %s", static_cast<double>(millis) / 1000, "s");
    }
    const std::uint64_t seconds = (static_cast<std::uint64_t>(millis) + 500) / 1000;
    if (seconds < 3600) {
        return two_units(seconds / 60, " min", seconds % 60, " s");
    }
    const std::uint64_t minutes = seconds / 60;
    constexpr std::uint64_t kMinutesOfDay = 1440;
    if (minutes < kMinutesOfDay) {
        return two_units(minutes / 60, " h", minutes % 60, " min");
    }
    return two_units(minutes / kMinutesOfDay, " d", minutes / 60 % 24, " h");
}

std::string display_time(std::int64_t wall_ns) {
    if (wall_ns == kUnknownTime) {
        return "unknown time";
    }
    using namespace std::chrono;
    // In milliseconds, because the whole day around the least nanosecond is not representable in
    // nanoseconds.
    const milliseconds since_epoch = floor<milliseconds>(nanoseconds(wall_ns));
    const auto day = floor<days>(since_epoch);
    const year_month_day date{sys_days{day}};
    const hh_mm_ss time{since_epoch - day};
    char text[64];
    const int size = std::snprintf(
        text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
        static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
        static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
        static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
    return {text, static_cast<std::size_t>(size)};
}

std::string display_count(std::uint64_t count, std::string_view singular) {
    std::string out = std::to_string(count);
    out += ' ';
    out += singular;
    if (count == 1) {
        return out;
    }
    const auto ends_with = [&](std::string_view end) { return singular.ends_with(end); };
    if (ends_with("y") && !ends_with("ay") && !ends_with("ey") && !ends_with("oy") &&
        !ends_with("uy")) {
        out.pop_back();
        out += "ies";
    } else if (ends_with("s") || ends_with("x") || ends_with("ch") || ends_with("sh")) {
        out += "es";
    } else {
        out += 's';
    }
    return out;
}

std::string nearest(std::string_view word, std::span<const std::string> candidates) {
    // Longer words are no slip of the hand, and the distance costs the product of the lengths.
    constexpr std::size_t kLongestWord = 64;
    constexpr std::size_t kMostEdits = 3;
    if (word.empty() || word.size() > kLongestWord) {
        return {};
    }
    const std::string wanted = folded(word);
    const std::string* best = nullptr;
    std::size_t best_distance = 0;
    for (const std::string& candidate : candidates) {
        if (candidate.empty() || candidate.size() > kLongestWord) {
            continue;
        }
        const std::size_t distance = edit_distance(wanted, folded(candidate));
        const std::size_t allowed =
            std::min(kMostEdits, std::max(word.size(), candidate.size()) / 3);
        if (distance <= allowed && (best == nullptr || distance < best_distance)) {
            best = &candidate;
            best_distance = distance;
        }
    }
    return best != nullptr ? *best : std::string();
}

} // namespace syncline
