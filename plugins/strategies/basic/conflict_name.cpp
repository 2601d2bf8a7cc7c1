#include "conflict_name.hpp"

#include <cstddef>

namespace syncline::strategies {
namespace {

constexpr std::string_view kMark = ".conflict-";

/// Removes one trailing `.conflict-<digits>`, if something is left in front of it.
bool strip_mark(std::string_view& name) {
    const std::size_t mark = name.rfind(kMark);
    if (mark == std::string_view::npos || mark == 0) {
        return false;
    }
    const std::string_view digits = name.substr(mark + kMark.size());
    if (digits.empty() || digits.find_first_not_of("0123456789") != std::string_view::npos) {
        return false;
    }
    name = name.substr(0, mark);
    return true;
}

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

std::string conflict_name(std::string_view key, unsigned n) {
    const std::size_t slash = key.rfind('/');
    const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
    std::string_view stem = key.substr(begin);
    while (strip_mark(stem)) {
    }
    const std::string_view extension = split_extension(stem);
    while (strip_mark(stem)) {
    }

    std::string out(key.substr(0, begin));
    out += stem;
    out += kMark;
    out += std::to_string(n);
    out += extension;
    return out;
}

} // namespace syncline::strategies
