/// A JSON text as a tree that remembers where everything stands in it. A merge takes values over as
/// they are written: numbers of any length, escapes, order and indentation are never rewritten.
#ifndef SYNCLINE_STRATEGIES_MERGE_JSON_DOCUMENT_HPP
#define SYNCLINE_STRATEGIES_MERGE_JSON_DOCUMENT_HPP

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace syncline::strategies {

enum class JsonKind : std::uint8_t { null, boolean, number, string, array, object };

/// A value. Views borrow the document's text.
struct JsonNode {
    struct Child {
        std::string name;          ///< object: decoded
        std::string_view before;   ///< white space between `{`, `[` or `,` and it
        std::string_view name_raw; ///< object: the name as written, with quotes, up to the value
        std::unique_ptr<JsonNode> value;
    };

    JsonKind kind = JsonKind::null;
    std::string_view raw;             ///< all of it, as written
    std::string text;                 ///< string: decoded
    std::vector<Child> children;      ///< array and object, in their order
    std::vector<std::size_t> by_name; ///< object: children by name
    std::string_view end_space;       ///< white space before `}` or `]`
    std::uint64_t fingerprint = 0;    ///< equal values have equal ones

    const JsonNode* find(std::string_view name) const;
};

/// Equal values: members in any order, numbers as they are written (1 and 1.0 differ).
bool equal(const JsonNode& a, const JsonNode& b);

class JsonDocument {
public:
    /// Nothing, and why, unless the text is one JSON value in UTF-8 without repeated names. `text`
    /// is borrowed.
    static std::optional<JsonDocument> parse(std::string_view text, std::string& why);

    const JsonNode& root() const { return *root_; }
    std::string_view before() const { return before_; } ///< the root, in the text
    std::string_view after() const { return after_; }

private:
    std::unique_ptr<JsonNode> root_;
    std::string_view before_;
    std::string_view after_;
};

} // namespace syncline::strategies

#endif
