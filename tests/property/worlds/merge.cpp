#include "merge.hpp"

#include "contents.hpp"

#include <algorithm>
#include <set>

namespace worlds {

namespace {

using Result = Merge::Result;

enum class Overlap { decline, source, target, both, markers };

Overlap overlap_of(const std::string& strategy) {
    const auto says = [&](const char* value) {
        return strategy.find(std::string("overlap=") + value) != std::string::npos;
    };
    return says("source")    ? Overlap::source
           : says("target")  ? Overlap::target
           : says("both")    ? Overlap::both
           : says("markers") ? Overlap::markers
                             : Overlap::decline;
}

bool share_lines(const std::string& a, const std::string& b) {
    const std::vector<std::string> of_a = lines_of(a);
    const std::vector<std::string> of_b = lines_of(b);
    return std::any_of(of_a.begin(), of_a.end(), [&](const std::string& line) {
        return std::find(of_b.begin(), of_b.end(), line) != of_b.end();
    });
}

// Where both changed the same lines, which are `source` and `target` now.
Merge overlapping(Overlap overlap, const std::string& source, const std::string& target) {
    if (overlap == Overlap::decline) {
        return {Result::declined, {}, false};
    }
    if (overlap == Overlap::source || overlap == Overlap::target) {
        return {Result::merged, overlap == Overlap::source ? source : target, false};
    }
    const bool is_plain = !share_lines(source, target) &&
                          (source.empty() || source.back() == '\n') &&
                          (target.empty() || target.back() == '\n');
    if (overlap == Overlap::both && is_plain) {
        return {Result::merged, source + target, false};
    }
    return {Result::open, {}, false};
}

std::string first_line(const std::string& text) {
    const std::vector<std::string> lines = lines_of(text);
    return lines.empty() ? "" : lines.front();
}

Merge merge_text(Overlap overlap, const std::string& base, const std::string& source,
                 const std::string& target) {
    if (source == base || target == base) {
        return {Result::merged, source == base ? target : source, false};
    }
    if (!share_lines(base, source) || !share_lines(base, target)) {
        return overlapping(overlap, source, target); // one has changed all lines
    }
    const auto b = sections_of(base);
    const auto s = sections_of(source);
    const auto t = sections_of(target);
    if (!b || !s || !t) {
        return {Result::open, {}, false};
    }
    Merge merged{Result::merged, {}, false};
    for (std::size_t i = 0; i < b->size(); ++i) {
        const std::string& of_base = (*b)[i];
        const std::string& of_source = (*s)[i];
        const std::string& of_target = (*t)[i];
        if (of_source == of_target || of_target == of_base) {
            merged.content += of_source;
        } else if (of_source == of_base) {
            merged.content += of_target;
        } else if (share_lines(of_source, of_base) || share_lines(of_target, of_base)) {
            return {Result::open, {}, false}; // lines beside each other, maybe
        } else {
            const Merge both = overlapping(overlap, of_source, of_target);
            if (both.result != Result::merged) {
                return both;
            }
            merged.content += both.content;
        }
    }
    return merged;
}

Merge merge_json(const std::string& base, const std::string& source, const std::string& target) {
    const auto b = fields_of(base);
    const auto s = fields_of(source);
    const auto t = fields_of(target);
    if (!b || !s || !t) {
        return {Result::declined, {}, false};
    }
    const auto value = [](const Fields& fields, const std::string& name) {
        const auto found = fields.find(name);
        return found == fields.end() ? std::string() : found->second;
    };
    Fields all = *b;
    all.insert(s->begin(), s->end());
    all.insert(t->begin(), t->end());
    Fields merged;
    bool source_adds = false;
    bool target_adds = false;
    for (const auto& [name, unused] : all) {
        const std::string of_base = value(*b, name);
        const std::string of_source = value(*s, name);
        const std::string of_target = value(*t, name);
        if (of_source != of_target && of_source != of_base && of_target != of_base) {
            return {Result::declined, {}, false};
        }
        const std::string& chosen = of_source == of_base ? of_target : of_source;
        if (!chosen.empty()) {
            merged[name] = chosen;
            source_adds |= of_target.empty();
            target_adds |= of_source.empty();
        }
    }
    if (merged == *s || merged == *t) { // that side has all of it and stays as it is
        return {Result::merged, merged == *s ? source : target, merged == *s && merged == *t};
    }
    const Layout layout = layout_of(source);
    const bool is_open =
        layout == Layout::other || layout != layout_of(target) || (source_adds && target_adds);
    return {Result::merged, write_fields(merged, layout), is_open};
}

Merge run_program(const std::string& source, const std::string& target) {
    for (const std::string& side : {source, target}) {
        std::string line = first_line(side);
        line.resize(std::min(line.find('\n'), line.size()));
        if (line == "common 0" || line == "common 1") {
            return {line == "common 0" ? Result::declined : Result::failed, {}, false};
        }
    }
    std::set<std::string> lines;
    for (const std::string& side : {source, target}) {
        for (const std::string& line : lines_of(side)) {
            lines.insert(line.back() == '\n' ? line.substr(0, line.size() - 1) : line);
        }
    }
    Merge merged{Result::merged, {}, false};
    for (const std::string& line : lines) {
        merged.content += line + "\n";
    }
    return merged;
}

} // namespace

const char* const kMergeProgram = R"sh(#!/bin/sh
for side in "$2" "$3"; do
    first=
    IFS= read -r first < "$side"
    case $first in
    'common 0') exit 1 ;;
    'common 1') echo 'this is too common' >&2; exit 2 ;;
    esac
done
LC_ALL=C exec sort -u "$2" "$3" > "$4"
)sh";

std::string name_of_strategy(const std::string& strategy) {
    return strategy.substr(0, strategy.find('?'));
}

bool is_merging(const std::string& strategy) {
    const std::string name = name_of_strategy(strategy);
    return name == "merge-text" || name == "merge-json" || name == "exec";
}

Merge merge(const std::string& strategy, const std::string& base, const std::string& source,
            const std::string& target) {
    const std::string name = name_of_strategy(strategy);
    return name == "merge-text"   ? merge_text(overlap_of(strategy), base, source, target)
           : name == "merge-json" ? merge_json(base, source, target)
                                  : run_program(source, target);
}

} // namespace worlds
