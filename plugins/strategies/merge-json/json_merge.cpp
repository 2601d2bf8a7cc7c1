#include "json_merge.hpp"

#include "document.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace syncline::strategies {
namespace {

/// Both sides changed one place. `path` is a JSON pointer.
struct Clash {
    std::string path;
};

std::string pointer(const std::string& path, std::string_view name) {
    std::string out = path + "/";
    for (const char c : name) {
        if (c == '~') {
            out += "~0";
        } else if (c == '/') {
            out += "~1";
        } else {
            out += c;
        }
    }
    return out;
}

using Child = JsonNode::Child;

/// A container's children by what identifies them: members by name, elements by their identity.
struct Keyed {
    std::vector<std::string> order;
    std::map<std::string, const Child*, std::less<>> children;

    const Child* find(const std::string& key) const {
        const auto found = children.find(key);
        return found == children.end() ? nullptr : found->second;
    }
};

const JsonNode* value_of(const Child* child) {
    return child == nullptr ? nullptr : child->value.get();
}

bool same(const JsonNode* a, const JsonNode* b) {
    return a == nullptr || b == nullptr ? a == b : equal(*a, *b);
}

Keyed by_name(const JsonNode& object) {
    Keyed keyed;
    for (const Child& child : object.children) {
        keyed.order.push_back(child.name);
        keyed.children.emplace(child.name, &child);
    }
    return keyed;
}

/// Nothing if an element has no such member, or two have the same.
std::optional<Keyed> by_identity(const JsonNode& array, const std::string& name) {
    Keyed keyed;
    for (const Child& child : array.children) {
        const JsonNode* id =
            child.value->kind == JsonKind::object ? child.value->find(name) : nullptr;
        if (id == nullptr || (id->kind != JsonKind::string && id->kind != JsonKind::number)) {
            return std::nullopt;
        }
        std::string key =
            id->kind == JsonKind::string ? "s" + id->text : "n" + std::string(id->raw);
        if (!keyed.children.emplace(key, &child).second) {
            return std::nullopt;
        }
        keyed.order.push_back(std::move(key));
    }
    return keyed;
}

/// Those of `order` that are in `others` too.
std::vector<std::string> common(const std::vector<std::string>& order, const Keyed& other,
                                const Keyed& third) {
    std::vector<std::string> out;
    for (const std::string& key : order) {
        if (other.find(key) != nullptr && third.find(key) != nullptr) {
            out.push_back(key);
        }
    }
    return out;
}

class Merger {
public:
    explicit Merger(const std::vector<std::string>& identity) : identity_(identity) {}

    /// The text of the merged value; nothing if it is deleted. `lead` gives the layout where both
    /// contribute.
    std::optional<std::string> merge(const JsonNode* base, const JsonNode* lead,
                                     const JsonNode* other, const std::string& path) {
        const auto text = [](const JsonNode* node) {
            return node == nullptr ? std::optional<std::string>()
                                   : std::optional<std::string>(node->raw);
        };
        if (same(lead, other) || same(base, other)) {
            return text(lead);
        }
        if (same(base, lead)) {
            return text(other);
        }
        if (lead == nullptr || other == nullptr || lead->kind != other->kind) {
            throw Clash{path};
        }
        // What both added, or both made of something else, is merged as from nothing.
        const JsonNode* common_base = base != nullptr && base->kind == lead->kind ? base : nullptr;
        if (lead->kind == JsonKind::object) {
            const Keyed none;
            return container(common_base != nullptr ? by_name(*common_base) : none, *lead,
                             by_name(*lead), *other, by_name(*other), path);
        }
        if (lead->kind == JsonKind::array) {
            return array(common_base, *lead, *other, path);
        }
        throw Clash{path};
    }

private:
    std::optional<std::string> array(const JsonNode* base, const JsonNode& lead,
                                     const JsonNode& other, const std::string& path) {
        for (const std::string& name : identity_) {
            std::optional<Keyed> base_keyed =
                base != nullptr ? by_identity(*base, name) : std::optional<Keyed>(Keyed());
            std::optional<Keyed> lead_keyed = by_identity(lead, name);
            std::optional<Keyed> other_keyed = by_identity(other, name);
            if (!base_keyed || !lead_keyed || !other_keyed) {
                continue;
            }
            // Order means something here. Who moved elements gives the order; both cannot.
            const auto of_base = common(base_keyed->order, *lead_keyed, *other_keyed);
            const auto of_lead = common(lead_keyed->order, *base_keyed, *other_keyed);
            const auto of_other = common(other_keyed->order, *base_keyed, *lead_keyed);
            if (of_lead == of_other || of_base == of_other) {
                return container(*base_keyed, lead, *lead_keyed, other, *other_keyed, path);
            }
            if (of_base == of_lead) {
                return container(*base_keyed, other, *other_keyed, lead, *lead_keyed, path);
            }
            throw Clash{path};
        }
        throw Clash{path};
    }

    /// The order of `lead`, with each child that only `other` has behind the one it stands behind
    /// there.
    static std::vector<std::string> merged_order(const Keyed& lead, const Keyed& other) {
        std::map<std::string, std::vector<std::string>> behind;
        std::string last; // of `lead`'s; empty: none yet
        bool first = true;
        std::vector<std::string> out;
        for (const std::string& key : other.order) {
            if (lead.find(key) != nullptr) {
                last = key;
                first = false;
            } else if (first) {
                out.push_back(key);
            } else {
                behind[last].push_back(key);
            }
        }
        for (const std::string& key : lead.order) {
            out.push_back(key);
            const auto added = behind.find(key);
            if (added != behind.end()) {
                out.insert(out.end(), added->second.begin(), added->second.end());
            }
        }
        return out;
    }

    std::string container(const Keyed& base, const JsonNode& lead, const Keyed& lead_keyed,
                          const JsonNode& other, const Keyed& other_keyed,
                          const std::string& path) {
        // An empty container has no layout to follow.
        const JsonNode& layout = lead.children.empty() ? other : lead;
        const std::string_view opening =
            layout.children.empty() ? std::string_view() : layout.children.front().before;
        const std::string_view between = layout.children.size() > 1 ? layout.children[1].before
                                         : opening.find('\n') != std::string_view::npos
                                             ? opening
                                             : std::string_view(" ");
        std::string out(1, lead.raw.front());
        bool first = true;
        for (const std::string& key : merged_order(lead_keyed, other_keyed)) {
            const Child* of_base = base.find(key);
            const Child* of_lead = lead_keyed.find(key);
            const Child* of_other = other_keyed.find(key);
            const Child& shown = of_lead != nullptr ? *of_lead : *of_other;
            const std::string at = pointer(
                path, lead.kind == JsonKind::object ? std::string_view(shown.name) : key.substr(1));
            const std::optional<std::string> value =
                merge(value_of(of_base), value_of(of_lead), value_of(of_other), at);
            if (!value) {
                continue;
            }
            const bool keeps_its_space =
                of_lead != nullptr && &layout == &lead && of_lead != &lead.children.front();
            out += first ? std::string(opening)
                         : "," + std::string(keeps_its_space ? of_lead->before : between);
            out += shown.name_raw;
            out += *value;
            first = false;
        }
        if (!first) {
            out += layout.end_space;
        }
        out += lead.raw.back();
        return out;
    }

    const std::vector<std::string>& identity_;
};

} // namespace

JsonMerge merge_json(std::string_view base, std::string_view source, std::string_view target,
                     const std::vector<std::string>& identity) {
    JsonMerge out;
    std::optional<JsonDocument> documents[3];
    const std::string_view texts[3] = {base, source, target};
    const char* const names[3] = {"the common version", "the source", "the target"};
    for (std::size_t i = 0; i < 3; ++i) {
        documents[i] = JsonDocument::parse(texts[i], out.why);
        if (!documents[i]) {
            out.why = std::string(names[i]) + " cannot be merged: " + out.why;
            return out;
        }
    }
    // Who leads must not depend on which side is called the source.
    const bool source_leads =
        source.size() != target.size() ? source.size() > target.size() : source > target;
    const JsonDocument& lead = source_leads ? *documents[1] : *documents[2];
    const JsonDocument& other = source_leads ? *documents[2] : *documents[1];
    try {
        const std::string body =
            *Merger(identity).merge(&documents[0]->root(), &lead.root(), &other.root(), {});
        out.text = std::string(lead.before()) + body + std::string(lead.after());
    } catch (const Clash& clash) {
        out.why = "both sides changed " + (clash.path.empty() ? "the whole document" : clash.path);
        return out;
    }
    std::string why;
    const std::optional<JsonDocument> result = JsonDocument::parse(out.text, why);
    if (!result) {
        out.why = "the merged document would not be valid: " + why;
        return out;
    }
    // A side that has all of it already stays as it is, byte for byte.
    if (equal(result->root(), lead.root())) {
        out.text = source_leads ? source : target;
    } else if (equal(result->root(), other.root())) {
        out.text = source_leads ? target : source;
    }
    out.merged = true;
    return out;
}

} // namespace syncline::strategies
