#include "contents.hpp"

#include <algorithm>

namespace worlds {

namespace {

unsigned below(std::mt19937_64& random, unsigned bound) {
    return static_cast<unsigned>(random() % bound);
}

bool is_edited_by_people(int section) { return section % 3 == 0; }

std::string head_of(int section) { return std::to_string(section + 1); }

std::string join(const Sections& sections) {
    std::string text;
    for (const std::string& section : sections) {
        text += section;
    }
    return text;
}

// Few words, so that both sides make the same change now and then; some that are seen once.
std::string draw_word(std::mt19937_64& random, int& made) {
    static const std::array<const char*, 3> kWords = {"red", "green", "blue"};
    const unsigned drawn = below(random, 5);
    return drawn < kWords.size() ? kWords[drawn] : "word " + std::to_string(++made);
}

std::string draw_section(std::mt19937_64& random, int& made, int section) {
    std::string lines = head_of(section) + ": " + draw_word(random, made) + "\n";
    for (unsigned more = below(random, 4) == 0 ? 1 + below(random, 2) : 0; more > 0; --more) {
        lines += head_of(section) + "+ " + draw_word(random, made) + "\n";
    }
    return lines;
}

std::string draw_text(std::mt19937_64& random, int& made) {
    Sections sections;
    for (int i = 0; i < kSections; ++i) {
        sections[static_cast<std::size_t>(i)] =
            is_edited_by_people(i) ? draw_section(random, made, i) : head_of(i) + ": as it was\n";
    }
    return join(sections);
}

bool has_crlf(const std::string& text) { return text.find("\r\n") != std::string::npos; }

std::string with_crlf(const std::string& text, bool wanted) {
    std::string out;
    for (const char c : text) {
        if (c != '\r') {
            out += c == '\n' && wanted ? "\r\n" : std::string(1, c);
        }
    }
    return out;
}

std::string edited_text(std::mt19937_64& random, int& made, const std::string& text) {
    Sections sections = *sections_of(text);
    const bool crlf = has_crlf(text);
    for (unsigned left = below(random, 3) == 0 ? 2 : 1; left > 0; --left) {
        const int at = static_cast<int>(below(random, 4)) * 3;
        std::string& section = sections[static_cast<std::size_t>(at)];
        const std::string drawn = with_crlf(draw_section(random, made, at), crlf);
        section = below(random, 8) == 0 && !section.empty() ? "" : drawn;
    }
    std::string edited = join(sections);
    // The end of the last line goes, which must be one that people edit.
    if (below(random, 12) == 0 && !sections.back().empty()) {
        while (!edited.empty() && (edited.back() == '\n' || edited.back() == '\r')) {
            edited.pop_back();
        }
    }
    return below(random, 20) == 0 ? with_crlf(edited, !crlf) : edited;
}

std::string draw_value(std::mt19937_64& random, int& made) {
    static const std::array<const char*, 8> kValues = {
        "1", "1.0", "true", "null", "\"red\"", R"("a \"b\" c")", "[1, 2]", "12345678901234567890"};
    const unsigned drawn = below(random, 11);
    return drawn < kValues.size() ? kValues[drawn] : std::to_string(100 + ++made);
}

const std::array<const char*, 5>& field_names() {
    static const std::array<const char*, 5> kNames = {"color", "id", "on", "size", "title"};
    return kNames;
}

// Two fields always stay: an object with fewer shows no layout.
bool stays(const std::string& field) { return field == "id" || field == "size"; }

std::string draw_json(std::mt19937_64& random, int& made) {
    Fields fields;
    for (const char* name : field_names()) {
        if (stays(name) || below(random, 3) != 0) {
            fields[name] = draw_value(random, made);
        }
    }
    static const std::array<Layout, 3> kLayouts = {Layout::compact, Layout::spaced,
                                                   Layout::indented};
    return write_fields(fields, kLayouts[below(random, 3)]);
}

std::string edited_json(std::mt19937_64& random, int& made, const std::string& text) {
    Fields fields = *fields_of(text);
    for (unsigned left = below(random, 3) == 0 ? 2 : 1; left > 0; --left) {
        const std::string name = field_names()[below(random, 5)];
        if (below(random, 5) == 0 && !stays(name)) {
            fields.erase(name);
        } else {
            fields[name] = draw_value(random, made);
        }
    }
    Layout layout = layout_of(text);
    if (layout == Layout::other || below(random, 12) == 0) {
        layout = layout == Layout::compact ? Layout::indented : Layout::compact;
    }
    return write_fields(fields, layout);
}

std::string draw_opaque(std::mt19937_64& random, int& made) {
    return below(random, 2) == 0
               ? "common " + std::to_string(below(random, 3))
               : "content " + std::to_string(++made) + std::string(below(random, 50), '.');
}

} // namespace

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        lines.push_back(text.substr(at, end - at));
        at = end;
    }
    return lines;
}

std::optional<Sections> sections_of(const std::string& text) {
    Sections sections;
    int current = -1;
    for (const std::string& line : lines_of(text)) {
        const std::size_t mark = line.find_first_of(":+");
        if (mark == std::string::npos) {
            return std::nullopt;
        }
        const std::string head = line.substr(0, mark);
        if (line[mark] == ':' && (current < 0 || head != head_of(current))) {
            while (++current < kSections && head != head_of(current)) {
            }
        }
        if (current < 0 || current == kSections || head != head_of(current)) {
            return std::nullopt;
        }
        sections[static_cast<std::size_t>(current)] += line;
    }
    for (int i = 0; i < kSections; ++i) {
        if (!is_edited_by_people(i) && sections[static_cast<std::size_t>(i)].empty()) {
            return std::nullopt;
        }
    }
    return sections;
}

std::optional<Fields> fields_of(const std::string& text) {
    Fields fields;
    std::size_t at = 0;
    const auto skip_space = [&] {
        while (at < text.size() && (text[at] == ' ' || text[at] == '\n')) {
            ++at;
        }
    };
    const auto take = [&](char wanted) {
        skip_space();
        const bool is_there = at < text.size() && text[at] == wanted;
        at += is_there ? 1 : 0;
        return is_there;
    };
    if (!take('{')) {
        return std::nullopt;
    }
    do {
        if (!take('"')) {
            return std::nullopt;
        }
        const std::size_t end = text.find('"', at);
        if (end == std::string::npos) {
            return std::nullopt;
        }
        const std::string name = text.substr(at, end - at);
        at = end + 1;
        if (!take(':')) {
            return std::nullopt;
        }
        skip_space();
        std::string value;
        bool in_string = false;
        for (bool in_array = false; at < text.size(); ++at) {
            const char c = text[at];
            if (!in_string && !in_array && (c == ',' || c == '}' || c == '\n')) {
                break;
            }
            in_string ^= c == '"' && (value.empty() || value.back() != '\\');
            in_array = !in_string && (c == '[' || (in_array && c != ']'));
            value += c;
        }
        if (!fields.emplace(name, value).second) {
            return std::nullopt;
        }
    } while (take(','));
    if (!take('}')) {
        return std::nullopt;
    }
    skip_space();
    return at == text.size() ? std::optional(fields) : std::nullopt;
}

std::string write_fields(const Fields& fields, Layout layout) {
    const bool compact = layout == Layout::compact;
    const bool indented = layout == Layout::indented;
    std::string text = "{";
    for (const auto& [name, value] : fields) {
        text += text.size() == 1 ? "" : (indented || compact ? "," : ", ");
        text += (indented ? "\n  \"" : "\"") + name + (compact ? "\":" : "\": ") + value;
    }
    return text + (indented ? "\n}\n" : (compact ? "}" : "}\n"));
}

Layout layout_of(const std::string& text) {
    const std::optional<Fields> fields = fields_of(text);
    for (const Layout layout : {Layout::compact, Layout::spaced, Layout::indented}) {
        if (fields && write_fields(*fields, layout) == text) {
            return layout;
        }
    }
    return Layout::other;
}

std::string draw_content(std::mt19937_64& random, int& made, Taste taste) {
    if (below(random, 5) == 0) {
        return draw_opaque(random, made);
    }
    const bool is_usual = below(random, 5) != 0;
    const bool is_text =
        taste == Taste::mixed ? below(random, 2) == 0 : is_usual == (taste == Taste::texts);
    return is_text ? draw_text(random, made) : draw_json(random, made);
}

std::string edited_content(std::mt19937_64& random, int& made, Taste taste,
                           const std::string& content) {
    return sections_of(content) ? edited_text(random, made, content)
           : fields_of(content) ? edited_json(random, made, content)
                                : draw_content(random, made, taste);
}

} // namespace worlds
