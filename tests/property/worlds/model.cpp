#include "model.hpp"

#include "contents.hpp"
#include "merge.hpp"

#include <algorithm>
#include <optional>

namespace worlds {

namespace {

using syncline::DeletedContainer;
using syncline::DeleteVsChange;
using syncline::Mode;

enum class Choice { source, target, none };
enum class Answer { decided, declined, failed };

std::vector<std::string> split(const std::string& path) {
    std::vector<std::string> segments(1);
    for (const char c : path) {
        if (c == '/') {
            segments.emplace_back();
        } else {
            segments.back() += c;
        }
    }
    return segments;
}

// Of a name: `*` stands for any characters, `?` for one.
bool name_fits(std::string_view glob, std::string_view name) {
    if (glob.empty() || name.empty()) {
        return name.empty() && glob.find_first_not_of('*') == std::string_view::npos;
    }
    if (glob[0] == '*') {
        return name_fits(glob.substr(1), name) || name_fits(glob, name.substr(1));
    }
    return (glob[0] == '?' || glob[0] == name[0]) && name_fits(glob.substr(1), name.substr(1));
}

template <typename Iterator>
bool path_fits(Iterator glob, Iterator glob_end, Iterator at, Iterator end) {
    if (glob == glob_end) {
        return at == end;
    }
    if (*glob == "**" && path_fits(std::next(glob), glob_end, at, end)) {
        return true;
    }
    return at != end && (*glob == "**" || name_fits(*glob, *at)) &&
           path_fits(*glob == "**" ? glob : std::next(glob), glob_end, std::next(at), end);
}

// Whether the pattern covers the item: it names the item itself or a directory above it.
bool covers(std::string pattern, const std::string& path, bool is_directory) {
    const bool only_directories = pattern.ends_with('/');
    if (only_directories) {
        pattern.pop_back();
    }
    pattern = pattern.starts_with('/') ? pattern.substr(1) : "**/" + pattern;
    const std::vector<std::string> glob = split(pattern);
    const std::vector<std::string> segments = split(path);
    for (auto end = segments.begin() + 1;; ++end) {
        const bool names_directory = end != segments.end() || is_directory;
        if ((names_directory || !only_directories) &&
            path_fits(glob.begin(), glob.end(), segments.begin(), end)) {
            return true;
        }
        if (end == segments.end()) {
            return false;
        }
    }
}

class Model {
public:
    Model(const Rules& rules, const Base& base, const Tree& source, const Tree& target)
        : rules_(rules), out_{source, target, base, {}, {}, {}, false, {}} {}

    Prediction run() {
        if (rules_.mode == Mode::mirror) {
            copy_to_target("");
        } else {
            children("");
        }
        return std::move(out_);
    }

private:
    static const Node* at(const Tree& tree, const std::string& path) {
        const auto found = tree.find(path);
        return found == tree.end() ? nullptr : &found->second;
    }
    static bool is_directory(const Node* node) {
        return node != nullptr && node->kind == Kind::directory;
    }
    static bool equal(const Node* a, const Node* b) {
        return (a == nullptr && b == nullptr) || (a != nullptr && b != nullptr && same(*a, *b));
    }

    void open(const std::string& why) {
        out_.is_open = true;
        out_.open_because = why;
    }

    // Whether something below `path` is not as it was agreed on, deletions aside.
    static bool changed_below(const Tree& tree, const Tree& base, const std::string& path) {
        return std::any_of(tree.begin(), tree.end(), [&](const auto& entry) {
            return entry.first != path && within(entry.first, path) &&
                   !equal(&entry.second, at(base, entry.first));
        });
    }
    static bool edited_below(const Tree& tree, const Tree& base, const std::string& path) {
        return std::any_of(tree.begin(), tree.end(), [&](const auto& entry) {
            const Node* before = at(base, entry.first);
            return entry.first != path && within(entry.first, path) && before != nullptr &&
                   !same(entry.second, *before);
        });
    }

    void record(const std::string& path) {
        copy(out_.source, out_.base.source, path);
        copy(out_.target, out_.base.target, path);
    }
    void record_one(const std::string& path) {
        out_.base.source[path] = out_.source[path];
        out_.base.target[path] = out_.target[path];
    }
    void forget(const std::string& path) {
        erase(out_.base.source, path);
        erase(out_.base.target, path);
    }
    void copy_to_target(const std::string& path) {
        copy(out_.source, out_.target, path);
        record(path);
    }
    void copy_to_source(const std::string& path) {
        copy(out_.target, out_.source, path);
        record(path);
    }
    void remove_both(const std::string& path) {
        erase(out_.source, path);
        erase(out_.target, path);
        forget(path);
    }

    void children(const std::string& path) {
        std::set<std::string> names;
        for (const Tree* tree : {&out_.source, &out_.target, &out_.base.source}) {
            names.merge(children_of(*tree, path));
        }
        for (const std::string& name : names) {
            if (rules_.mode == Mode::two_way) {
                two_way(name);
            } else {
                one_way(name);
            }
        }
    }

    void two_way(const std::string& path) {
        const Node* s = at(out_.source, path);
        const Node* t = at(out_.target, path);
        const Node* b = at(out_.base.source, path);
        if (is_directory(b) && s != nullptr && t != nullptr && !is_directory(s) &&
            !is_directory(t)) {
            forget(path); // the directory is gone from both sides
            b = nullptr;
        }
        if (s == nullptr && t == nullptr) {
            forget(path);
        } else if (is_directory(s) && is_directory(t)) {
            if (!is_directory(b)) {
                forget(path);
            }
            record_one(path);
            children(path);
        } else if (s == nullptr || t == nullptr) {
            one_sided(path, b);
        } else if (!is_directory(s) && !is_directory(t)) {
            if (same(*s, *t)) {
                record(path);
            } else if (equal(t, b)) {
                copy_to_target(path);
            } else if (equal(s, b)) {
                copy_to_source(path);
            } else {
                conflict(path);
            }
        } else if (b == nullptr) {
            conflict(path);
        } else if (is_directory(b)) {
            // A file here; a directory there, with nothing but deletions below it or with more.
            const bool file_on_source = is_directory(t);
            const Tree& tree = file_on_source ? out_.target : out_.source;
            if (changed_below(tree, out_.base.source, path)) {
                conflict(path);
            } else if (file_on_source) {
                copy_to_target(path);
            } else {
                copy_to_source(path);
            }
        } else if (equal(t, b)) {
            copy_to_target(path);
        } else if (equal(s, b)) {
            copy_to_source(path);
        } else {
            conflict(path);
        }
    }

    void one_sided(const std::string& path, const Node* b) {
        const bool on_source = at(out_.source, path) != nullptr;
        const Tree& there = on_source ? out_.source : out_.target;
        const Node* node = at(there, path);
        const auto restore = [&] { on_source ? copy_to_target(path) : copy_to_source(path); };
        if (b == nullptr || is_directory(b) != is_directory(node)) {
            restore(); // what took the place of another kind is new: nobody deleted that
        } else if (is_directory(node) && is_directory(b)) {
            deleted_container(path, on_source);
        } else if (equal(node, b)) {
            remove_both(path);
        } else if (rules_.delete_vs_change == DeleteVsChange::keep_change) {
            restore();
        } else if (rules_.delete_vs_change == DeleteVsChange::delete_wins) {
            remove_both(path);
        } else {
            conflict(path);
        }
    }

    void deleted_container(const std::string& path, bool on_source) {
        Tree& tree = on_source ? out_.source : out_.target;
        if (!changed_below(tree, out_.base.source, path)) {
            remove_both(path);
            return;
        }
        if (rules_.delete_vs_change != DeleteVsChange::keep_change &&
            edited_below(tree, out_.base.source, path)) {
            open("two policies for a changed item in a deleted directory");
        }
        if (rules_.deleted_container == DeletedContainer::conflict) {
            for (const std::string& strategy :
                 chain_of(path, node_kinds(at(tree, path), nullptr))) {
                if (strategy != "manual" && !is_merging(strategy)) {
                    open("a strategy for a deleted directory");
                }
            }
            out_.conflicts.insert(path);
            return;
        }
        if (rules_.deleted_container == DeletedContainer::restore_changed) {
            Tree kept;
            for (const auto& [key, node] : tree) {
                if (key != path && within(key, path) && !equal(&node, at(out_.base.source, key))) {
                    for (std::string up = key; within(up, path); up = parent_of(up)) {
                        kept[up] = tree.at(up);
                        if (up == path) {
                            break;
                        }
                    }
                }
            }
            erase(tree, path);
            tree.insert(kept.begin(), kept.end());
        }
        on_source ? copy_to_target(path) : copy_to_source(path);
    }

    void one_way(const std::string& path) {
        const Node* s = at(out_.source, path);
        const Node* t = at(out_.target, path);
        const Node* bs = at(out_.base.source, path);
        const Node* bt = at(out_.base.target, path);
        const bool target_unchanged = bt != nullptr && equal(t, bt);
        if (s == nullptr && t == nullptr) {
            forget(path);
        } else if (is_directory(s) && is_directory(t)) {
            if (!is_directory(bs)) {
                forget(path);
            }
            record_one(path);
            children(path);
        } else if (s != nullptr && t == nullptr) {
            copy_to_target(path);
        } else if (s == nullptr && is_directory(t)) {
            const bool was_agreed = is_directory(bt);
            if (was_agreed && changed_below(out_.target, out_.base.target, path)) {
                open("the source deleted a directory in which the target has changes");
            }
            children(path);
            if (was_agreed && children_of(out_.target, path).empty()) {
                remove_both(path);
            }
        } else if (s == nullptr) {
            if (target_unchanged) {
                remove_both(path);
            } else {
                forget(path); // an extra
            }
        } else if (is_directory(t)) {
            if (is_directory(bt) && !changed_below(out_.target, out_.base.target, path)) {
                copy_to_target(path);
            } else {
                conflict(path);
            }
        } else if (!is_directory(s) && same(*s, *t)) {
            record(path);
        } else if (target_unchanged && equal(s, bs)) {
            // They differ since a person or a strategy said so, and neither moved.
        } else if (target_unchanged && equal(bs, bt)) {
            copy_to_target(path);
        } else {
            conflict(path); // also where the target's own was kept, which the source never had
        }
    }

    struct Kinds {
        bool any_directory;
        bool any_other;
    };
    static Kinds node_kinds(const Node* s, const Node* t) {
        return {is_directory(s) || is_directory(t),
                (s != nullptr && !is_directory(s)) || (t != nullptr && !is_directory(t))};
    }

    std::vector<std::string> chain_of(const std::string& path, Kinds kinds) {
        std::vector<std::string> chosen = {"manual"};
        bool by_pattern = false;
        for (const Chain& chain : rules_.chains) {
            const bool fits =
                chain.pattern.empty() || covers(chain.pattern, path, kinds.any_directory);
            if (!chain.pattern.empty() && kinds.any_directory && kinds.any_other &&
                fits != covers(chain.pattern, path, false)) {
                open("a pattern for directories where one side has something else");
            }
            if (fits && (!chain.pattern.empty() || !by_pattern)) {
                chosen = chain.strategies;
                by_pattern = !chain.pattern.empty();
            }
        }
        return chosen;
    }

    void conflict(const std::string& path) {
        const Kinds kinds = node_kinds(at(out_.source, path), at(out_.target, path));
        for (const std::string& strategy : chain_of(path, kinds)) {
            const Answer answer = strategy == "manual"      ? Answer::failed
                                  : strategy == "keep-both" ? keep_both(path)
                                  : is_merging(strategy)    ? merge_three_ways(strategy, path)
                                                            : choose(strategy, path);
            if (answer == Answer::decided) {
                return;
            }
            if (answer == Answer::failed) {
                break;
            }
        }
        out_.conflicts.insert(path);
    }

    // Of a strategy that names a side, between what is there and what is there.
    static Choice choice_of(const std::string& strategy, const Node* s, const Node* t) {
        if (strategy == "source-wins" || strategy == "target-wins") {
            return strategy == "source-wins" ? Choice::source : Choice::target;
        }
        if (s == nullptr || t == nullptr || is_directory(s) || is_directory(t)) {
            return Choice::none; // no time and no size to compare
        }
        const auto more = [](auto source, auto target) {
            return source == target ? Choice::none
                                    : (source > target ? Choice::source : Choice::target);
        };
        const auto flipped = [](Choice choice) {
            return choice == Choice::none
                       ? choice
                       : (choice == Choice::source ? Choice::target : Choice::source);
        };
        const Choice newer = more(s->mtime_ns, t->mtime_ns);
        const Choice larger = more(s->data.size(), t->data.size());
        return strategy == "newer-wins"     ? newer
               : strategy == "older-wins"   ? flipped(newer)
               : strategy == "larger-wins"  ? larger
               : strategy == "smaller-wins" ? flipped(larger)
                                            : Choice::none;
    }

    Answer choose(const std::string& strategy, const std::string& path) {
        const Node* s = at(out_.source, path);
        const Node* t = at(out_.target, path);
        if ((is_directory(s) || is_directory(t)) && strategy != "source-wins" &&
            strategy != "target-wins") {
            open("a strategy between a file and a directory");
        }
        const Choice choice = choice_of(strategy, s, t);
        if (choice == Choice::none) {
            return Answer::declined;
        }
        if (choice == Choice::source) {
            copy_to_target(path);
        } else if (rules_.mode == Mode::two_way) {
            copy_to_source(path);
        } else {
            if (is_directory(s) || is_directory(t)) {
                open("the target's directory wins in a one-way sync");
            }
            record(path); // they differ from now on
        }
        return Answer::decided;
    }

    Answer merge_three_ways(const std::string& strategy, const std::string& path) {
        const auto is_file = [](const Node* node) {
            return node != nullptr && node->kind == Kind::file;
        };
        const Node* s = at(out_.source, path);
        const Node* t = at(out_.target, path);
        const Node* bs = at(out_.base.source, path);
        const Node* bt = at(out_.base.target, path);
        if (!is_file(s) || !is_file(t) || !is_file(bs) || !equal(bs, bt)) {
            return Answer::declined; // nothing that both had in common
        }
        const Merge merged = merge(strategy, bs->data, s->data, t->data);
        if (merged.result == Merge::Result::open) {
            open("what " + strategy + " makes of it");
        }
        if (merged.result != Merge::Result::merged) {
            return merged.result == Merge::Result::failed ? Answer::failed : Answer::declined;
        }
        const Node node{Kind::file, merged.content, 0};
        out_.merged.insert(path);
        if (merged.fields_only) {
            out_.fields_only.insert(path);
        }
        out_.target[path] = node;
        if (rules_.mode == Mode::two_way) {
            out_.source[path] = node;
        }
        record(path);
        return Answer::decided;
    }

    Answer keep_both(const std::string& path) {
        const Node* s = at(out_.source, path);
        const Node* t = at(out_.target, path);
        if (s == nullptr || t == nullptr) {
            open("keep-both with one side deleted");
            return Answer::declined;
        }
        if (s->kind != Kind::file || t->kind != Kind::file || s->mtime_ns == t->mtime_ns ||
            path.find(".conflict-") != std::string::npos || path.size() > 200) {
            open("keep-both between other things than two files of different age");
            return Answer::declined;
        }
        const Node winner = s->mtime_ns > t->mtime_ns ? *s : *t;
        const Node loser = s->mtime_ns > t->mtime_ns ? *t : *s;
        int number = 1;
        while (at(out_.source, conflict_name(path, number)) != nullptr ||
               at(out_.target, conflict_name(path, number)) != nullptr) {
            open("conflict copies are there already");
            ++number;
        }
        const std::string name = conflict_name(path, number);
        out_.target[path] = winner;
        out_.target[name] = loser;
        if (rules_.mode == Mode::two_way) {
            out_.source[path] = winner;
            out_.source[name] = loser;
            record(name);
        }
        record(path);
        return Answer::decided;
    }

    const Rules& rules_;
    Prediction out_;
};

} // namespace

std::string conflict_name(const std::string& path, int number) {
    const std::string folder = parent_of(path);
    std::string name = folder.empty() ? path : path.substr(folder.size() + 1);
    const std::size_t dot = name.rfind('.');
    const bool has_extension = dot != std::string::npos && dot > 0;
    const std::string extension = has_extension ? name.substr(dot) : "";
    name.resize(has_extension ? dot : name.size());
    return (folder.empty() ? "" : folder + "/") + name + ".conflict-" + std::to_string(number) +
           extension;
}

Prediction predict(const Rules& rules, const Base& base, const Tree& source, const Tree& target) {
    return Model(rules, base, source, target).run();
}

} // namespace worlds
