#include "rules.hpp"

#include "time_text.hpp"

namespace syncline::strategies {
namespace {

using sdk::Decision;

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

Decision keep(bool source, std::string reason) {
    return source ? Decision::keep_source(std::move(reason))
                  : Decision::keep_target(std::move(reason));
}

std::string side_name(bool source) { return source ? "source" : "target"; }

/// Why comparing attributes makes no sense here; nullptr if it does.
const char* cannot_compare(const Question& question) {
    if (!question.source || !question.target) {
        return "one side was deleted";
    }
    if (question.kind == SYNCLINE_CONFLICT_KEY_COLLISION) {
        return "the two names collide, they are not versions of one item";
    }
    return nullptr;
}

Decision by_mtime(const Question& question, bool newer) {
    if (const char* why = cannot_compare(question)) {
        return Decision::decline(why);
    }
    const auto source = question.source->mtime_ns();
    const auto target = question.target->mtime_ns();
    if (!source || !target) {
        return Decision::decline("a modification time is not known");
    }
    if (*source == *target) {
        return Decision::decline("both sides are equally old");
    }
    const bool source_is_newer = *source > *target;
    const bool source_wins = source_is_newer == newer;
    const bool fraction = *source / kNsPerSecond == *target / kNsPerSecond;
    return keep(source_wins, side_name(source_wins) + (newer ? " is newer (" : " is older (") +
                                 format_utc(source_wins ? *source : *target, fraction) +
                                 (newer ? " > " : " < ") +
                                 format_utc(source_wins ? *target : *source, fraction) + ")");
}

Decision by_size(const Question& question, bool larger) {
    if (const char* why = cannot_compare(question)) {
        return Decision::decline(why);
    }
    const auto source = question.source->size();
    const auto target = question.target->size();
    if (!source || !target) {
        return Decision::decline("a size is not known");
    }
    if (*source == *target) {
        return Decision::decline("both sides are equally large");
    }
    const bool source_is_larger = *source > *target;
    const bool source_wins = source_is_larger == larger;
    return keep(source_wins, side_name(source_wins) + (larger ? " is larger (" : " is smaller (") +
                                 std::to_string(source_wins ? *source : *target) +
                                 (larger ? " > " : " < ") +
                                 std::to_string(source_wins ? *target : *source) + " bytes)");
}

bool has_body(const sdk::ItemView& item) {
    return item.kind() == sdk::Kind::kObject || item.kind() == sdk::Kind::kLink;
}

Decision keep_with_loser(const Question& question, bool source_loses, const std::string& why,
                         const KeepBoth& options) {
    const sdk::ItemView& loser = source_loses ? *question.source : *question.target;
    const ConflictName name =
        options.mark.name(loser.key().empty() ? question.key : loser.key(), 1,
                          {source_loses ? "source" : "target", loser.mtime_ns()});
    std::string reason =
        "both are kept; " + side_name(source_loses) + " " + why + " and gets a conflict name";
    Decision decision = source_loses ? Decision::keep_both(name.key, {}, std::move(reason))
                                     : Decision::keep_both({}, name.key, std::move(reason));
    decision.number_at = name.number_at;
    decision.number_size = name.number_size;
    return decision;
}

} // namespace

Decision source_wins(const Question& question) {
    return Decision::keep_source(question.source ? "source always wins"
                                                 : "source always wins, and it was deleted there");
}

Decision target_wins(const Question& question) {
    return Decision::keep_target(question.target ? "target always wins"
                                                 : "target always wins, and it was deleted there");
}

Decision newer_wins(const Question& question) { return by_mtime(question, true); }
Decision older_wins(const Question& question) { return by_mtime(question, false); }
Decision larger_wins(const Question& question) { return by_size(question, true); }
Decision smaller_wins(const Question& question) { return by_size(question, false); }

Decision keep_both(const Question& question, const KeepBoth& options) {
    switch (question.kind) {
    case SYNCLINE_CONFLICT_BOTH_CHANGED:
    case SYNCLINE_CONFLICT_BOTH_CREATED:
    case SYNCLINE_CONFLICT_KEY_COLLISION:
    case SYNCLINE_CONFLICT_BOTH_RENAMED:
        break;
    case SYNCLINE_CONFLICT_KIND_DIFFERS:
        return Decision::decline("the sides are of different kinds");
    case SYNCLINE_CONFLICT_TARGET_DELETED:
    case SYNCLINE_CONFLICT_SOURCE_DELETED:
        return Decision::decline("one side was deleted");
    default:
        return Decision::decline("this kind of conflict is not known here");
    }
    if (!question.source || !question.target) {
        return Decision::decline("one side was deleted");
    }
    const sdk::ItemView& source = *question.source;
    const sdk::ItemView& target = *question.target;
    if (source.kind() != target.kind() || !has_body(source)) {
        return Decision::decline("only two objects or two links can both be kept");
    }
    if (options.loser == KeepBoth::Loser::source || options.loser == KeepBoth::Loser::target) {
        return keep_with_loser(question, options.loser == KeepBoth::Loser::source,
                               "always gives way", options);
    }
    const bool newer_loses = options.loser == KeepBoth::Loser::newer;
    if (source.mtime_ns() && target.mtime_ns() && *source.mtime_ns() != *target.mtime_ns()) {
        const bool source_is_older = *source.mtime_ns() < *target.mtime_ns();
        return keep_with_loser(question, source_is_older != newer_loses,
                               newer_loses ? "is newer" : "is older", options);
    }
    if (source.hash().empty() || target.hash().empty() ||
        source.hash_algo() != target.hash_algo() || source.hash() == target.hash()) {
        return Decision::decline("neither side is older and their hashes do not tell");
    }
    // std::string_view compares as unsigned octets.
    return keep_with_loser(question, source.hash() < target.hash(), "has the smaller hash",
                           options);
}

Decision manual(const Question&) { return Decision::defer("left for a person to decide"); }

} // namespace syncline::strategies
