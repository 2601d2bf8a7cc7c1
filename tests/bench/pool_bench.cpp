// The worker pool beside Boost.Asio's and oneTBB's, on the same work, counted the same way.
//
// Throughput: the benchmark's thread hands over a batch of empty tasks and waits until all have
// run. Round trip: it hands over one and waits for it, again and again, while the workers have
// nothing else to do; every library is waited for in the same way.
//
// oneTBB twice. As a pool: its arena's workers run what a thread from outside enqueues. And as
// task_group, whose owner runs tasks itself while it waits, most of them from a queue of its own
// that no other thread touches; there 0 workers means that nothing is handed over at all.
#include "syncline/pool/worker_pool.hpp"

#include <atomic>
#include <benchmark/benchmark.h>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <thread>

using namespace syncline;

namespace {

constexpr int kBatch = 4096;

void wait_for(const std::atomic<int>& done, int count) {
    while (done.load(std::memory_order_acquire) < count) {
        std::this_thread::yield();
    }
}

void throughput_syncline(benchmark::State& state) {
    const auto pool = make_worker_pool(
        {.workers = static_cast<std::size_t>(state.range(0)), .capacity = 2 * kBatch},
        system_clock());
    (void)pool->start();
    std::atomic<int> done{0};
    for (auto _ : state) {
        done.store(0);
        for (int i = 0; i < kBatch; ++i) {
            (void)pool->submit([&done] { done.fetch_add(1, std::memory_order_release); });
        }
        wait_for(done, kBatch);
    }
    state.SetItemsProcessed(state.iterations() * kBatch);
}

void throughput_asio(benchmark::State& state) {
    boost::asio::thread_pool pool(static_cast<std::size_t>(state.range(0)));
    std::atomic<int> done{0};
    for (auto _ : state) {
        done.store(0);
        for (int i = 0; i < kBatch; ++i) {
            boost::asio::post(pool, [&done] { done.fetch_add(1, std::memory_order_release); });
        }
        wait_for(done, kBatch);
    }
    state.SetItemsProcessed(state.iterations() * kBatch);
}

void throughput_tbb_task_group(benchmark::State& state) {
    const int workers = static_cast<int>(state.range(0));
    const oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism,
                                              static_cast<std::size_t>(workers) + 1);
    oneapi::tbb::task_arena arena(workers + 1);
    std::atomic<int> done{0};
    arena.execute([&] {
        for (auto _ : state) {
            oneapi::tbb::task_group group;
            for (int i = 0; i < kBatch; ++i) {
                group.run([&done] { done.fetch_add(1, std::memory_order_release); });
            }
            group.wait();
        }
    });
    state.SetItemsProcessed(state.iterations() * kBatch);
}

// Handed over to the workers by a thread that is not of the arena, as for the other two.
void throughput_tbb_enqueue(benchmark::State& state) {
    const int workers = static_cast<int>(state.range(0));
    const oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism,
                                              static_cast<std::size_t>(workers) + 1);
    oneapi::tbb::task_arena arena(workers, 0);
    arena.initialize();
    std::atomic<int> done{0};
    for (auto _ : state) {
        done.store(0);
        for (int i = 0; i < kBatch; ++i) {
            arena.enqueue([&done] { done.fetch_add(1, std::memory_order_release); });
        }
        wait_for(done, kBatch);
    }
    state.SetItemsProcessed(state.iterations() * kBatch);
}

template <typename S>
void round_trips(benchmark::State& state, S submit) {
    std::atomic<int> done{0};
    for (auto _ : state) {
        done.store(0, std::memory_order_relaxed);
        submit([&done] {
            done.store(1, std::memory_order_release);
            done.notify_one();
        });
        done.wait(0, std::memory_order_acquire);
    }
}

void round_trip_syncline(benchmark::State& state) {
    const auto pool =
        make_worker_pool({.workers = static_cast<std::size_t>(state.range(0))}, system_clock());
    (void)pool->start();
    round_trips(state, [&](auto task) { (void)pool->submit(task); });
}

void round_trip_asio(benchmark::State& state) {
    boost::asio::thread_pool pool(static_cast<std::size_t>(state.range(0)));
    round_trips(state, [&](auto task) { boost::asio::post(pool, task); });
}

BENCHMARK(throughput_syncline)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(throughput_asio)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(throughput_tbb_task_group)->Arg(0)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(throughput_tbb_enqueue)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(round_trip_syncline)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(round_trip_asio)->Arg(1)->Arg(2)->UseRealTime();

} // namespace
