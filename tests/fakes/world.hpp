// Two stores in memory, a state directory on disk, and runs between them: the engine from end to
// end without plugins.
#pragma once

#include "fakes/fake_clock.hpp"
#include "fakes/fake_registry.hpp"
#include "fakes/temporary_directory.hpp"
#include "syncline/orchestrate/exit_code.hpp"
#include "syncline/orchestrate/going_back.hpp"
#include "syncline/orchestrate/sync_run.hpp"

#include <boost/test/unit_test.hpp>
#include <map>
#include <string>

namespace syncline::fakes {

class World {
public:
    // Unless a test wants it, a failure is neither tried again nor does it open a breaker.
    World() {
        registry.strategies = standard_strategies();
        guard.retry.max_attempts = 1;
        guard.breaker.failure_rate_percent = 0;
        BOOST_REQUIRE(pool->start().ok());
    }

    FakeClock clock;
    std::unique_ptr<WorkerPool> pool =
        make_worker_pool({.workers = 2, .capacity = 6}, system_clock());
    GuardOptions guard;
    FakeRegistry registry;
    FakeConnector& a = registry.store("a");
    FakeConnector& b = registry.store("b");
    Rules rules;
    std::vector<std::string> chain;
    std::vector<ResourceSpec> resources; // the stores are `a#TYPE` and `b#TYPE` then
    RunControl control;
    Archiving archiving = Archiving::local; // these stores are not local, so nothing is archived

    // Whatever became of it.
    SyncReport run_to_its_end() {
        SyncSpec spec;
        spec.source = "fake://a";
        spec.target = "fake://b";
        spec.rules = rules;
        spec.strategies = chain;
        spec.resources = resources;
        spec.state_directory = directory_.path() / "state";
        RunProgress progress;
        spec.guard = guard;
        spec.archiving = archiving;
        return run_sync({registry, *pool, progress, clock}, spec, control);
    }

    Result<SyncReport> try_run() {
        SyncReport report = run_to_its_end();
        if (!report.error.ok()) {
            return report.error;
        }
        return report;
    }

    SyncReport run() {
        Result<SyncReport> report = try_run();
        BOOST_REQUIRE_MESSAGE(report.ok(), report.status().message());
        BOOST_REQUIRE(report->outcomes.add_up());
        return *std::move(report);
    }

    SyncPlace place() const { return {"fake://a", "fake://b", directory_.path() / "state"}; }

    // With the guards against many deletions off, which have tests of their own.
    SyncReport undo(std::int64_t run) {
        UndoSpec spec;
        spec.place = place();
        spec.run = run;
        spec.force_deletions = true;
        spec.guard = guard;
        RunProgress progress;
        return undo_run({registry, *pool, progress, clock}, spec, control);
    }

    static std::map<std::string, std::function<Result<Decision>(const Conflict&)>>
    standard_strategies() {
        const auto always = [](DecisionAction action) {
            return [action](const Conflict&) -> Result<Decision> {
                Decision decision;
                decision.action = action;
                return decision;
            };
        };
        return {
            {"source-wins", always(DecisionAction::keep_source)},
            {"target-wins", always(DecisionAction::keep_target)},
            {"decline", always(DecisionAction::decline)},
            {"skip", always(DecisionAction::skip)},
            {"failing",
             [](const Conflict&) -> Result<Decision> { return Status(Code::internal, "broke"); }},
            {"keep-both", [](const Conflict& conflict) -> Result<Decision> {
                 Decision decision;
                 if (conflict.source == nullptr || conflict.target == nullptr) {
                     decision.action = DecisionAction::decline;
                     return decision;
                 }
                 // By content and kind, so that it is the same from both sides.
                 const auto rank = [](const Item& item) { return std::pair(item.hash, item.kind); };
                 decision.action = DecisionAction::keep_both;
                 const bool source_loses = rank(*conflict.source) < rank(*conflict.target);
                 (source_loses ? decision.source_key : decision.target_key) =
                     Bytes(conflict.key) + ".conflict-1";
                 return decision;
             }}};
    }

private:
    TemporaryDirectory directory_;
};

using Contents = std::map<Bytes, Bytes>;

inline std::string dump(const Contents& contents) {
    std::string text;
    for (const auto& [key, content] : contents) {
        text += key + '=' + content + ' ';
    }
    return text;
}

// Both stores hold `base`, and agree on it.
struct Synced : World {
    explicit Synced(const Contents& base) {
        for (const auto& [key, content] : base) {
            if (is_container_key(key)) {
                a.add_container(key);
            } else {
                a.add_object(key, content, 1'000);
            }
        }
        run();
        BOOST_REQUIRE_EQUAL(dump(a.contents()), dump(b.contents()));
    }
    void both_are(const Contents& expected) {
        BOOST_TEST(dump(a.contents()) == dump(expected));
        BOOST_TEST(dump(b.contents()) == dump(expected));
    }
};

} // namespace syncline::fakes
