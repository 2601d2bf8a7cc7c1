/// A three-way merge of texts, line by line.
#ifndef SYNCLINE_STRATEGIES_MERGE_TEXT_TEXT_MERGE_HPP
#define SYNCLINE_STRATEGIES_MERGE_TEXT_TEXT_MERGE_HPP

#include <cstdint>
#include <string>
#include <string_view>

namespace syncline::strategies {

/// What becomes of lines that both sides changed in different ways.
enum class Overlap : std::uint8_t {
    decline, ///< no result
    markers, ///< both, between conflict markers
    source,  ///< those of the source; all other changes of the target are kept
    target,
    both, ///< first those of the source, then those of the target
};

struct TextMerge {
    bool merged = false; ///< false: nobody may decide, `why` says so
    bool clean = false;  ///< no line was changed in different ways
    std::string text;
    std::string why;
};

/// Whether the bytes are text that lines can be told apart in: no NUL.
bool is_text(std::string_view bytes);

/// Line ends and a missing newline at the end stay as the side had them whose lines are taken: CR
/// LF is part of its line. The labels name the sides in conflict markers. Throws sdk::Error if
/// there is no memory. Threads: any.
TextMerge merge_text(std::string_view base, std::string_view source, std::string_view target,
                     Overlap overlap, const std::string& source_label,
                     const std::string& target_label);

} // namespace syncline::strategies

#endif
