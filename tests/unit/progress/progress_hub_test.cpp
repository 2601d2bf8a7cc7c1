#include "syncline/progress/progress_hub.hpp"

#include "fakes/fake_clock.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

using namespace syncline;

namespace {

struct World {
    fakes::FakeClock clock;
    std::unique_ptr<ProgressHub> hub = make_progress_hub({.remembered_runs = 2}, clock);
    RunProgress progress;

    std::unique_ptr<RunFeed> open(RunId run) {
        auto feed = hub->open(run, progress);
        BOOST_REQUIRE(feed.ok());
        return *std::move(feed);
    }
    ProgressSubscription subscribe(RunId run, const SubscribeOptions& options = {}) {
        auto made = hub->subscribe(run, options);
        BOOST_REQUIRE(made.ok());
        return *std::move(made);
    }
    void fail_item(const std::string& key) {
        progress.event(RunEventKind::item_failed, Code::io, key, "read error");
    }
};

// "s3" a snapshot with three operations done, "e:key" an event, "f5" the end after five; "-" none.
std::string text_of(const std::optional<ProgressMessage>& message) {
    if (!message) {
        return "-";
    }
    if (const auto* snapshot = std::get_if<ProgressSnapshot>(&message->what)) {
        return "s" + std::to_string(snapshot->ops_done);
    }
    if (const auto* end = std::get_if<RunFinished>(&message->what)) {
        return "f" + std::to_string(end->snapshot.ops_done);
    }
    return "e:" + std::get<std::shared_ptr<const RunEvent>>(message->what)->subject;
}

std::string all_of(ProgressSubscription& subscription) {
    std::string all;
    while (const std::optional<ProgressMessage> message = subscription.poll()) {
        all += (all.empty() ? "" : " ") + text_of(message);
    }
    return all;
}

} // namespace

BOOST_FIXTURE_TEST_SUITE(progress_hub, World)

BOOST_AUTO_TEST_CASE(a_subscriber_gets_a_snapshot_events_and_the_end) {
    const auto feed = open(1);
    progress.op_done();
    fail_item("before"); // nobody listens
    ProgressSubscription watcher = subscribe(1);
    BOOST_TEST(text_of(watcher.poll()) == "s1");
    BOOST_TEST(text_of(watcher.poll()) == "-");
    fail_item("a");
    const auto message = watcher.poll();
    BOOST_REQUIRE(text_of(message) == "e:a");
    const auto& event = *std::get<std::shared_ptr<const RunEvent>>(message->what);
    BOOST_TEST((event.kind == RunEventKind::item_failed));
    BOOST_TEST((event.code == Code::io));
    BOOST_TEST(event.text == "read error");
    BOOST_TEST(message->run == 1);
    progress.op_done();
    BOOST_TEST(feed->finish({}));
    BOOST_TEST(!feed->finish({})); // only once
    BOOST_TEST(!watcher.is_closed());
    BOOST_TEST(text_of(watcher.poll()) == "f2");
    BOOST_TEST(text_of(watcher.poll()) == "-");
    BOOST_TEST(watcher.is_closed());
}

BOOST_AUTO_TEST_CASE(a_change_of_phase_is_an_event) {
    const auto feed = open(1);
    ProgressSubscription watcher = subscribe(1);
    (void)watcher.poll();
    progress.enter(RunPhase::executing);
    const auto message = watcher.poll();
    BOOST_REQUIRE(text_of(message) == "e:");
    const auto& event = *std::get<std::shared_ptr<const RunEvent>>(message->what);
    BOOST_TEST((event.kind == RunEventKind::phase_changed));
    BOOST_TEST((event.phase == RunPhase::executing));
    BOOST_TEST(event.text == "syncing");
}

BOOST_AUTO_TEST_CASE(snapshots_are_the_latest_and_no_more_often_than_wished) {
    const auto feed = open(1);
    ProgressSubscription watcher = subscribe(1, {.snapshot_every_ns = 100'000'000});
    BOOST_TEST(all_of(watcher) == "s0");
    progress.op_done();
    progress.op_done();
    BOOST_TEST(all_of(watcher) == "");
    clock.advance_ms(100);
    progress.op_done();
    BOOST_TEST(all_of(watcher) == "s3");
    clock.advance_ms(100);
    BOOST_TEST(all_of(watcher) == ""); // nothing changed
}

BOOST_AUTO_TEST_CASE(a_slow_subscriber_loses_the_oldest_events_and_never_the_end) {
    const auto feed = open(1);
    ProgressSubscription slow = subscribe(1, {.events = 3});
    ProgressSubscription quick = subscribe(1, {.events = 100});
    for (const char* key : {"a", "b", "c", "d", "e"}) {
        fail_item(key);
    }
    BOOST_TEST(feed->finish({}));
    fail_item("too late");
    BOOST_TEST(all_of(slow) == "s0 e:c e:d e:e f0");
    BOOST_TEST(slow.dropped() == 2U);
    BOOST_TEST(slow.is_closed());
    BOOST_TEST(all_of(quick) == "s0 e:a e:b e:c e:d e:e f0");
    BOOST_TEST(quick.dropped() == 0U);
}

BOOST_AUTO_TEST_CASE(events_and_snapshots_take_turns) {
    const auto feed = open(1);
    ProgressSubscription watcher = subscribe(1, {.snapshot_every_ns = 0});
    std::string all;
    for (int i = 0; i < 3; ++i) {
        fail_item("a");
        fail_item("b");
    }
    for (int i = 0; i < 9; ++i) {
        progress.op_done();
        all += text_of(watcher.poll()) + " ";
    }
    BOOST_TEST(all == "s1 e:a s3 e:b s5 e:a s7 e:b s9 ");
}

BOOST_AUTO_TEST_CASE(after_the_end_there_are_a_snapshot_and_the_end) {
    {
        const auto feed = open(1);
        progress.op_done();
        BOOST_TEST(feed->finish(Status(Code::unavailable, "the other side is down")));
    }
    progress.op_done(); // of the next run, and no business of this one
    ProgressSubscription late = subscribe(1);
    BOOST_TEST(text_of(late.poll()) == "s1");
    const auto end = late.poll();
    BOOST_REQUIRE(text_of(end) == "f1");
    BOOST_TEST((std::get<RunFinished>(end->what).status.code() == Code::unavailable));
    BOOST_TEST((std::get<RunFinished>(end->what).snapshot.phase == RunPhase::finished));
    BOOST_TEST(late.is_closed());
}

BOOST_AUTO_TEST_CASE(only_so_many_ended_runs_are_remembered) {
    for (const RunId run : {1, 2, 3}) {
        BOOST_TEST(open(run)->finish({}));
    }
    BOOST_TEST((hub->subscribe(1, {}).code() == Code::not_found));
    BOOST_TEST(hub->subscribe(2, {}).ok());
    BOOST_TEST((hub->subscribe(9, {}).code() == Code::not_found));
    const auto feed = open(9);
    BOOST_TEST((hub->open(9, progress).code() == Code::already_exists));
}

BOOST_AUTO_TEST_CASE(a_run_that_is_given_up_ends_all_the_same) {
    auto feed = open(1);
    ProgressSubscription watcher = subscribe(1);
    feed.reset();
    BOOST_TEST(text_of(watcher.poll()) == "s0");
    const auto end = watcher.poll();
    BOOST_REQUIRE(text_of(end) == "f0");
    BOOST_TEST((std::get<RunFinished>(end->what).status.code() == Code::aborted));
}

BOOST_AUTO_TEST_CASE(a_hub_that_goes_ends_every_channel_once) {
    auto feed = open(1);
    ProgressSubscription watcher = subscribe(1);
    ProgressSubscription everything = hub->subscribe_all({});
    hub.reset();
    fail_item("late");
    BOOST_TEST(!feed->finish({}));
    feed.reset();
    BOOST_TEST(all_of(watcher) == "s0 f0");
    BOOST_TEST(all_of(everything) == "s0 f0");
    BOOST_TEST(everything.is_closed());
}

BOOST_AUTO_TEST_CASE(a_subscription_to_all_runs_sees_open_ones_and_those_to_come) {
    RunProgress second;
    const auto feed = open(1);
    ProgressSubscription all = hub->subscribe_all({});
    auto other = *hub->open(2, second);
    second.event(RunEventKind::quota_wait, Code::rate_limited, "s3", "2 s");
    BOOST_TEST(all_of(all) == "s0 s0 e:s3");
    BOOST_TEST(other->finish({}));
    auto end = all.poll();
    BOOST_REQUIRE(text_of(end) == "f0");
    BOOST_TEST(end->run == 2);
    BOOST_TEST(!all.is_closed());
    BOOST_TEST(feed->finish({}));
    BOOST_TEST(all_of(all) == "f0");
}

BOOST_AUTO_TEST_CASE(a_subscription_that_goes_leaves_nothing) {
    const auto feed = open(1);
    {
        ProgressSubscription one = subscribe(1);
        ProgressSubscription moved = std::move(one);
        BOOST_TEST(text_of(moved.poll()) == "s0");
    }
    fail_item("a");
    BOOST_TEST(feed->finish({}));
}

BOOST_AUTO_TEST_CASE(waiting_ends_with_an_event_a_stop_a_deadline_or_the_close) {
    const auto real = make_progress_hub({}, system_clock());
    RunProgress counters;
    const auto feed = *real->open(1, counters);
    ProgressSubscription watcher = *real->subscribe(1, {});
    BOOST_TEST(text_of(watcher.next({})) == "s0");
    std::jthread sender([&] { counters.event(RunEventKind::item_failed, Code::io, "a", ""); });
    BOOST_TEST(text_of(watcher.next({})) == "e:a");
    sender.join();
    BOOST_TEST(text_of(watcher.next({}, system_clock().mono_ns() + 1'000'000)) == "-");
    BOOST_TEST(!watcher.is_closed());
    std::stop_source stop;
    std::jthread stopper([&] { stop.request_stop(); });
    BOOST_TEST(text_of(watcher.next(stop.get_token())) == "-");
    stopper.join();
    counters.op_done(); // seen without anybody saying so
    BOOST_TEST(text_of(watcher.next({})) == "s1");
    std::jthread closer([&] { watcher.close(); });
    BOOST_TEST(text_of(watcher.next({})) == "-");
    closer.join();
    BOOST_TEST(watcher.is_closed());
}

BOOST_AUTO_TEST_CASE(everybody_sees_the_end_exactly_once) {
    for (int round = 0; round < 50; ++round) {
        const auto real = make_progress_hub({}, system_clock());
        RunProgress counters;
        auto feed = *real->open(1, counters);
        std::atomic<int> ends = 0;
        std::atomic<int> out_of_order = 0;
        std::atomic<int> watchers = 0;
        {
            std::vector<std::jthread> threads;
            for (int w = 0; w < 4; ++w) {
                threads.emplace_back([&, w] {
                    ProgressSubscription watcher =
                        w == 0 ? real->subscribe_all({}) : *real->subscribe(1, {.events = 4});
                    ++watchers;
                    bool first = true;
                    while (const auto message = watcher.next({})) {
                        const bool snapshot =
                            std::holds_alternative<ProgressSnapshot>(message->what);
                        out_of_order += first && !snapshot ? 1 : 0;
                        first = false;
                        if (std::holds_alternative<RunFinished>(message->what)) {
                            ++ends;
                            if (w == 0) {
                                break; // its channel stays open for other runs
                            }
                        }
                    }
                });
            }
            for (int s = 0; s < 2; ++s) {
                threads.emplace_back([&] {
                    for (int i = 0; i < 200; ++i) {
                        counters.op_done();
                        counters.event(RunEventKind::item_failed, Code::io, "a", "b");
                    }
                });
            }
            while (watchers < 1) {
                std::this_thread::yield(); // an end before subscribe_all is none of its business
            }
            threads.emplace_back([&] {
                while (watchers < 4 && round % 2 == 0) {
                    std::this_thread::yield();
                }
            });
            while (watchers < 4) {
                std::this_thread::yield();
            }
            (void)feed->finish({});
        }
        BOOST_TEST(ends == 4);
        BOOST_TEST(out_of_order == 0);
    }
}

BOOST_AUTO_TEST_SUITE_END()
