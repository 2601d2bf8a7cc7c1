#include "engine.hpp"

#include "progress_view.hpp"
#include "syncline/core/log.hpp"

namespace syncline::host {

namespace {

constexpr std::int64_t kStopLimitNs = 10'000'000'000;
constexpr std::size_t kTasksAhead = 18; // each of some hundred operations: 50 ms, 2 MiB

} // namespace

Engine::Engine(std::size_t workers, const Clock& clock)
    : clock_(clock), hub_(make_progress_hub({}, clock)),
      // Room for the tasks that run and two more for each worker, and for what the workers do while
      // the thread that gives them work is busy committing the base.
      pool_(make_worker_pool({.workers = workers, .capacity = 3 * workers + kTasksAhead}, clock)) {}

Result<std::unique_ptr<Engine>> Engine::start(const std::shared_ptr<Interrupts>& interrupts,
                                              std::size_t workers, bool draws_progress,
                                              const Clock& clock) {
    std::unique_ptr<Engine> engine(new Engine(workers, clock));
    engine->view_ = std::make_shared<ProgressView>(*engine->hub_, clock,
                                                   draws_progress && ProgressView::can_draw());
    std::vector<ComponentSpec> components;
    components.push_back({interrupts, {}});
    components.push_back({engine->pool_, {std::string(interrupts->component_name())}});
    components.push_back({engine->view_, {std::string(interrupts->component_name())}});
    SupervisorOptions options;
    options.stop_limit_ns = kStopLimitNs;
    Result<std::unique_ptr<Supervisor>> supervisor =
        Supervisor::make(std::move(components), options, clock);
    if (!supervisor.ok()) {
        return supervisor.status();
    }
    engine->supervisor_ = *std::move(supervisor);
    SYNCLINE_TRY(engine->supervisor_->start());
    return engine;
}

Engine::~Engine() {
    if (supervisor_ != nullptr) {
        const Status stopped = supervisor_->stop(clock_.mono_ns() + kStopLimitNs).status();
        if (!stopped.ok()) {
            log(LogLevel::error, "host", stopped.message());
        }
    }
}

void Engine::end_progress_view() { (void)view_->stop(clock_.mono_ns() + kStopLimitNs); }

} // namespace syncline::host
