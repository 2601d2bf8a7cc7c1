#include "key.hpp"

#include <algorithm>

namespace syncline::fs {

namespace {

Status invalid(std::string_view key, const char* rule) {
    return Status::error(SYNCLINE_E_KEY_INVALID,
                         "not a usable key: " + printable(key) + " (" + rule + ")")
        .with(SYNCLINE_DETAIL_KEY, printable(key))
        .with(SYNCLINE_DETAIL_RULE, rule);
}

const char* broken_rule(std::string_view segment) {
    if (segment.empty()) {
        return "empty segment";
    }
    if (segment == "." || segment == "..") {
        return "dot segment";
    }
    if (segment.size() > kMaxName) {
        return "segment longer than 255 bytes";
    }
    if (is_temp_name(segment)) {
        return "name reserved for temporary files";
    }
    return nullptr;
}

} // namespace

bool is_temp_name(std::string_view name) {
    if (name.size() != kTempPrefix.size() + kTempDigits ||
        name.substr(0, kTempPrefix.size()) != kTempPrefix) {
        return false;
    }
    const std::string_view digits = name.substr(kTempPrefix.size());
    return std::all_of(digits.begin(), digits.end(),
                       [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

Status parse_key(std::string_view text, Key& out) {
    if (text.empty()) {
        return invalid(text, "empty key");
    }
    if (text.find('\0') != std::string_view::npos) {
        return invalid(text, "NUL byte");
    }
    const bool is_container = text.back() == '/';
    std::string_view rest = is_container ? text.substr(0, text.size() - 1) : text;
    const std::size_t cut = rest.rfind('/');
    out.text = text;
    out.is_container = is_container;
    out.parent = cut == std::string_view::npos ? std::string_view() : rest.substr(0, cut + 1);
    out.leaf = cut == std::string_view::npos ? rest : rest.substr(cut + 1);
    for (;;) {
        const std::size_t slash = rest.find('/');
        if (const char* rule = broken_rule(rest.substr(0, slash))) {
            return invalid(text, rule);
        }
        if (slash == std::string_view::npos) {
            return {};
        }
        rest.remove_prefix(slash + 1);
    }
}

} // namespace syncline::fs
