#include "orchestrate/explain.hpp"

#include "orchestrate/plan_line.hpp"
#include "reconcile/row_facts.hpp"
#include "syncline/core/text.hpp"
#include "syncline/endpoint/content_hash_of.hpp"
#include "syncline/reconcile/planner.hpp"

#include <algorithm>
#include <utility>

namespace syncline {

namespace {

constexpr Side kSides[] = {Side::source, Side::target};

std::string in_words(const Explanation& found, const RowFacts& facts) {
    const auto state = [&](Side side) -> std::string {
        const ExplainedSide& here = found.sides[static_cast<std::size_t>(side)];
        if (here.instead && here.state == SideState::absent) {
            return std::string(noun_of(*here.instead)) + (facts.has_base ? " now" : "");
        }
        switch (here.state) {
        case SideState::absent:
            return facts.has_base ? "deleted" : "absent";
        case SideState::same:
            return "as agreed";
        case SideState::changed:
            return facts.has_base ? "changed" : "new";
        case SideState::unknown:
            return "unknown";
        }
        return "unknown";
    };
    std::string words = !facts.has_base                     ? "never agreed on"
                        : found.base && found.base->differs ? "agreed to differ"
                                                            : "agreed on before";
    words += "; source " + state(Side::source) + ", target " + state(Side::target);
    if (facts.equal && !is_container_key(found.key) && facts.source != SideState::same) {
        words += ", both equal";
    }
    return words;
}

// Passes conflicts on, and remembers the names of an item that both sides renamed, if `key` is one
// of them: the plan keeps such a conflict under the old name only.
class RenamesTwiceWatch final : public ConflictResolver {
public:
    RenamesTwiceWatch(ConflictResolver& chain, BytesView key, std::vector<Bytes>& names)
        : chain_(chain), key_(key), names_(names) {}

    Result<Decision> resolve(const ConflictCase& conflict) override {
        if (conflict.kind == ConflictKind::rename_rename) {
            std::vector<Bytes> names = {Bytes(conflict.key), conflict.source->key,
                                        conflict.target->key};
            if (std::ranges::find(names, key_) != names.end()) {
                names_ = std::move(names);
            }
        }
        return chain_.resolve(conflict);
    }
    bool lacks_base_content(const BaseEntryView& base) override {
        return chain_.lacks_base_content(base);
    }

private:
    ConflictResolver& chain_;
    BytesView key_;
    std::vector<Bytes>& names_;
};

class Explainer {
public:
    Explainer(const ExplainInputs& in, const CallContext& call, Explanation& into)
        : in_(in), call_(call), out_(into) {}

    Status run() {
        if (!is_confined(out_.key)) {
            return Status(Code::invalid_config,
                          "'" + display_key(out_.key) +
                              "' is no key; name a path as it is below both sides, such as "
                              "docs/a.txt");
        }
        in_.chain.listen([this](BytesView key, const std::string& strategy, bool decided,
                                const std::string& answer) {
            if (key == BytesView(out_.key) || key == BytesView(object_key()) ||
                is_among_renamed(key)) {
                out_.strategies.push_back({strategy, decided, answer});
            }
        });
        Result<bool> namesake = find_kind();
        if (!namesake.ok()) {
            return namesake.status();
        }
        SYNCLINE_TRY(tell_history());
        if (const std::optional<KeyFilter::Match> match = in_.rules.filter.match(out_.key)) {
            out_.filter_rule = *match->rule;
            out_.filter_key = match->key;
        }
        out_.excluded = in_.rules.filter.excluded(out_.key);
        if (out_.excluded) {
            note_presence();
            out_.row = "left out by the rules";
            return {};
        }
        Result<bool> alone = *namesake ? Result<bool>(false) : is_decided_alone();
        if (!alone.ok()) {
            return alone.status();
        }
        SYNCLINE_TRY(judge());
        return *alone ? plan_row() : plan_all();
    }

private:
    Endpoint& at(Side side) const { return side == Side::source ? in_.source : in_.target; }
    ExplainedSide& side(Side which) { return out_.sides[static_cast<std::size_t>(which)]; }
    Bytes object_key() const {
        return is_container_key(out_.key) ? out_.key.substr(0, out_.key.size() - 1) : out_.key;
    }

    // What runs noted of the key, and what they wrote to it.
    Status tell_history() {
        Result<std::vector<ItemHistory>> noted = in_.runs.history_of(out_.key, kExplainedHistory);
        if (!noted.ok()) {
            return noted.status();
        }
        std::vector<ItemHistory>& history = out_.history;
        history = *std::move(noted);
        std::size_t written = 0;
        Status status;
        SYNCLINE_TRY(in_.journal.each_run([&](std::int64_t run) {
            for (const Side which : kSides) {
                const Result<std::optional<JournalEntry>> entry =
                    in_.journal.find(run, out_.key, which);
                if (!entry.ok()) {
                    status = entry.status();
                } else if (*entry) {
                    status = add_written(run, **entry);
                    ++written;
                }
            }
            return status.ok() && written < kExplainedHistory;
        }));
        SYNCLINE_TRY(status);
        std::stable_sort(history.begin(), history.end(),
                         [](const ItemHistory& a, const ItemHistory& b) { return a.run > b.run; });
        history.resize(std::min(history.size(), kExplainedHistory));
        return {};
    }

    Status add_written(std::int64_t run, const JournalEntry& entry) {
        const Result<std::optional<RunRecord>> record = in_.runs.find(run);
        if (!record.ok()) {
            return record.status();
        }
        ItemHistory& past = out_.history.emplace_back();
        past.run = run;
        past.started_wall_ns = *record ? (*record)->started_wall_ns : 0;
        past.note.outcome = entry.is_done ? Outcome::ok : Outcome::pending;
        past.note.key = entry.key;
        past.note.action = name_of(entry.action);
        past.note.code = "ok";
        past.note.message = "on " + std::string(name_of(entry.side));
        if (!entry.moved_to.empty()) {
            past.note.message += ", renamed to '" + display_key(entry.moved_to) + "'";
        }
        if (!entry.is_done) {
            past.note.message += ", if the run got so far";
        }
        return {};
    }

    struct Found {
        std::array<ExplainedSide, 2> sides;
        std::optional<BaseEntry> base;
        bool anywhere() const { return sides[0].item || sides[1].item || base; }
    };

    Result<Found> find(const Bytes& key) {
        Found found;
        for (const Side which : kSides) {
            ExplainedSide& here = found.sides[static_cast<std::size_t>(which)];
            Result<Item> there = at(which).stat(call_, key);
            if (there.ok() && (there->kind == ItemKind::container) == is_container_key(key)) {
                here.item = *std::move(there);
                if (here.item->unreadable || here.item->kind == ItemKind::unsupported) {
                    here.state = SideState::unknown;
                    here.trouble = here.item->unreadable ? "it cannot be read"
                                                         : "of a kind that cannot be synchronised";
                }
            } else if (there.code() == Code::permission_denied) {
                here.state = SideState::unknown;
                here.trouble = there.status().message();
            } else if (!there.ok() && there.code() != Code::not_found) {
                return there.status();
            }
        }
        Result<std::optional<BaseEntry>> base = in_.base.find(key);
        if (!base.ok()) {
            return base.status();
        }
        found.base = *std::move(base);
        return found;
    }

    // Is the key that of an object or of a container? Whether it is both, here or there.
    Result<bool> find_kind() {
        const Bytes object = object_key();
        Result<Found> as_object = find(object);
        if (!as_object.ok()) {
            return as_object.status();
        }
        Result<Found> as_container = find(object + '/');
        if (!as_container.ok()) {
            return as_container.status();
        }
        const bool both = as_object->anywhere() && as_container->anywhere();
        const bool container = both ? is_container_key(out_.key) : as_container->anywhere();
        if (as_object->anywhere() || as_container->anywhere()) {
            out_.key = container ? object + '/' : object;
        }
        Found& found = container ? *as_container : *as_object;
        out_.sides = std::move(found.sides);
        out_.base = std::move(found.base);
        const Found& namesake = container ? *as_object : *as_container;
        for (std::size_t i = 0; i < out_.sides.size(); ++i) {
            if (!out_.sides[i].item && namesake.sides[i].item) {
                out_.sides[i].instead = namesake.sides[i].item->kind;
            }
        }
        return both;
    }

    void note_presence() {
        for (ExplainedSide& here : out_.sides) {
            if (here.item && here.state == SideState::absent) {
                here.state = SideState::changed;
            }
        }
    }

    bool containers_matter() const {
        return in_.source.info().empty_containers && in_.target.info().empty_containers;
    }

    // What goes or comes, or is another item than the one agreed on, may be the old or the new name
    // of something.
    bool could_be_renamed() const {
        const auto& [source, target] = out_.sides;
        if (!source.item || !target.item) {
            return source.item || target.item || out_.base;
        }
        const auto is_another = [](const Item& item, const Bytes& id) {
            return !id.empty() && !item.id.empty() && item.id != id;
        };
        return out_.base && (is_another(*source.item, out_.base->source_id) ||
                             is_another(*target.item, out_.base->target_id));
    }

    // Do this row and what is above it say all? A side that lacks a container of the other one may
    // have deleted it, and then everything below decides together.
    Result<bool> is_decided_alone() {
        const auto folds = [](const KeyRules& rules) {
            return rules.case_folded || rules.nfc_folded;
        };
        if (folds(in_.source.info().key_rules) || folds(in_.target.info().key_rules)) {
            return false;
        }
        if (could_be_renamed() && (containers_matter() || !is_container_key(out_.key))) {
            return false;
        }
        if (!containers_matter()) {
            return true;
        }
        const auto one_sided = [&](const Found& found) {
            const bool on_one = found.sides[0].item.has_value() != found.sides[1].item.has_value();
            return on_one && (found.base || in_.rules.mode == Mode::mirror);
        };
        const Bytes object = object_key();
        for (std::size_t slash = object.find('/'); slash != Bytes::npos;
             slash = object.find('/', slash + 1)) {
            Result<Found> above = find(object.substr(0, slash + 1));
            if (!above.ok()) {
                return above.status();
            }
            for (const Side which : kSides) {
                const ExplainedSide& there = above->sides[static_cast<std::size_t>(which)];
                if (there.state == SideState::unknown) {
                    side(which).state = SideState::unknown;
                    side(which).trouble = "'" + display_key(object.substr(0, slash + 1)) +
                                          "' cannot be looked into: " + there.trouble;
                }
            }
            const bool everywhere = above->sides[0].item && above->sides[1].item;
            if (everywhere) {
                continue;
            }
            Result<Found> namesake = find(object.substr(0, slash));
            if (!namesake.ok()) {
                return namesake.status();
            }
            if (one_sided(*above) || namesake->anywhere()) {
                return false;
            }
        }
        return true;
    }

    Row row_of(BaseEntryView& base, std::array<ItemView, 2>& items) const {
        Row row;
        row.key = out_.key;
        const bool tolerated = out_.base && out_.base->differs && in_.rules.mode != Mode::one_way &&
                               (out_.sides[0].item || out_.sides[1].item);
        if (out_.base && !tolerated) {
            base = to_view(*out_.base);
            row.base = &base;
        }
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (out_.sides[i].item) {
                items[i] = to_view(*out_.sides[i].item);
                items[i].key = out_.key;
                (i == 0 ? row.source : row.target) = &items[i];
            }
        }
        return row;
    }

    // What changed; reads contents where versions cannot tell, as planning does.
    Status judge() {
        Status trouble;
        const auto hash = [&](Side which) -> std::optional<BytesView> {
            ExplainedSide& here = side(which);
            if (here.item->hash_algo != HashAlgo::xxh3_128) {
                Result<HashedItem> read = hash_item(at(which), call_, out_.key);
                if (!read.ok()) {
                    here.state = SideState::unknown;
                    here.trouble = read.status().message();
                    here.item->unreadable = true;
                    if (read.code() == Code::circuit_open || read.code() == Code::rate_limited ||
                        read.code() == Code::cancelled) {
                        trouble = read.status();
                    }
                    return std::nullopt;
                }
                Bytes digest = std::move(read->hash);
                here.item = std::move(read->item);
                here.item->hash = std::move(digest);
                here.item->hash_algo = HashAlgo::xxh3_128;
            }
            return BytesView(here.item->hash);
        };
        std::optional<GatheredFacts> gathered;
        while (!gathered) {
            BaseEntryView base;
            std::array<ItemView, 2> items;
            gathered =
                gather_facts(row_of(base, items), side(Side::source).state == SideState::unknown,
                             side(Side::target).state == SideState::unknown, hash);
            SYNCLINE_TRY(trouble);
        }
        gathered_ = *gathered;
        side(Side::source).state = gathered_.facts.source;
        side(Side::target).state = gathered_.facts.target;
        out_.equal = gathered_.facts.equal;
        out_.row = in_words(out_, gathered_.facts);
        return {};
    }

    Status plan_row() {
        if (is_container_key(out_.key) && !containers_matter()) {
            out_.row += "; a side cannot hold empty directories, so they are only their contents";
            return {};
        }
        const std::int64_t source_grain = in_.source.info().mtime_granularity_ns;
        const std::int64_t target_grain = in_.target.info().mtime_granularity_ns;
        Reconciler reconciler(
            in_.rules,
            source_grain == 0 || target_grain == 0 ? 0 : std::max(source_grain, target_grain),
            in_.chain, in_.plan);
        BaseEntryView base;
        std::array<ItemView, 2> items;
        SYNCLINE_TRY(reconciler.on_row(row_of(base, items), gathered_.facts, gathered_.moved));
        SYNCLINE_TRY(reconciler.finish());
        return take_operations();
    }

    Status plan_all() {
        out_.whole_plan = true;
        RenamesTwiceWatch conflicts(in_.chain, out_.key, renamed_twice_);
        const Result<PlanSummary> summary =
            make_plan({in_.source, in_.target, in_.source, in_.target, in_.base, in_.plan,
                       conflicts, in_.pool, in_.lane, in_.progress, in_.rules, in_.spill_directory},
                      call_);
        return summary.ok() ? take_operations() : summary.status();
    }

    Status take_operations() {
        return in_.plan.each_in_key_order([&](PlannedOp&& op) {
            const bool is_named = is_asked_for(op.key) || is_asked_for(op.other_key) ||
                                  (is_among_renamed(op.key) && op.action != Action::forget);
            if (is_named && !is_step_of_rename(op)) {
                out_.operations.push_back(std::move(op));
            }
            return true;
        });
    }

    bool is_asked_for(BytesView key) const {
        const Bytes object = object_key();
        return key == BytesView(object) || key == BytesView(object + '/');
    }

    bool is_among_renamed(BytesView key) const {
        return std::ranges::find(renamed_twice_, key) != renamed_twice_.end();
    }

    // A rename of its own says all of it: one that waits aside, a directory that was emptied.
    static bool is_step_of_rename(const PlannedOp& op) {
        return op.action == Action::follow && (op.other_key.empty() || !op.via_key.empty());
    }

    const ExplainInputs& in_;
    const CallContext& call_;
    Explanation& out_;
    GatheredFacts gathered_;
    std::vector<Bytes> renamed_twice_; // the old name and both new ones; empty: it is no such item
};

} // namespace

Status explain_key(const ExplainInputs& inputs, const CallContext& call, Explanation& into) {
    const Status explained = Explainer(inputs, call, into).run();
    inputs.chain.listen({});
    return explained;
}

} // namespace syncline
