// Contents that can be merged, as the worlds draw and edit them. They are restricted, so that the
// model can tell what comes of a merge without knowing how one is made:
//
// - A text has ten numbered sections, each a line `4: red` and maybe further lines `4+ more`. A
//   person changes only every third one, whole, so two changes meet in one section or are apart.
// - A JSON document is one flat object; its fields have an order of their own.
// - Anything else is opaque and replaced as a whole.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace worlds {

inline constexpr int kSections = 10;

// Lines with what ends them; the last may have no end.
std::vector<std::string> lines_of(const std::string& text);

using Sections = std::array<std::string, kSections>; // their lines; empty: deleted
std::optional<Sections> sections_of(const std::string& text);

using Fields = std::map<std::string, std::string>; // values as they are written
std::optional<Fields> fields_of(const std::string& text);

enum class Layout { compact, spaced, indented, other };
std::string write_fields(const Fields& fields, Layout layout);
Layout layout_of(const std::string& text);

enum class Taste { mixed, texts, documents };

// `made` numbers what is to be unlike all else.
std::string draw_content(std::mt19937_64& random, int& made, Taste taste);
std::string edited_content(std::mt19937_64& random, int& made, Taste taste,
                           const std::string& content);

} // namespace worlds
