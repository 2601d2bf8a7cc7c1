#include "bandwidth.hpp"

#include "syncline/core/text.hpp"

#include <charconv>

namespace syncline::host {

Result<std::uint64_t> parse_rate(const std::string& text) {
    const auto wrong = [&] {
        return Status(Code::invalid_argument,
                      "'" + display_key(text) +
                          "' is no rate; use bytes per second such as 500K, 10M or 1.5G");
    };
    constexpr double kMost = 1e15; // a petabyte per second is no limit
    double number = 0;
    const char* const end = text.data() + text.size();
    const auto [after, error] = std::from_chars(text.data(), end, number, std::chars_format::fixed);
    const std::string_view unit(after, static_cast<std::size_t>(end - after));
    if (error != std::errc() || unit.size() > 1) {
        return wrong();
    }
    constexpr std::string_view kUnits = "KMGT";
    if (!unit.empty()) {
        const char letter = unit[0] >= 'a' ? static_cast<char>(unit[0] - 'a' + 'A') : unit[0];
        const std::size_t power = kUnits.find(letter);
        if (power == std::string_view::npos) {
            return wrong();
        }
        for (std::size_t i = 0; i <= power; ++i) {
            number *= 1024;
        }
    }
    if (!(number >= 1 && number <= kMost)) {
        return wrong();
    }
    return static_cast<std::uint64_t>(number);
}

} // namespace syncline::host
