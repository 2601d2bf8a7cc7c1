#include "syncline/pool/worker_pool.hpp"

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <latch>
#include <stdexcept>
#include <thread>

using namespace syncline;

namespace {

std::unique_ptr<WorkerPool> started(std::size_t workers, std::size_t queue_limit) {
    auto pool = make_worker_pool({workers, queue_limit}, system_clock());
    BOOST_REQUIRE(pool->start().ok());
    return pool;
}

} // namespace

BOOST_AUTO_TEST_SUITE(worker_pool)

BOOST_AUTO_TEST_CASE(every_task_runs_once) {
    const auto pool = started(4, 3);
    std::atomic<int> sum = 0;
    for (int i = 1; i <= 1'000; ++i) {
        BOOST_REQUIRE(pool->submit([&sum, i] { sum += i; }, {}).ok());
    }
    pool->drain();
    BOOST_TEST(sum == 500'500);
    BOOST_TEST(pool->stats().done == 1'000U);
}

BOOST_AUTO_TEST_CASE(a_full_queue_blocks_until_there_is_room) {
    const auto pool = started(1, 1);
    std::latch running(1);
    std::latch release(1);
    BOOST_REQUIRE(pool->submit(
                          [&] {
                              running.count_down();
                              release.wait();
                          },
                          {})
                      .ok());
    running.wait();
    BOOST_REQUIRE(pool->submit([] {}, {}).ok()); // fills the queue
    std::atomic<bool> accepted = false;
    std::thread producer([&] { accepted = pool->submit([] {}, {}).ok(); });
    BOOST_TEST(pool->stats().queued == 1U);
    BOOST_TEST(!accepted);
    release.count_down();
    producer.join();
    pool->drain();
    BOOST_TEST(accepted);
    BOOST_TEST(pool->stats().done == 3U);
}

BOOST_AUTO_TEST_CASE(a_blocked_producer_can_be_cancelled) {
    const auto pool = started(1, 1);
    std::latch running(1);
    std::latch release(1);
    BOOST_REQUIRE(pool->submit(
                          [&] {
                              running.count_down();
                              release.wait();
                          },
                          {})
                      .ok());
    running.wait();
    BOOST_REQUIRE(pool->submit([] {}, {}).ok());
    std::stop_source stop;
    Status result;
    std::thread producer([&] { result = pool->submit([] {}, stop.get_token()); });
    stop.request_stop();
    producer.join();
    BOOST_TEST((result.code() == Code::cancelled));
    release.count_down();
}

BOOST_AUTO_TEST_CASE(stopping_wakes_a_blocked_producer_and_finishes_what_was_accepted) {
    const auto pool = started(1, 1);
    std::latch running(1);
    std::latch release(1);
    std::atomic<int> done = 0;
    BOOST_REQUIRE(pool->submit(
                          [&] {
                              running.count_down();
                              release.wait();
                              ++done;
                          },
                          {})
                      .ok());
    running.wait();
    BOOST_REQUIRE(pool->submit([&] { ++done; }, {}).ok());
    BOOST_TEST(
        (pool->stop(0).code() == Code::timeout)); // a deadline in the past: says what is left
    BOOST_TEST((pool->submit([] {}, {}).code() == Code::invalid_state));
    release.count_down();
    BOOST_TEST(pool->stop(kNoDeadline).ok());
    BOOST_TEST(pool->stop(kNoDeadline).ok()); // idempotent
    BOOST_TEST(done == 2);
    BOOST_TEST((pool->state() == ComponentState::stopped));
}

BOOST_AUTO_TEST_CASE(a_task_that_throws_takes_nobody_down) {
    const auto pool = started(1, 4);
    BOOST_REQUIRE(pool->submit([] { throw std::runtime_error("on purpose"); }, {}).ok());
    std::atomic<bool> ran = false;
    BOOST_REQUIRE(pool->submit([&] { ran = true; }, {}).ok());
    pool->drain();
    BOOST_TEST(ran);
    BOOST_TEST(pool->stats().failed == 1U);
}

BOOST_AUTO_TEST_CASE(a_worker_may_not_wait_for_its_own_pool) {
    const auto pool = started(1, 1);
    Status inside;
    BOOST_REQUIRE(pool->submit([&] { inside = pool->submit([] {}, {}); }, {}).ok());
    pool->drain();
    BOOST_TEST((inside.code() == Code::invalid_state));
}

BOOST_AUTO_TEST_CASE(a_pool_that_was_not_started_or_has_no_workers_says_so) {
    const auto idle = make_worker_pool({1, 1}, system_clock());
    BOOST_TEST((idle->submit([] {}, {}).code() == Code::invalid_state));
    BOOST_TEST(idle->stop(kNoDeadline).ok());
    BOOST_TEST((make_worker_pool({0, 1}, system_clock())->start().code() == Code::invalid_config));
}

BOOST_AUTO_TEST_SUITE_END()
