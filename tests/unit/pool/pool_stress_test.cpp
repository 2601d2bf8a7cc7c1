// Many threads, all verbs at once: nothing is lost, nothing runs twice, nobody sleeps for ever.
#include "syncline/pool/task_group.hpp"
#include "syncline/pool/worker_pool.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <thread>
#include <vector>

using namespace syncline;

BOOST_AUTO_TEST_SUITE(pool_stress)

// One task at a time, so that the pool goes idle between any two: each submit must wake somebody.
BOOST_AUTO_TEST_CASE(no_wake_up_is_lost) {
    for (const std::size_t workers : {1U, 2U, 4U}) {
        const auto pool = make_worker_pool({.workers = workers, .capacity = 4}, system_clock());
        BOOST_REQUIRE(pool->start().ok());
        std::atomic<int> done = 0;
        for (int i = 0; i < 20'000; ++i) {
            (void)pool->submit([&] {
                done = i + 1;
                done.notify_one();
            });
            // Pauses of many lengths meet workers that run, spin, are about to sleep, and sleep.
            for (int pause = 0; pause < (i % 97) * 20; ++pause) {
                done.load();
            }
            for (int seen = done; seen != i + 1; seen = done) {
                done.wait(seen);
            }
        }
        BOOST_TEST(pool->stats().done == 20'000U);
    }
}

BOOST_AUTO_TEST_CASE(producers_at_a_small_bound_all_get_in) {
    const auto pool = make_worker_pool({.workers = 3, .capacity = 2}, system_clock());
    BOOST_REQUIRE(pool->start().ok());
    std::atomic<int> ran = 0;
    std::atomic<int> refused = 0;
    {
        std::vector<std::jthread> producers;
        for (int p = 0; p < 4; ++p) {
            producers.emplace_back([&, p] {
                for (int i = 0; i < 2'000; ++i) {
                    SubmitOptions options;
                    options.priority = static_cast<Priority>((i + p) % 3);
                    refused += pool->submit([&] { ++ran; }, options).ok() ? 0 : 1;
                }
            });
        }
    }
    pool->drain();
    BOOST_TEST(ran == 8'000);
    BOOST_TEST(refused == 0);
}

BOOST_AUTO_TEST_CASE(everything_at_once) {
    for (int round = 0; round < 20; ++round) {
        const auto pool = make_worker_pool({.workers = 2, .capacity = 16}, system_clock());
        BOOST_REQUIRE(pool->start().ok());
        const auto lane = *pool->open_lane("lane", 1);
        std::atomic<std::uint64_t> accepted = 0;
        std::atomic<std::uint64_t> ran = 0;
        std::atomic<std::uint64_t> told = 0;
        std::atomic<std::size_t> left = 0; // in groups that were waited for
        {
            std::vector<std::jthread> threads;
            for (int p = 0; p < 3; ++p) {
                threads.emplace_back([&, p] {
                    for (int i = 0; i < 400; ++i) {
                        SubmitOptions options;
                        options.priority = static_cast<Priority>(i % 3);
                        options.lane = i % 4 == 0 ? lane.get() : nullptr;
                        options.overflow = p == 0 ? Overflow::reject : Overflow::block;
                        Task task([&] { ++ran; }, [&](const Status&) { ++told; });
                        accepted += pool->submit(std::move(task), options).ok() ? 1 : 0;
                    }
                });
            }
            for (int p = 0; p < 2; ++p) {
                threads.emplace_back([&, p] {
                    for (int i = 0; i < 40; ++i) {
                        TaskGroup group(*pool, p == 0 ? lane.get() : nullptr);
                        for (int k = 0; k < 40; ++k) {
                            const bool in = group.submit([&] { ++ran; }, {}).ok();
                            accepted += in ? 1 : 0;
                            told += in ? 1 : 0;
                        }
                        (void)group.wait();
                        left += group.under_way();
                    }
                });
            }
            threads.emplace_back([&] {
                for (std::size_t i = 0; i < 50; ++i) {
                    (void)pool->set_workers(1 + i % 4);
                    (void)pool->set_capacity(1 + i % 16);
                    pool->pause();
                    (void)pool->stats();
                    pool->resume();
                    (void)pool->set_lane_limit(*lane, 1 + i % 2);
                    pool->drain(system_clock().mono_ns() + 100'000);
                }
                (void)pool->set_capacity(16);
            });
            if (round % 2 == 0) {
                threads.emplace_back([&] {
                    while (ran < 200) {
                        std::this_thread::yield();
                    }
                    (void)pool->shut_down(kNoDeadline);
                });
            }
        }
        (void)pool->drain();
        const PoolStats stats = pool->stats();
        BOOST_TEST(left == 0U);
        BOOST_TEST(told == accepted);
        BOOST_TEST(ran == stats.done);
        BOOST_TEST(ran + stats.dropped == accepted);
        BOOST_TEST(stats.queued + stats.active == 0U);
    }
}

// Short tasks, so that owner and workers take batches and each other's rests.
BOOST_AUTO_TEST_CASE(groups_run_every_task_once) {
    for (const std::size_t workers : {1U, 2U, 4U}) {
        const auto pool = make_worker_pool({.workers = workers, .capacity = 5'000}, system_clock());
        BOOST_REQUIRE(pool->start().ok());
        std::atomic<std::ptrdiff_t> wrong = 0;
        std::vector<std::jthread> owners;
        for (int owner = 0; owner < 2; ++owner) {
            owners.emplace_back([&] {
                for (int round = 0; round < 50; ++round) {
                    TaskGroup group(*pool, nullptr);
                    std::vector<std::atomic<int>> ran(1'000);
                    for (std::atomic<int>& count : ran) {
                        (void)group.submit([&count] { ++count; }, {});
                    }
                    (void)group.wait();
                    wrong += std::count_if(ran.begin(), ran.end(),
                                           [](const auto& count) { return count != 1; });
                }
            });
        }
        owners.clear();
        BOOST_TEST(wrong == 0);
        const PoolStats stats = pool->stats();
        BOOST_TEST(stats.done == 100'000U);
        BOOST_TEST(stats.queued + stats.active == 0U);
    }
}

BOOST_AUTO_TEST_SUITE_END()
