#include "document.hpp"

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <numeric>

namespace syncline::strategies {
namespace {

constexpr std::size_t kMaxDepth = 200;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {
    a ^= b + 0x9e3779b97f4a7c15U + (a << 6U) + (a >> 2U);
    return a * 0xff51afd7ed558ccdU;
}

std::uint64_t hash_text(std::string_view text) { return std::hash<std::string_view>()(text); }

/// Walks over a text that is known to be JSON, so it only has to see where things begin and end.
class Walker {
public:
    explicit Walker(std::string_view text) : text_(text) {}

    std::string_view space() {
        const std::size_t begin = at_;
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
        return text_.substr(begin, at_ - begin);
    }

    /// Null, with `problem` set, if it nests too deep or a name is repeated.
    std::unique_ptr<JsonNode> value(std::size_t depth) {
        if (depth > kMaxDepth) {
            problem_ = "it nests deeper than " + std::to_string(kMaxDepth) + " levels";
            return nullptr;
        }
        auto node = std::make_unique<JsonNode>();
        const std::size_t begin = at_;
        switch (text_[at_]) {
        case '{':
        case '[':
            if (!container(*node, depth)) {
                return nullptr;
            }
            break;
        case '"':
            node->kind = JsonKind::string;
            node->text = decoded(string());
            node->fingerprint = mix(3, hash_text(node->text));
            break;
        default:
            at_ = std::min(text_.find_first_of(" \t\r\n,]}", at_), text_.size());
            const std::string_view word = text_.substr(begin, at_ - begin);
            node->kind = word == "null"                      ? JsonKind::null
                         : word == "true" || word == "false" ? JsonKind::boolean
                                                             : JsonKind::number;
            node->fingerprint = mix(4, hash_text(word));
        }
        node->raw = text_.substr(begin, at_ - begin);
        return node;
    }

    std::string_view rest() const { return text_.substr(at_); }
    const std::string& problem() const { return problem_; }

private:
    std::string_view string() {
        const std::size_t begin = at_++;
        while (text_[at_] != '"') {
            at_ += text_[at_] == '\\' ? 2 : 1;
        }
        ++at_;
        return text_.substr(begin, at_ - begin);
    }

    static std::string decoded(std::string_view quoted) {
        if (quoted.find('\\') == std::string_view::npos) {
            return std::string(quoted.substr(1, quoted.size() - 2));
        }
        return nlohmann::json::parse(quoted).get<std::string>();
    }

    bool container(JsonNode& node, std::size_t depth) {
        const bool is_object = text_[at_++] == '{';
        const char close = is_object ? '}' : ']';
        node.kind = is_object ? JsonKind::object : JsonKind::array;
        std::uint64_t fingerprint = is_object ? 1 : 2;
        while (true) {
            JsonNode::Child child;
            child.before = space();
            if (text_[at_] == close) {
                node.end_space = child.before; // nothing in it
                break;
            }
            if (is_object) {
                const std::size_t begin = at_;
                child.name = decoded(string());
                space();
                ++at_; // ':'
                space();
                child.name_raw = text_.substr(begin, at_ - begin);
            }
            child.value = value(depth + 1);
            if (child.value == nullptr) {
                return false;
            }
            const std::uint64_t of_child = mix(hash_text(child.name), child.value->fingerprint);
            // The order of members means nothing, that of elements does.
            fingerprint = is_object ? fingerprint + of_child : mix(fingerprint, of_child);
            node.children.push_back(std::move(child));
            const std::string_view behind = space();
            if (text_[at_] == close) {
                node.end_space = behind;
                break;
            }
            ++at_; // ','
        }
        ++at_;
        node.fingerprint = fingerprint;
        return !is_object || index(node);
    }

    bool index(JsonNode& node) {
        const auto& children = node.children;
        node.by_name.resize(children.size());
        std::iota(node.by_name.begin(), node.by_name.end(), std::size_t{0});
        std::sort(node.by_name.begin(), node.by_name.end(), [&](std::size_t a, std::size_t b) {
            return children[a].name < children[b].name;
        });
        const auto twice = std::adjacent_find(
            node.by_name.begin(), node.by_name.end(),
            [&](std::size_t a, std::size_t b) { return children[a].name == children[b].name; });
        if (twice != node.by_name.end()) {
            problem_ = "the name \"" + children[*twice].name + "\" is there twice";
            return false;
        }
        return true;
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::string problem_;
};

} // namespace

const JsonNode* JsonNode::find(std::string_view name) const {
    const auto found =
        std::lower_bound(by_name.begin(), by_name.end(), name,
                         [&](std::size_t a, std::string_view b) { return children[a].name < b; });
    return found != by_name.end() && children[*found].name == name ? children[*found].value.get()
                                                                   : nullptr;
}

bool equal(const JsonNode& a, const JsonNode& b) {
    if (a.kind != b.kind || a.fingerprint != b.fingerprint ||
        a.children.size() != b.children.size()) {
        return false;
    }
    switch (a.kind) {
    case JsonKind::null:
        return true;
    case JsonKind::boolean:
    case JsonKind::number:
        return a.raw == b.raw;
    case JsonKind::string:
        return a.text == b.text;
    case JsonKind::array:
        return std::equal(a.children.begin(), a.children.end(), b.children.begin(),
                          [](const auto& x, const auto& y) { return equal(*x.value, *y.value); });
    case JsonKind::object:
        return std::equal(a.by_name.begin(), a.by_name.end(), b.by_name.begin(),
                          [&](std::size_t x, std::size_t y) {
                              return a.children[x].name == b.children[y].name &&
                                     equal(*a.children[x].value, *b.children[y].value);
                          });
    }
    return false;
}

std::optional<JsonDocument> JsonDocument::parse(std::string_view text, std::string& why) {
    constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
    const std::size_t mark = text.substr(0, 3) == kByteOrderMark ? 3 : 0;
    const std::string_view body = text.substr(mark);
    if (!nlohmann::json::accept(body.begin(), body.end())) {
        why = "it is not valid JSON";
        return std::nullopt;
    }
    Walker walker(body);
    const std::size_t space = walker.space().size();
    JsonDocument document;
    document.root_ = walker.value(0);
    if (document.root_ == nullptr) {
        why = walker.problem();
        return std::nullopt;
    }
    document.before_ = text.substr(0, mark + space);
    document.after_ = walker.rest();
    return document;
}

} // namespace syncline::strategies
