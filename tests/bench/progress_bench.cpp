// What a run pays for being watched.
#include "syncline/progress/progress_hub.hpp"

#include <benchmark/benchmark.h>

using namespace syncline;

namespace {

void report(benchmark::State& state, RunProgress& progress) {
    for (auto _ : state) {
        progress.event(RunEventKind::item_failed, Code::io, "folder/item.dat", "read error");
    }
}

void event_without_hub(benchmark::State& state) {
    RunProgress progress;
    report(state, progress);
}

void event_without_subscriber(benchmark::State& state) {
    const auto hub = make_progress_hub({}, system_clock());
    RunProgress progress;
    const auto feed = hub->open(1, progress);
    report(state, progress);
}

// It reads nothing, so that every event but the first few displaces one.
void event_with_slow_subscribers(benchmark::State& state) {
    const auto hub = make_progress_hub({}, system_clock());
    RunProgress progress;
    const auto feed = hub->open(1, progress);
    std::vector<ProgressSubscription> slow;
    for (int i = 0; i < state.range(0); ++i) {
        slow.push_back(*hub->subscribe(1, {}));
    }
    report(state, progress);
}

void count_with_slow_subscriber(benchmark::State& state) {
    const auto hub = make_progress_hub({}, system_clock());
    RunProgress progress;
    const auto feed = hub->open(1, progress);
    const auto slow = hub->subscribe(1, {});
    for (auto _ : state) {
        progress.bytes_done(4096);
        progress.op_done();
    }
}

BENCHMARK(event_without_hub);
BENCHMARK(event_without_subscriber);
BENCHMARK(event_with_slow_subscribers)->Arg(1)->Arg(4);
BENCHMARK(count_with_slow_subscriber);

} // namespace
