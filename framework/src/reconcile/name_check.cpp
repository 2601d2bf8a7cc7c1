#include "reconcile/name_check.hpp"

#include "endpoint/spill_sort.hpp"
#include "syncline/core/text.hpp"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <tuple>
#include <utf8proc.h>
#include <utility>
#include <vector>

namespace syncline {

namespace {

constexpr std::size_t kSortMemory = std::size_t{8} << 20U;
constexpr Side kSides[] = {Side::source, Side::target};

std::size_t index(Side side) { return static_cast<std::size_t>(side); }

BytesView name_of_key(BytesView key) {
    return is_container_key(key) ? key.substr(0, key.size() - 1) : key;
}

bool folds(const KeyRules& rules) { return rules.case_folded || rules.nfc_folded; }

// Calls `visit` with every container name above `name` and then `name` itself, until it says true.
template <typename Visit>
bool any_upto(BytesView name, Visit&& visit) {
    for (std::size_t slash = name.find('/'); slash != BytesView::npos;
         slash = name.find('/', slash + 1)) {
        if (visit(name.substr(0, slash))) {
            return true;
        }
    }
    return visit(name);
}

bool writes(Action action) {
    return action == Action::create || action == Action::update || action == Action::remove ||
           action == Action::set_meta || action == Action::keep_both;
}

} // namespace

Bytes fold_key(BytesView key, const KeyRules& rules) {
    if (!folds(rules) || !is_utf8(key)) {
        return Bytes(key);
    }
    int options = 0;
    if (rules.nfc_folded) {
        options |= UTF8PROC_STABLE | UTF8PROC_COMPOSE;
    }
    if (rules.case_folded) {
        options |= UTF8PROC_CASEFOLD;
    }
    utf8proc_uint8_t* folded = nullptr;
    const utf8proc_ssize_t size =
        utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(key.data()),
                     static_cast<utf8proc_ssize_t>(key.size()), &folded,
                     static_cast<utf8proc_option_t>(options));
    if (size < 0) {
        return Bytes(key);
    }
    Bytes result(reinterpret_cast<const char*>(folded), static_cast<std::size_t>(size));
    std::free(folded);
    return result;
}

std::string_view why_not_held(BytesView key, const KeyRules& rules, std::uint32_t max_key_bytes) {
    if (max_key_bytes != 0 && key.size() > max_key_bytes) {
        return "the name is too long there";
    }
    if (rules.utf8_only && !is_utf8(key)) {
        return "names there must be UTF-8";
    }
    for (BytesView rest = name_of_key(key); !rest.empty();) {
        const std::size_t slash = rest.find('/');
        const BytesView segment = rest.substr(0, slash);
        rest.remove_prefix(slash == BytesView::npos ? rest.size() : slash + 1);
        if (rules.no_dot_segments && (segment.empty() || segment == "." || segment == "..")) {
            return "names there cannot have empty, '.' or '..' parts";
        }
        if (rules.no_trailing_space_dot && (segment.ends_with(' ') || segment.ends_with('.'))) {
            return "names there cannot end in a blank or a dot";
        }
        const bool has_control = std::any_of(segment.begin(), segment.end(), [](char c) {
            return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
        });
        if (rules.no_control && has_control) {
            return "names there cannot hold control characters";
        }
    }
    return {};
}

// The outermost names that fold together, and what is known of each side's.
struct NameCheck::Groups {
    struct Name {
        Bytes folded;
        bool there[2] = {}; // now, or because the plan writes it
        bool collides = false;
        Side on = Side::target;
        Bytes with;
        bool told = false;
    };
    std::map<Bytes, Name, std::less<>> names;
};

NameCheck::NameCheck(const ConnectorInfo& source, const ConnectorInfo& target,
                     std::filesystem::path spill_directory)
    : rules_{source.key_rules, target.key_rules}, max_key_bytes_{source.max_key_bytes,
                                                                 target.max_key_bytes},
      folds_(folds(rules_[0]) || folds(rules_[1])), spill_directory_(std::move(spill_directory)) {
    const auto limits = [](const KeyRules& r) {
        return std::tuple(r.utf8_only, r.no_dot_segments, r.no_trailing_space_dot, r.no_control);
    };
    limits_differ_ =
        limits(rules_[0]) != limits(rules_[1]) || max_key_bytes_[0] != max_key_bytes_[1];
}

NameCheck::~NameCheck() = default;

Status NameCheck::see(BytesView key, bool on_source, bool on_target) {
    if (!folds_) {
        return {};
    }
    if (names_ == nullptr) {
        names_ = std::make_unique<SpillSort>(spill_directory_, kSortMemory);
    }
    KeyRules either;
    either.case_folded = rules_[0].case_folded || rules_[1].case_folded;
    either.nfc_folded = rules_[0].nfc_folded || rules_[1].nfc_folded;
    const BytesView name = name_of_key(key);
    const Bytes folded = fold_key(name, either);
    Bytes order = folded;
    order += '\0';
    order += key;
    ItemView entry;
    entry.key = order;
    entry.version = folded;
    entry.meta = name;
    entry.unreadable = on_source; // the two flags that an entry has room for
    entry.unsettled = on_target;
    return names_->add(entry);
}

Status NameCheck::correct(PlanStore& plan) {
    if (names_ != nullptr) {
        Groups groups;
        SYNCLINE_TRY(collect(groups));
        if (!groups.names.empty()) {
            SYNCLINE_TRY(find_writes(plan, groups));
            SYNCLINE_TRY(correct_collisions(plan, groups));
        }
    }
    return limits_differ_ ? skip_unrepresentable(plan) : Status();
}

Status NameCheck::collect(Groups& groups) {
    SYNCLINE_TRY(names_->finish_adding());
    std::map<Bytes, Groups::Name, std::less<>> group;
    Bytes folded;
    std::vector<Bytes> outermost; // folded names of groups, nested below nothing in the list
    const auto close = [&] {
        if (group.size() > 1) {
            while (!outermost.empty() && !folded.starts_with(outermost.back() + '/')) {
                outermost.pop_back();
            }
            if (outermost.empty()) {
                outermost.push_back(folded);
                groups.names.merge(group);
            }
        }
        group.clear();
    };
    ItemView entry;
    while (true) {
        const Result<bool> more = names_->next(entry);
        if (!more.ok()) {
            return more.status();
        }
        if (!*more || entry.version != folded) {
            close();
        }
        if (!*more) {
            return {};
        }
        folded = entry.version;
        Groups::Name& name = group[Bytes(entry.meta)];
        name.folded = folded;
        name.there[0] |= entry.unreadable;
        name.there[1] |= entry.unsettled;
    }
}

// Adds what the plan would write, and decides which names would meet on a side that folds them.
Status NameCheck::find_writes(PlanStore& plan, Groups& groups) {
    SYNCLINE_TRY(plan.each_in_key_order([&](PlannedOp&& op) {
        if (op.action == Action::create || op.action == Action::update) {
            any_upto(name_of_key(op.key), [&](BytesView name) {
                if (const auto found = groups.names.find(name); found != groups.names.end()) {
                    found->second.there[index(op.side)] = true;
                }
                return false;
            });
        }
        return true;
    }));
    for (const Side side : kSides) {
        const KeyRules& rules = rules_[index(side)];
        if (!folds(rules)) {
            continue;
        }
        std::map<Bytes, std::vector<const Bytes*>> here; // by what the side makes of the name
        for (const auto& [name, known] : groups.names) {
            if (known.there[index(side)]) {
                here[fold_key(name, rules)].push_back(&name);
            }
        }
        for (const auto& [unused, names] : here) {
            for (std::size_t i = 0; names.size() > 1 && i < names.size(); ++i) {
                Groups::Name& name = groups.names.find(*names[i])->second;
                name.collides = true;
                name.on = side;
                name.with = *names[i == 0 ? 1 : 0];
            }
        }
    }
    return {};
}

Status NameCheck::correct_collisions(PlanStore& plan, Groups& groups) {
    struct Range {
        Bytes name;
        std::int64_t first;
        std::int64_t last;
    };
    std::vector<Range> ranges; // of operations below one name that follow each other
    SYNCLINE_TRY(plan.each_in_key_order([&](PlannedOp&& op) {
        BytesView colliding;
        const bool found = any_upto(name_of_key(op.key), [&](BytesView name) {
            const auto known = groups.names.find(name);
            colliding = name;
            return known != groups.names.end() && known->second.collides;
        });
        if (found && !ranges.empty() && ranges.back().name == colliding &&
            ranges.back().last + 1 == op.id) {
            ranges.back().last = op.id;
        } else if (found) {
            ranges.push_back({Bytes(colliding), op.id, op.id});
        }
        return true;
    }));
    for (const Range& range : ranges) {
        Groups::Name& name = groups.names.find(range.name)->second;
        for (std::int64_t id = range.first; id <= range.last; ++id) {
            Result<PlannedOp> op = plan.at(id);
            if (!op.ok()) {
                return op.status();
            }
            if (!writes(op->action)) {
                continue;
            }
            if (name.told) { // the one conflict stands for all below it
                SYNCLINE_TRY(plan.drop(id, id));
                continue;
            }
            name.told = true;
            if (name_of_key(op->key) != BytesView(range.name)) {
                op->key = range.name + '/';
                op->kind = ItemKind::container;
            }
            op->action = Action::conflict;
            op->phase = Phase::none;
            op->side = name.on;
            op->conflict = ConflictKind::key_collision;
            op->other_key.clear();
            op->reason = "'" + display_key(range.name) + "' and '" + display_key(name.with) +
                         "' are one name on " + std::string(syncline::name_of(name.on)) +
                         ", which does not tell them apart; rename one of them";
            SYNCLINE_TRY(plan.replace(*op));
        }
    }
    return {};
}

Status NameCheck::skip_unrepresentable(PlanStore& plan) {
    std::vector<std::pair<std::int64_t, std::string_view>> found;
    std::int64_t after = 0;
    // In portions, since the plan must not change while it is read.
    constexpr std::size_t kPortion = 4096;
    do {
        found.clear();
        SYNCLINE_TRY(plan.each_in_key_order([&](PlannedOp&& op) {
            if (op.id > after && op.action == Action::create) {
                const std::string_view why =
                    why_not_held(op.key, rules_[index(op.side)], max_key_bytes_[index(op.side)]);
                if (!why.empty()) {
                    found.emplace_back(op.id, why);
                }
            }
            return found.size() < kPortion;
        }));
        for (const auto& [id, why] : found) {
            Result<PlannedOp> op = plan.at(id);
            if (!op.ok()) {
                return op.status();
            }
            op->action = Action::skip;
            op->phase = Phase::none;
            op->conflict = ConflictKind::none;
            op->reason = "cannot be held by " + std::string(syncline::name_of(op->side)) + ": " +
                         std::string(why);
            SYNCLINE_TRY(plan.replace(*op));
            after = id;
        }
    } while (found.size() == kPortion);
    return {};
}

} // namespace syncline
