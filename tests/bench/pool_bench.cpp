// The worker pool beside Boost.Asio's and oneTBB's, on the same work, counted the same way.
//
// Throughput: the benchmark's thread hands over a batch of empty tasks and waits until all have
// run. Group: the same where the waiting thread helps, as it does in TaskGroup and in oneTBB's
// task_group. Round trip: it hands over one and waits for it, again and again, while the workers
// have nothing else to do; every library is waited for in the same way.
//
// At the end the ratios of the medians of all repetitions: below 1, this pool is the faster one.
#include "syncline/pool/task_group.hpp"
#include "syncline/pool/worker_pool.hpp"

#include <algorithm>
#include <atomic>
#include <benchmark/benchmark.h>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cstdio>
#include <map>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#include <string>
#include <thread>
#include <vector>

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

// Both groups have the same number of threads that run tasks: the workers and the owner.
void group_syncline(benchmark::State& state) {
    const auto pool = make_worker_pool(
        {.workers = static_cast<std::size_t>(state.range(0)), .capacity = 2 * kBatch},
        system_clock());
    (void)pool->start();
    for (auto _ : state) {
        TaskGroup group(*pool, nullptr);
        for (int i = 0; i < kBatch; ++i) {
            (void)group.submit([] {}, {});
        }
        (void)group.wait();
    }
    state.SetItemsProcessed(state.iterations() * kBatch);
}

void group_tbb(benchmark::State& state) {
    const int workers = static_cast<int>(state.range(0));
    const oneapi::tbb::global_control threads(oneapi::tbb::global_control::max_allowed_parallelism,
                                              static_cast<std::size_t>(workers) + 1);
    oneapi::tbb::task_arena arena(workers + 1, 1);
    arena.execute([&] {
        for (auto _ : state) {
            oneapi::tbb::task_group group;
            for (int i = 0; i < kBatch; ++i) {
                group.run([] {});
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
BENCHMARK(group_syncline)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(group_tbb)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(throughput_tbb_enqueue)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(round_trip_syncline)->Arg(1)->Arg(2)->UseRealTime();
BENCHMARK(round_trip_asio)->Arg(1)->Arg(2)->UseRealTime();

// The usual output, and the times of each repetition by benchmark.
class Times : public benchmark::ConsoleReporter {
public:
    Times() : benchmark::ConsoleReporter(OO_Tabular) {}
    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type == Run::RT_Iteration && !run.error_occurred) {
                times_[run.run_name.function_name + "/" + run.run_name.args].push_back(
                    run.GetAdjustedRealTime());
            }
        }
        benchmark::ConsoleReporter::ReportRuns(runs);
    }
    void print_ratio(const std::string& ours, const std::string& theirs) {
        for (const char* workers : {"1", "2"}) {
            const double a = median(ours + "/" + workers);
            const double b = median(theirs + "/" + workers);
            if (a > 0 && b > 0) {
                std::printf("%s / %s, %s workers: %.2f\n", ours.c_str(), theirs.c_str(), workers,
                            a / b);
            }
        }
    }

private:
    double median(const std::string& name) {
        std::vector<double>& all = times_[name];
        if (all.empty()) {
            return 0;
        }
        std::sort(all.begin(), all.end());
        return all[all.size() / 2];
    }
    std::map<std::string, std::vector<double>> times_;
};

} // namespace

int main(int argc, char** argv) {
    benchmark::Initialize(&argc, argv);
    Times times;
    benchmark::RunSpecifiedBenchmarks(&times);
    times.print_ratio("group_syncline", "group_tbb");
    times.print_ratio("group_syncline", "throughput_asio");
    times.print_ratio("throughput_syncline", "throughput_asio");
    times.print_ratio("throughput_syncline", "throughput_tbb_enqueue");
    times.print_ratio("round_trip_syncline", "round_trip_asio");
}
