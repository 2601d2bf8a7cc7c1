#include "syncline/pool/task_group.hpp"

#include "fakes/fake_clock.hpp"
#include "syncline/pool/worker_pool.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <set>
#include <stdexcept>
#include <thread>

using namespace syncline;

namespace {

// A pool whose only worker is stuck until the test frees it. By its clock every task is short.
class StuckPool {
public:
    explicit StuckPool(std::size_t capacity = 256)
        : pool(make_worker_pool({.workers = 1, .capacity = capacity}, clock)) {
        BOOST_REQUIRE(pool->start().ok());
        BOOST_REQUIRE(pool->submit([this] {
                              stuck_.count_down();
                              free_.wait();
                          })
                          .ok());
        stuck_.wait();
    }
    ~StuckPool() { free(); }
    void free() {
        if (!free_.try_wait()) {
            free_.count_down();
        }
    }
    // Until nothing of the group is being run.
    void settle(std::size_t queued) const {
        for (PoolStats s = pool->stats(); s.active != 1 || s.queued != queued; s = pool->stats()) {
            std::this_thread::yield();
        }
    }

private:
    fakes::FakeClock clock;
    std::latch stuck_{1};
    std::latch free_{1};

public:
    const std::unique_ptr<WorkerPool> pool;
};

void submit(TaskGroup& group, std::function<void()> work) {
    BOOST_REQUIRE(group.submit(std::move(work), {}).ok());
}

} // namespace

BOOST_AUTO_TEST_SUITE(task_group)

BOOST_AUTO_TEST_CASE(who_waits_runs_the_tasks_that_no_worker_gets_to_in_order) {
    StuckPool stuck;
    TaskGroup group(*stuck.pool, nullptr);
    std::vector<int> order;
    std::set<std::thread::id> where;
    for (int i = 0; i < 200; ++i) {
        submit(group, [&, i] {
            order.push_back(i);
            where.insert(std::this_thread::get_id());
        });
    }
    BOOST_TEST(group.under_way() == 200U);
    BOOST_TEST(group.wait().ok());
    BOOST_TEST(group.under_way() == 0U);
    BOOST_REQUIRE(order.size() == 200U);
    BOOST_TEST(std::is_sorted(order.begin(), order.end()));
    BOOST_TEST((where == std::set{std::this_thread::get_id()}));
    const PoolStats stats = stuck.pool->stats();
    BOOST_TEST(stats.done == 200U);
    BOOST_TEST(stats.active == 1U);
    BOOST_TEST(stats.queued == 0U);
    BOOST_TEST(group.wait().ok()); // nothing to wait for
}

BOOST_AUTO_TEST_CASE(who_waits_leaves_the_tasks_of_others_alone) {
    StuckPool stuck;
    std::atomic<int> others = 0;
    BOOST_REQUIRE(stuck.pool->submit([&] { ++others; }).ok());
    TaskGroup other(*stuck.pool, nullptr);
    submit(other, [&] { ++others; });
    TaskGroup group(*stuck.pool, nullptr);
    int own = 0;
    submit(group, [&] { ++own; });
    BOOST_TEST(group.wait().ok());
    BOOST_TEST(own == 1);
    BOOST_TEST(others == 0);
    BOOST_TEST(stuck.pool->stats().queued == 2U);
    BOOST_TEST(other.wait().ok());
    BOOST_TEST(others == 1);
    stuck.free();
    stuck.pool->drain();
    BOOST_TEST(others == 2);
}

BOOST_AUTO_TEST_CASE(the_first_failure_is_told_once) {
    StuckPool stuck;
    TaskGroup group(*stuck.pool, nullptr);
    int ran = 0;
    submit(group, [&] { ++ran; });
    submit(group, [] { throw std::runtime_error("on purpose"); });
    BOOST_REQUIRE(group.submit([] { return Status(Code::io, "no disk"); }, {}).ok());
    submit(group, [&] { ++ran; });
    const Status status = group.wait();
    BOOST_TEST((status.code() == Code::internal));
    BOOST_TEST(status.message() == "a task ended with an exception: on purpose");
    BOOST_TEST(ran == 2);
    BOOST_TEST(stuck.pool->stats().failed == 2U);
    BOOST_TEST(stuck.pool->stats().done == 4U);
    submit(group, [&] { ++ran; });
    BOOST_TEST(group.wait().ok());
}

BOOST_AUTO_TEST_CASE(a_cancelled_submit_is_not_waited_for) {
    StuckPool stuck(3);
    TaskGroup group(*stuck.pool, nullptr);
    std::stop_source stop;
    submit(group, [] {});
    submit(group, [] {});
    Status waited;
    std::jthread producer([&] { waited = group.submit([] {}, stop.get_token()); }); // no room
    stop.request_stop();
    producer.join();
    BOOST_TEST((waited.code() == Code::cancelled));
    BOOST_TEST((group.submit([] {}, stop.get_token()).code() == Code::cancelled));
    BOOST_TEST(group.under_way() == 2U);
    BOOST_TEST(group.wait().ok());
    const auto elsewhere = make_worker_pool({}, system_clock());
    const auto lane = *elsewhere->open_lane("elsewhere", 1);
    TaskGroup lost(*stuck.pool, lane.get());
    BOOST_TEST((lost.submit([] {}, {}).code() == Code::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_stop_ends_the_wait) {
    StuckPool stuck;
    stuck.pool->pause();
    TaskGroup group(*stuck.pool, nullptr);
    std::atomic<int> ran = 0;
    for (int i = 0; i < 3; ++i) {
        submit(group, [&] { ++ran; });
    }
    Status status;
    std::jthread owner([&] { status = group.wait(); });
    const PoolRest rest = stuck.pool->shut_down(0);
    BOOST_TEST(rest.queued == 3U);
    BOOST_TEST(rest.active == 1U);
    owner.join();
    BOOST_TEST((status.code() == Code::cancelled));
    BOOST_TEST(ran == 0);
    BOOST_TEST(stuck.pool->stats().dropped == 3U);
    BOOST_TEST((group.submit([] {}, {}).code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(a_stop_waits_for_what_the_owner_runs_and_drops_the_rest) {
    StuckPool stuck;
    TaskGroup group(*stuck.pool, nullptr);
    std::latch inside(1);
    std::latch go_on(1);
    std::atomic<int> ran = 0;
    for (int i = 0; i < 200; ++i) {
        submit(group, [&] {
            if (++ran == 50) {
                inside.count_down();
                go_on.wait();
            }
        });
    }
    Status status;
    std::jthread owner([&] { status = group.wait(); });
    inside.wait();
    PoolRest rest = stuck.pool->shut_down(0);
    BOOST_TEST(rest.queued == 150U);
    BOOST_TEST(rest.active == 2U);
    stuck.free();
    while (stuck.pool->stats().workers > 0) {
        std::this_thread::yield();
    }
    BOOST_TEST((stuck.pool->stop(0).code() == Code::timeout)); // the owner still runs a task
    go_on.count_down();
    BOOST_TEST(stuck.pool->stop(kNoDeadline).ok());
    owner.join();
    BOOST_TEST((status.code() == Code::cancelled));
    BOOST_TEST(ran == 50);
    BOOST_TEST(stuck.pool->stats().done == 51U);
}

BOOST_AUTO_TEST_CASE(a_pause_holds_the_owner_too_in_the_middle_of_a_batch) {
    StuckPool stuck;
    TaskGroup group(*stuck.pool, nullptr);
    std::atomic<int> ran = 0;
    for (int i = 0; i < 200; ++i) {
        submit(group, [&] {
            if (++ran == 50) {
                stuck.pool->pause();
            }
        });
    }
    Status status(Code::internal, "not told");
    std::jthread owner([&] { status = group.wait(); });
    stuck.settle(150);
    BOOST_TEST(ran == 50);
    BOOST_TEST(group.under_way() == 150U);
    stuck.pool->resume();
    owner.join();
    BOOST_TEST(status.ok());
    BOOST_TEST(ran == 200);
}

BOOST_AUTO_TEST_CASE(the_owner_needs_a_slot_as_workers_do) {
    StuckPool stuck;
    const auto lane = *stuck.pool->open_lane("endpoint", 1);
    TaskGroup one(*stuck.pool, lane.get());
    TaskGroup two(*stuck.pool, lane.get());
    std::latch inside(1);
    std::latch go_on(1);
    std::atomic<int> ran = 0;
    submit(one, [&] {
        inside.count_down();
        go_on.wait();
    });
    submit(two, [&] { ++ran; });
    submit(two, [&] { ++ran; });
    std::jthread first([&] { (void)one.wait(); });
    inside.wait();
    std::jthread second([&] { (void)two.wait(); });
    const LaneStats stats = stuck.pool->lane_stats(*lane);
    BOOST_TEST(stats.active == 1U);
    BOOST_TEST(stats.queued == 2U);
    go_on.count_down();
    second.join();
    BOOST_TEST(ran == 2);
}

BOOST_AUTO_TEST_CASE(a_wider_lane_calls_the_owner) {
    StuckPool stuck;
    const auto lane = *stuck.pool->open_lane("endpoint", 1);
    std::latch inside(1);
    std::latch go_on(1);
    TaskGroup one(*stuck.pool, lane.get());
    TaskGroup two(*stuck.pool, lane.get());
    submit(one, [&] {
        inside.count_down();
        go_on.wait();
    });
    submit(two, [] {});
    std::jthread first([&] { (void)one.wait(); });
    inside.wait();
    std::jthread second([&] { (void)two.wait(); });
    BOOST_TEST(stuck.pool->set_lane_limit(*lane, 2).ok());
    second.join();
    go_on.count_down();
}

// Whoever gets the first task, the other one has to take the rest of its batch over.
BOOST_AUTO_TEST_CASE(nothing_is_stuck_behind_another_task_of_its_batch) {
    for (int round = 0; round < 50; ++round) {
        fakes::FakeClock clock;
        const auto pool = make_worker_pool({.workers = 1, .capacity = 256}, clock);
        BOOST_REQUIRE(pool->start().ok());
        TaskGroup group(*pool, nullptr);
        submit(group, [] {}); // it is short: what comes is taken in batches
        BOOST_TEST(group.wait().ok());
        std::latch others(199);
        pool->pause();
        submit(group, [&] { others.wait(); });
        for (int i = 0; i < 199; ++i) {
            submit(group, [&] { others.count_down(); });
        }
        pool->resume();
        BOOST_TEST(group.wait().ok());
        BOOST_TEST(pool->stats().done == 201U);
    }
}

BOOST_AUTO_TEST_CASE(a_batch_hides_nothing_from_bound_drain_and_statistics) {
    StuckPool stuck(65);
    TaskGroup group(*stuck.pool, nullptr);
    submit(group, [] {});
    BOOST_TEST(group.wait().ok());
    std::latch inside(1);
    std::latch go_on(1);
    std::atomic<int> ran = 0;
    for (int i = 0; i < 64; ++i) {
        submit(group, [&] {
            if (++ran == 11) {
                inside.count_down();
                go_on.wait();
            }
        });
    }
    std::jthread owner([&] { (void)group.wait(); });
    inside.wait();
    PoolStats stats = stuck.pool->stats();
    BOOST_TEST(stats.done == 11U);
    BOOST_TEST(stats.active == 2U);
    BOOST_TEST(stats.queued == 53U);
    BOOST_TEST(group.under_way() == 54U);
    SubmitOptions reject;
    reject.overflow = Overflow::reject;
    for (int i = 0; i < 10; ++i) {
        BOOST_TEST(stuck.pool->submit([] {}, reject).ok());
    }
    BOOST_TEST((stuck.pool->submit([] {}, reject).code() == Code::unavailable));
    const PoolRest rest = stuck.pool->drain(0);
    BOOST_TEST(rest.active == 2U);
    BOOST_TEST(rest.queued == 63U);
    stats = stuck.pool->stats();
    BOOST_TEST(stats.done == 11U);
    BOOST_TEST(stats.queued == 63U);
    go_on.count_down();
    owner.join();
    BOOST_TEST(ran == 64);
}

BOOST_AUTO_TEST_CASE(a_task_of_high_priority_does_not_wait_for_a_batch) {
    fakes::FakeClock clock;
    const auto pool = make_worker_pool({.workers = 1, .capacity = 256}, clock);
    BOOST_REQUIRE(pool->start().ok());
    TaskGroup group(*pool, nullptr);
    submit(group, [] {});
    BOOST_TEST(group.wait().ok());
    int ran = 0;
    int ran_before_high = 0;
    pool->pause();
    for (int i = 0; i < 100; ++i) {
        submit(group, [&] {
            if (++ran == 10) {
                SubmitOptions high;
                high.priority = Priority::high;
                high.overflow = Overflow::reject;
                BOOST_TEST(pool->submit([&] { ran_before_high = ran; }, high).ok());
            }
        });
    }
    pool->resume();
    pool->drain();
    BOOST_TEST(ran_before_high == 10);
    BOOST_TEST(ran == 100);
}

BOOST_AUTO_TEST_CASE(a_worker_may_wait_for_a_group_since_it_helps) {
    fakes::FakeClock clock;
    const auto pool = make_worker_pool({.workers = 1, .capacity = 4}, clock);
    BOOST_REQUIRE(pool->start().ok());
    const auto lane = *pool->open_lane("endpoint", 1);
    int ran = 0;
    Status waited(Code::internal, "not told");
    Status full;
    Status in_lane;
    BOOST_REQUIRE(pool->submit([&] {
                          TaskGroup group(*pool, nullptr);
                          for (int i = 0; i < 3; ++i) {
                              submit(group, [&] { ++ran; });
                          }
                          full = group.submit([] {}, {});
                          waited = group.wait();
                          TaskGroup limited(*pool, lane.get());
                          in_lane = limited.submit([] {}, {});
                      })
                      .ok());
    pool->drain();
    BOOST_TEST(ran == 3);
    BOOST_TEST(waited.ok());
    BOOST_TEST((full.code() == Code::unavailable));
    BOOST_TEST((in_lane.code() == Code::invalid_state));
    BOOST_TEST(pool->stats().done == 4U);
}

BOOST_AUTO_TEST_CASE(who_helps_counts_as_a_worker_meanwhile) {
    StuckPool stuck;
    TaskGroup group(*stuck.pool, nullptr);
    Status blocking;
    PoolRest drained;
    submit(group, [&] {
        blocking = stuck.pool->submit([&blocking] { blocking = {}; });
        drained = stuck.pool->drain();
    });
    BOOST_TEST(group.wait().ok());
    BOOST_TEST((blocking.code() == Code::invalid_state));
    BOOST_TEST(drained.active == 2U);
    BOOST_TEST(stuck.pool->submit([] {}).ok()); // not any more
}

BOOST_AUTO_TEST_CASE(a_worker_that_helps_in_another_pool_still_cannot_wait_for_its_own) {
    fakes::FakeClock clock;
    const auto own = make_worker_pool({.workers = 1, .capacity = 4}, clock);
    BOOST_REQUIRE(own->start().ok());
    StuckPool other;
    Status blocking;
    BOOST_REQUIRE(own->submit([&] {
                         TaskGroup group(*other.pool, nullptr);
                         submit(group, [&] { blocking = own->submit([] {}); });
                         (void)group.wait();
                     })
                      .ok());
    own->drain();
    BOOST_TEST((blocking.code() == Code::invalid_state));
}

BOOST_AUTO_TEST_SUITE_END()
