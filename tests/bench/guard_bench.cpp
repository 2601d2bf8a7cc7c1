// What a guard adds to a call on a connector that does nothing, with nothing tripping.
#include "endpoint/guarded.hpp"
#include "syncline/resilience/call_guard.hpp"

#include <benchmark/benchmark.h>

namespace {

using namespace syncline;

std::unique_ptr<CallGuard> guard() {
    Result<std::unique_ptr<CallGuard>> made = make_call_guard("bench", {}, system_clock(), nullptr);
    return *std::move(made);
}

struct Nothing final : GuardedCall {
    Status make(const CallContext& call) override {
        benchmark::DoNotOptimize(&call);
        return {};
    }
};

// Through the limiter (unlimited), the breaker (time window) and two reads of the clock.
void guarded_call(benchmark::State& state) {
    static const std::unique_ptr<CallGuard> shared = guard();
    Nothing nothing;
    for (auto unused : state) {
        benchmark::DoNotOptimize(shared->run(kRead, {}, nothing));
    }
}
BENCHMARK(guarded_call)->Threads(1)->Threads(2)->UseRealTime();

// The same with one of the connector's slots, as the endpoint makes it.
void guarded_call_with_slot(benchmark::State& state) {
    static const std::unique_ptr<CallGuard> shared = guard();
    static CallSlots slots(16, system_clock());
    const GuardedSlots calls{*shared, slots};
    for (auto unused : state) {
        benchmark::DoNotOptimize(calls.run(kRead, {}, [](const CallContext& call) {
            benchmark::DoNotOptimize(&call);
            return Status();
        }));
    }
}
BENCHMARK(guarded_call_with_slot)->Threads(1)->Threads(2)->UseRealTime();

void clock_read(benchmark::State& state) {
    for (auto unused : state) {
        benchmark::DoNotOptimize(system_clock().mono_ns());
    }
}
BENCHMARK(clock_read);

} // namespace
