#include "syncline/pool/worker_pool.hpp"

#include "fakes/fake_clock.hpp"
#include "pool/bounded_pool.hpp"
#include "syncline/pool/task_result.hpp"

#include <array>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <condition_variable>
#include <latch>
#include <mutex>
#include <stdexcept>
#include <system_error>
#include <thread>

using namespace syncline;

namespace {

std::unique_ptr<WorkerPool> started(const PoolOptions& options) {
    auto pool = make_worker_pool(options, system_clock());
    BOOST_REQUIRE(pool->start().ok());
    return pool;
}

// Tasks that hold workers until the test lets them go.
class Blockers {
public:
    explicit Blockers(int count) : running_(count) {}
    auto task() {
        return [this] {
            running_.count_down();
            release_.wait();
        };
    }
    void wait_until_all_run() { running_.wait(); }
    void release() { release_.count_down(); }

private:
    std::latch running_;
    std::latch release_{1};
};

// The order in which tasks ran.
class Order {
public:
    auto task(std::string name) {
        return [this, name = std::move(name)] {
            const std::lock_guard lock(mutex_);
            names_ += name;
        };
    }
    std::string names() {
        const std::lock_guard lock(mutex_);
        return names_;
    }

private:
    std::mutex mutex_;
    std::string names_;
};

SubmitOptions with(Priority priority) {
    SubmitOptions options;
    options.priority = priority;
    return options;
}

} // namespace

BOOST_AUTO_TEST_SUITE(worker_pool)

BOOST_AUTO_TEST_CASE(every_task_runs_once) {
    const auto pool = started({.workers = 4, .capacity = 7});
    std::atomic<int> sum = 0;
    for (int i = 1; i <= 1'000; ++i) {
        BOOST_REQUIRE(pool->submit([&sum, i] { sum += i; }, {}).ok());
    }
    const PoolRest rest = pool->drain();
    BOOST_TEST(rest.queued + rest.active == 0U);
    BOOST_TEST(sum == 500'500);
    const PoolStats stats = pool->stats();
    BOOST_TEST(stats.done == 1'000U);
    BOOST_TEST(stats.queued + stats.active == 0U);
    BOOST_TEST(stats.workers == 4U);
    BOOST_TEST(stats.run_ns >= stats.max_run_ns);
    BOOST_TEST(stats.wait_ns >= stats.max_wait_ns);
}

BOOST_AUTO_TEST_CASE(what_runs_counts_to_the_bound) {
    const auto pool = started({.workers = 1, .capacity = 2});
    Blockers blockers(1);
    BOOST_REQUIRE(pool->submit(blockers.task()).ok());
    blockers.wait_until_all_run();
    BOOST_REQUIRE(pool->submit([] {}).ok());
    SubmitOptions reject;
    reject.overflow = Overflow::reject;
    BOOST_TEST((pool->submit([] {}, reject).code() == Code::unavailable));
    std::atomic<bool> accepted = false;
    std::thread producer([&] { accepted = pool->submit([] {}).ok(); });
    BOOST_TEST(pool->stats().queued == 1U);
    BOOST_TEST(pool->stats().active == 1U);
    BOOST_TEST(!accepted);
    blockers.release();
    producer.join();
    pool->drain();
    BOOST_TEST(accepted);
    BOOST_TEST(pool->stats().done == 3U);
    BOOST_TEST(pool->stats().rejected == 1U);
}

BOOST_AUTO_TEST_CASE(a_blocked_producer_can_be_cancelled_or_be_late) {
    const auto pool = started({.workers = 1, .capacity = 1});
    Blockers blockers(1);
    BOOST_REQUIRE(pool->submit(blockers.task()).ok());
    std::stop_source stop;
    Status cancelled;
    std::thread producer([&] { cancelled = pool->submit([] {}, {.stop = stop.get_token()}); });
    stop.request_stop();
    producer.join();
    BOOST_TEST((cancelled.code() == Code::cancelled));
    const std::int64_t soon = system_clock().mono_ns() + 1'000'000;
    BOOST_TEST((pool->submit([] {}, {.deadline_mono_ns = soon}).code() == Code::timeout));
    BOOST_TEST((pool->submit([] {}, {.deadline_mono_ns = 0}).code() == Code::timeout));
    blockers.release();
    pool->drain();
    // There is room: a deadline in the past is no obstacle, a cancelled caller is.
    BOOST_TEST(pool->submit([] {}, {.deadline_mono_ns = 0}).ok());
    BOOST_TEST((pool->submit([] {}, {.stop = stop.get_token()}).code() == Code::cancelled));
    BOOST_TEST(pool->stats().rejected == 4U);
}

BOOST_AUTO_TEST_CASE(closing_wakes_blocked_producers_and_what_was_accepted_is_done) {
    const auto pool = started({.workers = 1, .capacity = 2});
    Blockers blockers(1);
    std::atomic<int> done = 0;
    BOOST_REQUIRE(pool->submit(blockers.task()).ok());
    BOOST_REQUIRE(pool->submit([&] { ++done; }).ok());
    std::array<Status, 3> refused;
    std::vector<std::thread> producers;
    for (Status& status : refused) {
        producers.emplace_back([&] { status = pool->submit([] {}); });
    }
    pool->close();
    for (std::thread& producer : producers) {
        producer.join();
    }
    for (const Status& status : refused) {
        BOOST_TEST((status.code() == Code::invalid_state));
    }
    const PoolRest left = pool->drain(0);
    BOOST_TEST(left.queued + left.active == 2U);
    blockers.release();
    const PoolRest rest = pool->drain();
    BOOST_TEST(rest.queued + rest.active == 0U);
    BOOST_TEST(done == 1);
    BOOST_TEST(pool->stop(kNoDeadline).ok());
}

BOOST_AUTO_TEST_CASE(stopping_drops_what_waits_tells_so_and_waits_for_what_runs) {
    const auto pool = started({.workers = 1, .capacity = 8});
    Blockers blockers(1);
    std::atomic<int> ran = 0;
    std::atomic<int> cancelled = 0;
    BOOST_REQUIRE(pool->submit(blockers.task()).ok());
    blockers.wait_until_all_run();
    for (const Priority priority : {Priority::low, Priority::normal, Priority::high}) {
        Task task([&] { ++ran; },
                  [&](const Status& status) { cancelled += status.code() == Code::cancelled; });
        BOOST_REQUIRE(pool->submit(std::move(task), with(priority)).ok());
    }
    const PoolRest rest = pool->shut_down(0); // a deadline in the past: says what is left
    BOOST_TEST(rest.queued == 3U);
    BOOST_TEST(rest.active == 1U);
    BOOST_TEST(cancelled == 3);
    BOOST_TEST((pool->state() == ComponentState::stopping));
    const Status late = pool->stop(0);
    BOOST_TEST((late.code() == Code::timeout));
    BOOST_TEST((pool->submit([] {}).code() == Code::invalid_state));
    blockers.release();
    BOOST_TEST(pool->stop(kNoDeadline).ok());
    BOOST_TEST(pool->stop(kNoDeadline).ok()); // idempotent
    BOOST_TEST(ran == 0);
    BOOST_TEST((pool->state() == ComponentState::stopped));
    BOOST_TEST(pool->stats().dropped == 3U);
    BOOST_TEST(pool->stats().done == 1U);
    // And it starts again.
    BOOST_REQUIRE(pool->start().ok());
    BOOST_TEST(pool->submit([&] { ++ran; }).ok());
    pool->drain();
    BOOST_TEST(ran == 1);
}

BOOST_AUTO_TEST_CASE(a_drain_waits_only_for_what_came_before_it) {
    const auto pool = started({.workers = 2, .capacity = 8});
    Blockers first(1);
    Blockers second(1);
    BOOST_REQUIRE(pool->submit(first.task()).ok());
    first.wait_until_all_run();
    std::latch draining(1);
    std::thread drainer([&] {
        draining.count_down();
        pool->drain();
    });
    draining.wait();
    first.release();
    drainer.join();
    BOOST_REQUIRE(pool->submit(second.task()).ok());
    second.wait_until_all_run();
    BOOST_TEST(pool->drain(0).active == 1U); // accepted before this one
    second.release();
    pool->drain();
}

BOOST_AUTO_TEST_CASE(priorities_in_order_and_first_come_first_served_within_one) {
    const auto pool = started({.workers = 1, .capacity = 64});
    pool->pause();
    Order order;
    for (const char* name : {"a", "b", "c"}) {
        (void)pool->submit(order.task(name), with(Priority::low));
    }
    for (const char* name : {"d", "e", "f"}) {
        (void)pool->submit(order.task(name));
    }
    for (const char* name : {"g", "h", "i"}) {
        (void)pool->submit(order.task(name), with(Priority::high));
    }
    BOOST_TEST(pool->stats().queued == 9U);
    BOOST_TEST(pool->drain(0).queued == 9U); // a paused pool gets nothing done
    pool->resume();
    pool->drain();
    BOOST_TEST(order.names() == "ghidefabc");
}

BOOST_AUTO_TEST_CASE(nobody_is_passed_over_for_ever) {
    const auto pool = started({.workers = 1, .capacity = 64, .pass_over_limit = 3});
    pool->pause();
    Order order;
    (void)pool->submit(order.task("l"), with(Priority::low));
    for (int i = 0; i < 8; ++i) {
        (void)pool->submit(order.task("h"), with(Priority::high));
    }
    pool->resume();
    pool->drain();
    BOOST_TEST(order.names() == "hhhlhhhhh");
}

BOOST_AUTO_TEST_CASE(a_task_of_high_priority_that_comes_later_goes_first) {
    const auto pool = started({.workers = 1, .capacity = 64});
    Order order;
    Blockers blockers(1);
    (void)pool->submit(blockers.task());
    blockers.wait_until_all_run();
    // Once the first of these runs, the others are in the queue, and no longer in the inbox.
    std::latch third_submitted(1);
    Blockers inner(1);
    (void)pool->submit(inner.task());
    (void)pool->submit(order.task("n"));
    blockers.release();
    inner.wait_until_all_run();
    (void)pool->submit(order.task("h"), with(Priority::high));
    inner.release();
    pool->drain();
    BOOST_TEST(order.names() == "hn");
}

BOOST_AUTO_TEST_CASE(a_stuck_lane_leaves_the_other_workers_alone) {
    const auto pool = started({.workers = 3, .capacity = 64});
    const auto lane = *pool->open_lane("endpoint", 2);
    BOOST_TEST(lane->name() == "endpoint");
    Blockers stuck(2);
    for (int i = 0; i < 2; ++i) {
        BOOST_REQUIRE(pool->submit(stuck.task(), {.lane = lane.get()}).ok());
    }
    stuck.wait_until_all_run();
    std::atomic<int> waiting_ran = 0;
    for (int i = 0; i < 4; ++i) {
        BOOST_REQUIRE(pool->submit([&] { ++waiting_ran; }, {.lane = lane.get()}).ok());
    }
    // Behind them, and not held up by them.
    std::future<Status> other = submit_for_result(*pool, [] {});
    BOOST_TEST(other.get().ok());
    BOOST_TEST(waiting_ran == 0);
    LaneStats stats = pool->lane_stats(*lane);
    BOOST_TEST(stats.limit == 2U);
    BOOST_TEST(stats.active == 2U);
    BOOST_TEST(stats.queued == 4U);
    // A wider lane lets the waiting ones go.
    BOOST_TEST(pool->set_lane_limit(*lane, 3).ok());
    while (waiting_ran < 4) {
        std::this_thread::yield();
    }
    stuck.release();
    pool->drain();
    stats = pool->lane_stats(*lane);
    BOOST_TEST(stats.active + stats.queued == 0U);
    const auto elsewhere = started({.workers = 1});
    BOOST_TEST((elsewhere->submit([] {}, {.lane = lane.get()}).code() == Code::invalid_argument));
    BOOST_TEST((pool->open_lane("none", 0).code() == Code::invalid_argument));
}

BOOST_AUTO_TEST_CASE(a_lane_never_runs_more_than_it_may) {
    const auto pool = started({.workers = 4, .capacity = 32});
    const auto lane = *pool->open_lane("endpoint", 2);
    std::atomic<int> inside = 0;
    std::atomic<int> most = 0;
    std::atomic<int> done = 0;
    for (int i = 0; i < 2'000; ++i) {
        const auto task = [&] {
            const int now = ++inside;
            int seen = most;
            while (seen < now && !most.compare_exchange_weak(seen, now)) {
            }
            --inside;
            ++done;
        };
        (void)pool->submit(task, {.lane = lane.get()});
        if (i % 3 == 0) {
            (void)pool->submit([&] { ++done; });
        }
    }
    pool->drain();
    BOOST_TEST(most <= 2);
    BOOST_TEST(done == 2'000 + 667);
}

BOOST_AUTO_TEST_CASE(the_caller_runs_it_when_there_is_no_room) {
    const auto pool = started({.workers = 1, .capacity = 1});
    Blockers blockers(1);
    (void)pool->submit(blockers.task());
    SubmitOptions options;
    options.overflow = Overflow::caller_runs;
    std::thread::id where;
    Status told(Code::internal, "not told");
    BOOST_TEST(pool->submit(Task([&] { where = std::this_thread::get_id(); },
                                 [&](const Status& status) { told = status; }),
                            options)
                   .ok());
    BOOST_TEST((where == std::this_thread::get_id()));
    BOOST_TEST(told.ok());
    BOOST_TEST(pool->stats().caller_runs == 1U);
    blockers.release();
    pool->close();
    BOOST_TEST((pool->submit([] {}, options).code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(a_worker_may_not_wait_for_its_own_pool) {
    const auto pool = started({.workers = 1, .capacity = 2});
    Status blocking;
    Status rejecting;
    PoolRest drained;
    PoolRest stopped;
    std::atomic<bool> ran = false;
    std::latch done(1);
    BOOST_REQUIRE(pool->submit([&] {
                          blocking = pool->submit([] {});
                          SubmitOptions options;
                          options.overflow = Overflow::reject;
                          rejecting = pool->submit([&] { ran = true; }, options);
                          drained = pool->drain();
                      })
                      .ok());
    pool->drain();
    pool->drain(); // what the task submitted came later than the first one
    BOOST_TEST((blocking.code() == Code::invalid_state));
    BOOST_TEST(rejecting.ok());
    BOOST_TEST(ran);
    BOOST_TEST(drained.active + drained.queued == 2U);
    BOOST_REQUIRE(pool->submit([&] {
                          stopped = pool->shut_down(kNoDeadline);
                          done.count_down();
                      })
                      .ok());
    done.wait();
    BOOST_TEST(stopped.active == 1U); // itself
    BOOST_TEST(pool->stop(kNoDeadline).ok());
}

BOOST_AUTO_TEST_CASE(a_task_that_throws_takes_nobody_down) {
    const auto pool = started({.workers = 1});
    std::vector<Status> told;
    const auto note = [&](const Status& status) { told.push_back(status); };
    (void)pool->submit([] { throw std::runtime_error("on purpose"); });
    (void)pool->submit(Task([] { throw std::runtime_error("on purpose"); }, note));
    (void)pool->submit(Task([] { throw 7; }, note));
    (void)pool->submit(Task([] { return Status(Code::io, "no disk"); }, note));
    (void)pool->submit(
        Task([] {}, [](const Status&) { throw std::runtime_error("a completion"); }));
    (void)pool->submit(Task([] {}, note));
    pool->drain();
    BOOST_REQUIRE(told.size() == 4U);
    BOOST_TEST((told[0].code() == Code::internal));
    BOOST_TEST(told[0].message() == "a task ended with an exception: on purpose");
    BOOST_TEST((told[1].code() == Code::internal));
    BOOST_TEST((told[2].code() == Code::io));
    BOOST_TEST(told[3].ok());
    BOOST_TEST(pool->stats().failed == 4U);
    BOOST_TEST(pool->stats().done == 6U);
}

BOOST_AUTO_TEST_CASE(results_come_as_futures) {
    const auto pool = started({.workers = 2});
    BOOST_TEST(*submit_for_result(*pool, [] { return 42; }).get() == 42);
    BOOST_TEST(submit_for_result(*pool, [] {}).get().ok());
    std::future<Result<int>> failed =
        submit_for_result(*pool, []() -> Result<int> { return Status(Code::io, "no disk"); });
    BOOST_TEST((failed.get().code() == Code::io));
    std::future<Result<int>> threw =
        submit_for_result(*pool, []() -> int { throw std::runtime_error("on purpose"); });
    BOOST_TEST((threw.get().code() == Code::internal));
    auto only_moves = std::make_unique<int>(7);
    auto moved = submit_for_result(*pool, [p = std::move(only_moves)] { return *p; });
    BOOST_TEST(*moved.get() == 7);
    pool->pause();
    std::future<Result<int>> dropped = submit_for_result(*pool, [] { return 1; });
    BOOST_TEST(pool->stop(kNoDeadline).ok());
    BOOST_TEST((dropped.get().code() == Code::cancelled));
    std::future<Result<int>> refused = submit_for_result(*pool, [] { return 1; });
    BOOST_TEST((refused.get().code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(the_number_of_workers_changes_while_it_runs) {
    const auto pool = started({.workers = 10, .capacity = 128});
    std::atomic<int> done = 0;
    const auto flood = [&](int count) {
        for (int i = 0; i < count; ++i) {
            (void)pool->submit([&] { ++done; });
        }
    };
    for (const std::size_t workers : {5U, 15U, 1U, 8U, 2U}) {
        flood(200);
        BOOST_TEST(pool->set_workers(workers).ok());
    }
    flood(200);
    pool->drain();
    BOOST_TEST(done == 1'200);
    while (pool->stats().workers != 2U) {
        std::this_thread::yield(); // they leave between tasks
    }
    // Grown: as many tasks as workers run at once.
    BOOST_TEST(pool->set_workers(6).ok());
    Blockers blockers(6);
    for (int i = 0; i < 6; ++i) {
        (void)pool->submit(blockers.task());
    }
    blockers.wait_until_all_run();
    blockers.release();
    BOOST_TEST((pool->set_workers(0).code() == Code::invalid_argument));
}

BOOST_AUTO_TEST_CASE(growing_that_fails_leaves_the_pool_as_it_was) {
    std::atomic<int> allowed = 3;
    BoundedPool pool({.workers = 2}, system_clock(), [&](std::function<void()> body) {
        if (allowed-- <= 0) {
            throw std::system_error(
                std::make_error_code(std::errc::resource_unavailable_try_again));
        }
        return std::thread(std::move(body));
    });
    BOOST_REQUIRE(pool.start().ok());
    BOOST_TEST((pool.set_workers(5).code() == Code::unavailable)); // one starts, two do not
    while (pool.stats().workers != 2U) {
        std::this_thread::yield();
    }
    std::atomic<int> done = 0;
    for (int i = 0; i < 100; ++i) {
        (void)pool.submit([&] { ++done; });
    }
    pool.drain(kNoDeadline);
    BOOST_TEST(done == 100);
    // As little as a start that fails half way leaves workers behind.
    allowed = 1;
    BoundedPool other({.workers = 2}, system_clock(), [&](std::function<void()> body) {
        if (allowed-- <= 0) {
            throw std::system_error(
                std::make_error_code(std::errc::resource_unavailable_try_again));
        }
        return std::thread(std::move(body));
    });
    BOOST_TEST((other.start().code() == Code::unavailable));
    BOOST_TEST((other.state() == ComponentState::failed));
    BOOST_TEST(other.stats().workers == 0U);
    BOOST_TEST(other.stop(kNoDeadline).ok());
}

BOOST_AUTO_TEST_CASE(the_capacity_changes_while_it_runs) {
    const auto pool = started({.workers = 1, .capacity = 1});
    Blockers blockers(1);
    (void)pool->submit(blockers.task());
    blockers.wait_until_all_run();
    std::thread producer([&] { (void)pool->submit([] {}); });
    BOOST_TEST(pool->set_capacity(3).ok()); // lets it in
    producer.join();
    BOOST_TEST(pool->stats().queued == 1U);
    BOOST_TEST(pool->set_capacity(1).ok()); // drops nothing
    BOOST_TEST(pool->stats().queued == 1U);
    SubmitOptions reject;
    reject.overflow = Overflow::reject;
    BOOST_TEST((pool->submit([] {}, reject).code() == Code::unavailable));
    BOOST_TEST((pool->set_capacity(0).code() == Code::invalid_argument));
    blockers.release();
    pool->drain();
    BOOST_TEST(pool->submit([] {}, reject).ok());
}

BOOST_AUTO_TEST_CASE(a_pool_that_was_not_started_or_has_no_workers_says_so) {
    const auto idle = make_worker_pool({}, system_clock());
    BOOST_TEST((idle->submit([] {}).code() == Code::invalid_state));
    BOOST_TEST((idle->submit(Task()).code() == Code::invalid_argument));
    BOOST_TEST(idle->stop(kNoDeadline).ok());
    const auto none = make_worker_pool({.workers = 0}, system_clock());
    BOOST_TEST((none->start().code() == Code::invalid_config));
    const auto pool = started({});
    BOOST_TEST((pool->start().code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(times_are_those_of_the_clock) {
    fakes::FakeClock clock;
    const auto pool = make_worker_pool({.workers = 1}, clock);
    pool->pause();
    BOOST_REQUIRE(pool->start().ok());
    (void)pool->submit([&] { clock.advance_ms(5); });
    clock.advance_ms(2);
    pool->resume();
    pool->drain();
    const PoolStats stats = pool->stats();
    BOOST_TEST(stats.max_wait_ns == 2'000'000);
    BOOST_TEST(stats.max_run_ns == 5'000'000);
}

BOOST_AUTO_TEST_CASE(what_a_task_owns_is_gone_before_it_is_done) {
    const auto pool = started({.workers = 1});
    const auto owned = std::make_shared<int>(1);
    (void)pool->submit([owned] {});
    struct Large {
        std::shared_ptr<int> owned;
        std::array<char, 200> ballast{};
    };
    (void)pool->submit([large = Large{owned, {}}] { (void)large; });
    pool->drain();
    BOOST_TEST(owned.use_count() == 1);
}

BOOST_AUTO_TEST_SUITE_END()
