#include "conflict_name.hpp"

#include "time_text.hpp"

#include <algorithm>

namespace syncline::strategies {
namespace {

constexpr std::size_t kMaxMark = 64;
constexpr std::size_t kTellingText = 4; // bytes of text that make a mark recognisable
constexpr std::size_t kDateSize = sizeof("20261102-100000") - 1;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Cuts the extension off `name` and returns it with its dot; empty if there is none.
std::string_view split_extension(std::string_view& name) {
    const std::size_t dot = name.rfind('.');
    if (dot == std::string_view::npos || dot == 0) {
        return {};
    }
    const std::string_view extension = name.substr(dot);
    name = name.substr(0, dot);
    return extension;
}

} // namespace

std::optional<Mark> Mark::parse(std::string_view text, std::string& why) {
    Mark mark;
    unsigned numbers = 0;
    if (text.size() > kMaxMark) {
        why = "at most 64 bytes";
        return std::nullopt;
    }
    while (!text.empty()) {
        if (text.front() == '{') {
            const std::size_t end = text.find('}');
            const std::string_view word = text.substr(0, end);
            if (word == "{n") {
                mark.pieces_.push_back({Kind::number, {}});
                ++numbers;
            } else if (word == "{date") {
                mark.pieces_.push_back({Kind::date, {}});
            } else if (word == "{side") {
                mark.pieces_.push_back({Kind::side, {}});
            } else {
                why = "text with {n}, {date} and {side}; no other braces";
                return std::nullopt;
            }
            text.remove_prefix(end + 1);
            continue;
        }
        const std::string_view plain = text.substr(0, text.find('{'));
        if (plain.find_first_of(std::string_view("/\0}", 3)) != std::string_view::npos) {
            why = "part of a name, without slashes";
            return std::nullopt;
        }
        mark.pieces_.push_back({Kind::text, std::string(plain)});
        text.remove_prefix(plain.size());
    }
    if (numbers != 1) {
        why = "text with {n} exactly once, so that every copy can get a name of its own";
        return std::nullopt;
    }
    return mark;
}

/// Whether all of `text` is what the pieces from `piece` on may write.
bool Mark::matches(std::string_view text, std::size_t piece) const {
    if (piece == pieces_.size()) {
        return text.empty();
    }
    const auto after = [&](std::string_view word) {
        return text.substr(0, word.size()) == word && matches(text.substr(word.size()), piece + 1);
    };
    switch (pieces_[piece].kind) {
    case Kind::text:
        return after(pieces_[piece].text);
    case Kind::side:
        return after("source") || after("target");
    case Kind::date: {
        const bool is_date = text.size() >= kDateSize && text[8] == '-' &&
                             std::all_of(text.begin(), text.begin() + 8, is_digit) &&
                             std::all_of(text.begin() + 9, text.begin() + kDateSize, is_digit);
        return (is_date && matches(text.substr(kDateSize), piece + 1)) || after("");
    }
    case Kind::number: {
        std::size_t digits = 0;
        while (digits < text.size() && is_digit(text[digits])) {
            ++digits;
        }
        // Digits of the text that follows may look like the number's, so each length is tried.
        for (; digits > 0; --digits) {
            if (matches(text.substr(digits), piece + 1)) {
                return true;
            }
        }
        return false;
    }
    }
    return false;
}

/// Removes one mark from the end, if something is left in front of it. A mark with next to no text
/// of its own is not recognised: `-{n}` would take `report-2024` for a copy of `report`.
bool Mark::strip(std::string_view& stem) const {
    std::size_t own_text = 0;
    for (const Piece& piece : pieces_) {
        own_text += piece.text.size();
    }
    if (own_text < kTellingText) {
        return false;
    }
    for (std::size_t at = stem.size(); at-- > 1;) {
        if (matches(stem.substr(at), 0)) {
            stem = stem.substr(0, at);
            return true;
        }
    }
    return false;
}

ConflictName Mark::name(std::string_view key, unsigned n, const MarkFacts& facts) const {
    const std::size_t slash = key.rfind('/');
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    std::string_view stem = key.substr(begin);
    while (strip(stem)) {
    }
    const std::string_view extension = split_extension(stem);
    while (strip(stem)) {
    }

    ConflictName out;
    out.key = key.substr(0, begin);
    out.key += stem;
    for (const Piece& piece : pieces_) {
        switch (piece.kind) {
        case Kind::text:
            out.key += piece.text;
            break;
        case Kind::side:
            out.key += facts.side;
            break;
        case Kind::date:
            out.key += facts.mtime_ns ? compact_utc(*facts.mtime_ns) : std::string();
            break;
        case Kind::number: {
            const std::string number = std::to_string(n);
            out.number_at = out.key.size();
            out.number_size = number.size();
            out.key += number;
            break;
        }
        }
    }
    out.key += extension;
    return out;
}

} // namespace syncline::strategies
