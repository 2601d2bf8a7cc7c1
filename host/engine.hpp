// Everything of the process that runs beside a command: the signals, the workers, the view of the
// progress. Started in that order and stopped in reverse by one supervisor.
#pragma once

#include "interrupts.hpp"
#include "syncline/lifecycle/supervisor.hpp"
#include "syncline/pool/worker_pool.hpp"
#include "syncline/progress/progress_hub.hpp"

#include <memory>

namespace syncline::host {

class Engine {
public:
    // All is running, or an error says what could not be started.
    static Result<std::unique_ptr<Engine>> start(const std::shared_ptr<Interrupts>& interrupts,
                                                 std::size_t workers, bool draws_progress,
                                                 const Clock& clock);
    ~Engine(); // says what did not stop in time
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    WorkerPool& pool() { return *pool_; }
    ProgressHub& progress() { return *hub_; }
    void end_progress_view(); // nothing is drawn any more

private:
    Engine(std::size_t workers, const Clock& clock);

    const Clock& clock_;
    std::shared_ptr<ProgressHub> hub_;
    std::shared_ptr<WorkerPool> pool_;
    std::shared_ptr<Component> view_;
    std::unique_ptr<Supervisor> supervisor_;
};

} // namespace syncline::host
