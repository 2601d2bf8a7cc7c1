/// Names for the copy that loses when both sides are kept.
#ifndef SYNCLINE_STRATEGIES_BASIC_CONFLICT_NAME_HPP
#define SYNCLINE_STRATEGIES_BASIC_CONFLICT_NAME_HPP

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::strategies {

/// What a mark may tell about the copy. A fact that is not known is left out of the name.
struct MarkFacts {
    std::string_view side;                ///< `source` or `target`
    std::optional<std::int64_t> mtime_ns; ///< since the Unix epoch
};

struct ConflictName {
    std::string key;
    std::size_t number_at = 0; ///< where the number stands in the key
    std::size_t number_size = 0;
};

/// What is put between the stem and the extension of a name: text with `{n}` exactly once, and
/// `{date}` (UTC, as 20261102-100000) and `{side}` at will.
class Mark {
public:
    /// Nothing if the text is no mark; `why` says what it should be then.
    static std::optional<Mark> parse(std::string_view text, std::string& why);

    /// `dir/name.ext` becomes `dir/name<mark>.ext`. The extension begins at the last dot of the
    /// last path segment, unless that dot is its first character. A key that has the mark already
    /// gives the name its original would get, so names do not nest; a mark needs some text of its
    /// own to be recognised.
    ConflictName name(std::string_view key, unsigned n, const MarkFacts& facts) const;

private:
    enum class Kind : std::uint8_t { text, number, date, side };
    struct Piece {
        Kind kind;
        std::string text;
    };
    bool matches(std::string_view text, std::size_t piece) const;
    bool strip(std::string_view& stem) const;
    std::vector<Piece> pieces_;
};

inline constexpr const char* kDefaultMark = ".conflict-{n}";

} // namespace syncline::strategies

#endif
