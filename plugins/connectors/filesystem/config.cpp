#include "config.hpp"

#include <cstring>
#include <optional>

namespace syncline::fs {

const char* const kConfigSchema = R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "url": {
      "type": "string",
      "pattern": "^file://",
      "description": "file:///absolute/path; bytes other than letters, digits and -._~/ may be written as %HH"
    },
    "path": {
      "type": "string",
      "pattern": "^/",
      "description": "absolute path of the directory, taken as it is"
    },
    "path_b64": {
      "type": "string",
      "description": "absolute path of the directory in base64, for names that are not UTF-8"
    },
    "clock_granularity_ms": {
      "type": "integer",
      "minimum": 0,
      "maximum": 3600000,
      "description": "how far apart two writes may be and still get equal timestamps; default 10, on FAT 2000"
    }
  },
  "oneOf": [{"required": ["url"]}, {"required": ["path"]}, {"required": ["path_b64"]}]
})json";

namespace {

constexpr std::int64_t kMaxGranularityMs = 3'600'000;
constexpr std::int64_t kNanosPerMilli = 1'000'000;

int hex_value(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
        if (high < 0 || low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    static constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (text.size() % 4 != 0) {
        return std::nullopt;
    }
    std::size_t padding = 0;
    while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') {
        ++padding;
    }
    std::string out;
    unsigned bits = 0;
    int count = 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        const std::size_t value = kAlphabet.find(c);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = bits << 6U | static_cast<unsigned>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            out += static_cast<char>(bits >> static_cast<unsigned>(count) & 255U);
        }
    }
    return out;
}

std::string path_of_url(const sdk::json::Config& config) {
    static constexpr std::string_view kScheme = "file://";
    static constexpr std::string_view kLocalhost = "localhost";
    std::string_view rest = config.string("url");
    if (rest.substr(0, kScheme.size()) != kScheme) {
        throw config.invalid("url", "a URL that begins with file://");
    }
    rest.remove_prefix(kScheme.size());
    if (rest.substr(0, kLocalhost.size()) == kLocalhost) {
        rest.remove_prefix(kLocalhost.size());
    }
    if (rest.empty() || rest.front() != '/') {
        throw config.invalid("url", "file:// and an absolute path, without a host name");
    }
    if (rest.find_first_of("?#") != std::string_view::npos) {
        throw config.invalid("url",
                             "a URL in which ? and # of the path are written as %3F and %23");
    }
    std::optional<std::string> path = percent_decode(rest);
    if (!path) {
        throw config.invalid("url", "a URL in which each % is followed by two hexadecimal digits");
    }
    return *std::move(path);
}

} // namespace

Settings read_config(const sdk::json::Config& config) {
    config.only({"url", "path", "path_b64", "clock_granularity_ms"});
    const int given = config.has("url") + config.has("path") + config.has("path_b64");
    if (given != 1) {
        throw sdk::Error(SYNCLINE_E_INVALID_CONFIG,
                         "exactly one of url, path and path_b64 says which directory to use")
            .detail(SYNCLINE_DETAIL_PATH, "")
            .detail(SYNCLINE_DETAIL_EXPECTED, "one of url, path, path_b64");
    }
    Settings out;
    const char* source = config.has("url") ? "url" : config.has("path") ? "path" : "path_b64";
    if (config.has("url")) {
        out.path = path_of_url(config);
    } else if (config.has("path")) {
        out.path = config.string("path");
    } else {
        std::optional<std::string> path = base64_decode(config.string("path_b64"));
        if (!path) {
            throw config.invalid("path_b64", "base64 with padding");
        }
        out.path = *std::move(path);
    }
    if (out.path.empty() || out.path.front() != '/' || out.path.find('\0') != std::string::npos) {
        throw config.invalid(source, "an absolute path without NUL bytes");
    }
    if (config.has("clock_granularity_ms")) {
        const std::int64_t granularity = config.integer("clock_granularity_ms");
        if (granularity < 0 || granularity > kMaxGranularityMs) {
            throw config.invalid("clock_granularity_ms",
                                 "a number of milliseconds from 0 to 3600000");
        }
        out.granularity_ns = granularity * kNanosPerMilli;
    }
    return out;
}

} // namespace syncline::fs
