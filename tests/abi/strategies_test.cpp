// The decision table of the basic strategies: first the pure rules, then the built plugin.
#include "fake_host.hpp"

#include "plugins/strategies/basic/conflict_name.hpp"
#include "plugins/strategies/basic/rules.hpp"
#include "plugins/strategies/basic/time_text.hpp"

#include <boost/test/unit_test.hpp>

#include <dlfcn.h>

namespace rules = syncline::strategies;
namespace sdk = syncline::sdk;

namespace {

using Rule = sdk::Decision (*)(const rules::Question&);

struct Side {
    std::optional<std::int64_t> mtime_ns;
    std::optional<std::uint64_t> size;
    std::string hash;
    sdk::Kind kind = sdk::Kind::kObject;
    std::string key = "dir/name.txt";
    std::uint32_t hash_algo = SYNCLINE_HASH_SHA256;
};

sdk::Item item_of(const Side& side) {
    sdk::Item item;
    item.key = side.key;
    item.kind = side.kind;
    item.mtime_ns = side.mtime_ns;
    item.size = side.size;
    item.hash_algo = side.hash.empty() ? 0 : side.hash_algo;
    item.hash = side.hash;
    return item;
}

sdk::Decision ask(Rule rule, const std::optional<Side>& source, const std::optional<Side>& target,
                  std::uint32_t kind = SYNCLINE_CONFLICT_BOTH_CHANGED) {
    const sdk::Item source_item = item_of(source.value_or(Side{}));
    const sdk::Item target_item = item_of(target.value_or(Side{}));
    const sdk::RawItem raw_source(source_item);
    const sdk::RawItem raw_target(target_item);
    rules::Question question;
    question.kind = kind;
    question.key = "dir/name.txt";
    if (source) {
        question.source.emplace(raw_source.get());
    }
    if (target) {
        question.target.emplace(raw_target.get());
    }
    const sdk::Decision decision = rule(question);
    BOOST_TEST(!decision.reason.empty());
    return decision;
}

rules::Mark mark(std::string_view text) {
    std::string why;
    std::optional<rules::Mark> parsed = rules::Mark::parse(text, why);
    BOOST_REQUIRE_MESSAGE(parsed.has_value(), text << " should be " << why);
    return *parsed;
}

std::string conflict_name(std::string_view key, unsigned n,
                          std::string_view text = rules::kDefaultMark) {
    const rules::ConflictName name = mark(text).name(key, n, {"target", 1'793'613'600'000'000'000});
    BOOST_TEST(name.key.substr(name.number_at, name.number_size) == std::to_string(n));
    return name.key;
}

sdk::Decision keep_both(const rules::Question& question) {
    return rules::keep_both(question, {rules::KeepBoth::Loser::older, mark(rules::kDefaultMark)});
}

constexpr std::uint32_t kSource = SYNCLINE_DECISION_KEEP_SOURCE;
constexpr std::uint32_t kTarget = SYNCLINE_DECISION_KEEP_TARGET;
constexpr std::uint32_t kDecline = SYNCLINE_DECISION_DECLINE;
constexpr std::uint32_t kBoth = SYNCLINE_DECISION_KEEP_BOTH;

Side at(std::int64_t mtime_ns) { return Side{mtime_ns, {}, {}}; }
Side of_size(std::uint64_t size) { return Side{{}, size, {}}; }
Side hashed(const std::string& hash) { return Side{5, {}, hash}; }

} // namespace

BOOST_AUTO_TEST_SUITE(strategies)

BOOST_AUTO_TEST_CASE(a_fixed_side_wins_even_if_it_was_deleted) {
    BOOST_TEST(ask(rules::source_wins, at(1), at(2)).action == kSource);
    BOOST_TEST(ask(rules::source_wins, {}, at(2), SYNCLINE_CONFLICT_SOURCE_DELETED).action ==
               kSource);
    BOOST_TEST(ask(rules::target_wins, at(2), at(1)).action == kTarget);
    BOOST_TEST(ask(rules::target_wins, at(2), {}, SYNCLINE_CONFLICT_TARGET_DELETED).action ==
               kTarget);
    BOOST_TEST(ask(rules::manual, at(1), at(2)).action == SYNCLINE_DECISION_DEFER);
}

BOOST_AUTO_TEST_CASE(comparisons_decide_or_decline) {
    struct Case {
        Rule rule;
        std::optional<Side> source;
        std::optional<Side> target;
        std::uint32_t action;
    };
    const Case cases[] = {
        {rules::newer_wins, at(2), at(1), kSource},
        {rules::newer_wins, at(1), at(2), kTarget},
        {rules::newer_wins, at(-2), at(-1), kTarget},
        {rules::newer_wins, at(1), at(1), kDecline},
        {rules::newer_wins, of_size(1), at(1), kDecline},
        {rules::newer_wins, at(1), of_size(1), kDecline},
        {rules::newer_wins, std::nullopt, at(1), kDecline},
        {rules::newer_wins, at(1), std::nullopt, kDecline},
        {rules::older_wins, at(1), at(2), kSource},
        {rules::older_wins, at(2), at(1), kTarget},
        {rules::older_wins, at(2), at(2), kDecline},
        {rules::older_wins, at(1), std::nullopt, kDecline},
        {rules::larger_wins, of_size(2), of_size(1), kSource},
        {rules::larger_wins, of_size(1), of_size(UINT64_MAX), kTarget},
        {rules::larger_wins, of_size(1), of_size(1), kDecline},
        {rules::larger_wins, at(1), of_size(1), kDecline},
        {rules::larger_wins, std::nullopt, of_size(1), kDecline},
        {rules::smaller_wins, of_size(0), of_size(1), kSource},
        {rules::smaller_wins, of_size(2), of_size(1), kTarget},
        {rules::smaller_wins, of_size(2), of_size(2), kDecline},
        {rules::smaller_wins, of_size(2), std::nullopt, kDecline},
    };
    for (const Case& c : cases) {
        BOOST_TEST(ask(c.rule, c.source, c.target).action == c.action);
    }
    for (const Rule rule :
         {rules::newer_wins, rules::older_wins, rules::larger_wins, rules::smaller_wins}) {
        Side one{1, 1, {}};
        Side two{2, 2, {}};
        BOOST_TEST(ask(rule, one, two, SYNCLINE_CONFLICT_KEY_COLLISION).action == kDecline);
    }
}

BOOST_AUTO_TEST_CASE(reasons_show_what_was_compared) {
    const std::int64_t second = 1'000'000'000;
    BOOST_TEST(ask(rules::newer_wins, at(90 * second), at(30 * second)).reason ==
               "source is newer (1970-01-01 00:01:30 > 1970-01-01 00:00:30)");
    BOOST_TEST(ask(rules::older_wins, at(2), at(1)).reason ==
               "target is older (1970-01-01 00:00:00.000000001 < 1970-01-01 00:00:00.000000002)");
    BOOST_TEST(ask(rules::larger_wins, of_size(10), of_size(9)).reason ==
               "source is larger (10 > 9 bytes)");
}

BOOST_AUTO_TEST_CASE(times_are_written_for_people) {
    const std::int64_t second = 1'000'000'000;
    BOOST_TEST(rules::format_utc(0, false) == "1970-01-01 00:00:00");
    BOOST_TEST(rules::format_utc(-1, true) == "1969-12-31 23:59:59.999999999");
    BOOST_TEST(rules::format_utc(951'782'400 * second, false) == "2000-02-29 00:00:00");
    BOOST_TEST(rules::format_utc(1'793'613'600 * second, false) == "2026-11-02 10:00:00");
    BOOST_TEST(rules::format_utc(INT64_MAX, false) == "2262-04-11 23:47:16");
    BOOST_TEST(rules::format_utc(INT64_MIN, false) == "1677-09-21 00:12:43");
}

BOOST_AUTO_TEST_CASE(keep_both_renames_the_older_side) {
    const sdk::Decision source_older = ask(keep_both, at(1), at(2));
    BOOST_TEST(source_older.action == kBoth);
    BOOST_TEST(source_older.source_key == "dir/name.conflict-1.txt");
    BOOST_TEST(source_older.target_key == "");
    const sdk::Decision target_older = ask(keep_both, at(2), at(1));
    BOOST_TEST(target_older.source_key == "");
    BOOST_TEST(target_older.target_key == "dir/name.conflict-1.txt");
}

BOOST_AUTO_TEST_CASE(keep_both_falls_back_to_hashes_and_is_the_same_from_both_sides) {
    BOOST_TEST(ask(keep_both, hashed("a"), hashed("b")).source_key == "dir/name.conflict-1.txt");
    BOOST_TEST(ask(keep_both, hashed("b"), hashed("a")).target_key == "dir/name.conflict-1.txt");
    BOOST_TEST(ask(keep_both, hashed("\x7F"), hashed("\x80")).source_key ==
               "dir/name.conflict-1.txt");
    Side no_time = hashed("a");
    no_time.mtime_ns.reset();
    BOOST_TEST(ask(keep_both, no_time, hashed("b")).action == kBoth);
    BOOST_TEST(ask(keep_both, hashed("a"), hashed("a")).action == kDecline);
    BOOST_TEST(ask(keep_both, hashed("a"), at(5)).action == kDecline);
    Side other_algo = hashed("b");
    other_algo.hash_algo = SYNCLINE_HASH_MD5;
    BOOST_TEST(ask(keep_both, hashed("a"), other_algo).action == kDecline);
}

BOOST_AUTO_TEST_CASE(keep_both_needs_two_bodies_of_one_kind) {
    Side container = at(1);
    container.kind = sdk::Kind::kContainer;
    Side link = at(1);
    link.kind = sdk::Kind::kLink;
    Side newer_link = at(2);
    newer_link.kind = sdk::Kind::kLink;
    Side unknown = at(1);
    unknown.kind = static_cast<sdk::Kind>(9);
    BOOST_TEST(ask(keep_both, link, newer_link).action == kBoth);
    BOOST_TEST(ask(keep_both, link, at(2)).action == kDecline);
    BOOST_TEST(ask(keep_both, container, container).action == kDecline);
    BOOST_TEST(ask(keep_both, unknown, unknown).action == kDecline);
    BOOST_TEST(ask(keep_both, {}, at(1)).action == kDecline);
    BOOST_TEST(ask(keep_both, at(1), {}).action == kDecline);
    for (const std::uint32_t kind :
         {SYNCLINE_CONFLICT_KIND_DIFFERS, SYNCLINE_CONFLICT_SOURCE_DELETED,
          SYNCLINE_CONFLICT_TARGET_DELETED, 99U, 0U}) {
        BOOST_TEST(ask(keep_both, at(1), at(2), kind).action == kDecline);
    }
    Side upper = at(1);
    upper.key = "dir/NAME.txt";
    BOOST_TEST(ask(keep_both, upper, at(2), SYNCLINE_CONFLICT_KEY_COLLISION).source_key ==
               "dir/NAME.conflict-1.txt");
}

BOOST_AUTO_TEST_CASE(conflict_names_keep_the_extension_and_do_not_nest) {
    const std::pair<const char*, const char*> cases[] = {
        {"name.txt", "name.conflict-1.txt"},
        {"a/b.c/name", "a/b.c/name.conflict-1"},
        {"a/x.tar.gz", "a/x.tar.conflict-1.gz"},
        {"a/.bashrc", "a/.bashrc.conflict-1"},
        {"a/.config.json", "a/.config.conflict-1.json"},
        {"x.conflict-3.txt", "x.conflict-1.txt"},
        {"x.conflict-3", "x.conflict-1"},
        {"x.conflict-2.conflict-3.txt", "x.conflict-1.txt"},
        {"x.txt.conflict-12", "x.conflict-1.txt"},
        {"x.conflict-.txt", "x.conflict-.conflict-1.txt"},
        {"x.conflict-3a.txt", "x.conflict-3a.conflict-1.txt"},
        {".conflict-3", ".conflict-3.conflict-1"},
        {"a/.conflict-3.txt", "a/.conflict-3.conflict-1.txt"},
        {"x.", "x.conflict-1."},
        {"\xFF/\xFE.z", "\xFF/\xFE.conflict-1.z"},
        {"", ".conflict-1"},
    };
    for (const auto& [key, expected] : cases) {
        BOOST_TEST(conflict_name(key, 1) == expected);
    }
    BOOST_TEST(conflict_name("a.b", 17) == "a.conflict-17.b");
}

BOOST_AUTO_TEST_CASE(conflict_names_follow_the_mark_that_was_asked_for) {
    BOOST_TEST(conflict_name("d/a.txt", 2, " (conflict {n})") == "d/a (conflict 2).txt");
    BOOST_TEST(conflict_name("a (conflict 7).txt", 1, " (conflict {n})") == "a (conflict 1).txt");
    BOOST_TEST(conflict_name("a.txt", 3, ".{side}-{date}-{n}") == "a.target-20261102-100000-3.txt");
    BOOST_TEST(conflict_name("a.source-20261102-100000-9.txt", 1, ".{side}-{date}-{n}") ==
               "a.target-20261102-100000-1.txt");
    // Too little text to be sure of: a year is no number of a copy.
    BOOST_TEST(conflict_name("report-2024.txt", 1, "-{n}") == "report-2024-1.txt");
    BOOST_TEST(conflict_name("a.copy77", 1, ".copy{n}7") == "a.copy17");
    for (const char* bad : {"", "x", "{n}{n}", "{n}/", "{m}{n}", "{n", "}{n}"}) {
        std::string why;
        BOOST_TEST(!rules::Mark::parse(bad, why), bad);
        BOOST_TEST(!why.empty());
    }
}

BOOST_AUTO_TEST_CASE(keep_both_renames_whom_it_was_told_to) {
    using Loser = rules::KeepBoth::Loser;
    const auto loser_is_source = [](Loser loser, const Side& source, const Side& target) {
        const sdk::Item s = item_of(source);
        const sdk::Item t = item_of(target);
        const sdk::RawItem raw_source(s);
        const sdk::RawItem raw_target(t);
        rules::Question question;
        question.kind = SYNCLINE_CONFLICT_BOTH_CHANGED;
        question.key = "dir/name.txt";
        question.source.emplace(raw_source.get());
        question.target.emplace(raw_target.get());
        return !rules::keep_both(question, {loser, mark(rules::kDefaultMark)}).source_key.empty();
    };
    BOOST_TEST(loser_is_source(Loser::older, at(1), at(2)));
    BOOST_TEST(!loser_is_source(Loser::newer, at(1), at(2)));
    BOOST_TEST(loser_is_source(Loser::source, at(2), at(1)));
    BOOST_TEST(!loser_is_source(Loser::target, at(1), at(2)));
}

BOOST_AUTO_TEST_CASE(the_built_plugin_offers_all_eight_and_decides) {
    void* library = ::dlopen(SYNCLINE_BASIC_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    BOOST_REQUIRE_MESSAGE(library != nullptr, ::dlerror());
    const auto* entry = static_cast<const syncline_entry*>(::dlsym(library, SYNCLINE_ENTRY_SYMBOL));
    BOOST_REQUIRE(entry != nullptr);
    fake::Host host(false);
    const std::pair<const char*, std::uint32_t> cases[] = {
        {"syncline.strategy.source-wins", kSource},
        {"syncline.strategy.target-wins", kTarget},
        {"syncline.strategy.newer-wins", kSource},
        {"syncline.strategy.older-wins", kTarget},
        {"syncline.strategy.larger-wins", kTarget},
        {"syncline.strategy.smaller-wins", kSource},
        {"syncline.strategy.keep-both", kBoth},
        {"syncline.strategy.manual", SYNCLINE_DECISION_DEFER},
    };
    const sdk::Item source = item_of(Side{2, 1, {}});
    const sdk::Item target = item_of(Side{1, 2, {}});
    const sdk::RawItem raw_source(source);
    const sdk::RawItem raw_target(target);
    syncline_conflict conflict{};
    conflict.struct_size = sizeof(conflict);
    conflict.kind = SYNCLINE_CONFLICT_BOTH_CHANGED;
    conflict.key = fake::bytes("dir/name.txt");
    conflict.source = &raw_source.get();
    conflict.target = &raw_target.get();
    for (const auto& [id, action] : cases) {
        fake::Instance instance(*entry, host, id);
        BOOST_REQUIRE_EQUAL(instance.configured, SYNCLINE_OK);
        BOOST_TEST(instance->desc->kind == SYNCLINE_PLUGIN_STRATEGY);
        const auto* strategy = instance.as<syncline_conflict_strategy>(SYNCLINE_IFACE_CONFLICT);
        BOOST_REQUIRE(strategy != nullptr);
        fake::Call call;
        fake::DecisionSink sink;
        BOOST_TEST(strategy->decide(instance, call, &conflict, sink) == SYNCLINE_OK);
        BOOST_TEST(sink.action == action, id);
        BOOST_TEST(sink.decisions == 1);
        BOOST_TEST(!sink.reason.empty());
        if (action == kBoth) {
            BOOST_TEST(sink.target_key == "dir/name.conflict-1.txt");
        }
    }
    fake::Instance counter(*entry, host, "syncline.strategy.manual");
    const auto* factory =
        static_cast<const syncline_factory*>(entry->get_factory(SYNCLINE_IFACE_FACTORY));
    BOOST_TEST(factory->count(factory) == 8U);
}

BOOST_AUTO_TEST_SUITE_END()
