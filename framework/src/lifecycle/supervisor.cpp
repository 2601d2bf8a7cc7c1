#include "syncline/lifecycle/supervisor.hpp"

#include "lifecycle/bounded_call.hpp"
#include "lifecycle/restart_tracker.hpp"
#include "syncline/core/log.hpp"
#include "syncline/lifecycle/state_machine.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>

namespace syncline {

std::string_view name_of(StopResult result) {
    switch (result) {
    case StopResult::stopped:
        return "stopped";
    case StopResult::not_well:
        return "stopped with an error";
    case StopResult::abandoned:
        return "abandoned";
    }
    return "?";
}

Status StopReport::status() const {
    std::string abandoned;
    const Status* first = nullptr;
    for (const ComponentStop& stop : components) {
        if (stop.result == StopResult::abandoned) {
            abandoned += (abandoned.empty() ? "" : ", ") + stop.name;
        } else if (stop.result == StopResult::not_well && first == nullptr) {
            first = &stop.status;
        }
    }
    if (!abandoned.empty()) {
        return Status(Code::timeout, "did not stop in time and were abandoned: " + abandoned);
    }
    return first == nullptr ? Status() : *first;
}

namespace {

class GraphSupervisor final : public Supervisor {
public:
    GraphSupervisor(ComponentGraph graph, const SupervisorOptions& options, const Clock& clock)
        : graph_(std::make_shared<const ComponentGraph>(std::move(graph))), options_(options),
          clock_(clock), started_(nodes().size(), false),
          trackers_(nodes().size(), RestartTracker(options.restart)) {}
    ~GraphSupervisor() override { (void)GraphSupervisor::stop(kNoDeadline); }
    GraphSupervisor(const GraphSupervisor&) = delete;
    GraphSupervisor& operator=(const GraphSupervisor&) = delete;

    Status start() override;
    StopReport stop(std::int64_t deadline_mono_ns) override;
    Status restart(std::string_view name) override;
    std::int64_t check() override;

    ComponentState state() const override {
        const ComponentState phase = phase_.state();
        return phase == ComponentState::running ? health_.load() : phase;
    }
    StopReport last_report() const override {
        const std::lock_guard lock(mutex_);
        return report_;
    }

private:
    using Lock = std::unique_lock<std::mutex>;

    // One of start, stop, restart and check at a time; ends with the object.
    class Turn {
    public:
        explicit Turn(GraphSupervisor& owner) : owner_(owner) { owner_.busy_ = true; }
        ~Turn() {
            {
                const std::lock_guard lock(owner_.mutex_);
                owner_.busy_ = false;
            }
            owner_.free_.notify_all();
        }
        Turn(const Turn&) = delete;
        Turn& operator=(const Turn&) = delete;

    private:
        GraphSupervisor& owner_;
    };

    const std::vector<ComponentGraph::Node>& nodes() const { return graph_->nodes(); }

    Status start_node(std::size_t at, const std::stop_token& give_up);
    StopReport stop_nodes(const std::vector<std::size_t>& order, std::int64_t deadline_mono_ns,
                          const std::stop_token& give_up);
    std::vector<std::size_t> started_in_reverse() const;
    void check_node(std::size_t at, const std::stop_token& give_up);
    void judge_health();
    void watch(const std::stop_token& stop);

    const std::shared_ptr<const ComponentGraph> graph_;
    const SupervisorOptions options_;
    const Clock& clock_;
    StateMachine phase_;
    std::atomic<ComponentState> health_{ComponentState::running};

    mutable std::mutex mutex_; // guards what follows up to report_
    std::condition_variable free_;
    bool busy_ = false;
    std::stop_source give_up_; // a stop wants the turn
    StopReport report_;

    // Whoever has the turn.
    std::vector<bool> started_; // it may have something to stop
    std::vector<RestartTracker> trackers_;
    std::atomic<std::int64_t> next_restart_{kNoDeadline};
    std::jthread watcher_;
};

Status GraphSupervisor::start_node(std::size_t at, const std::stop_token& give_up) {
    const ComponentGraph::Node& node = nodes()[at];
    started_[at] = true; // also a start that fails may leave something behind
    // The whole graph stays alive with a call that is late: what the component needs is in it.
    const std::optional<Status> status =
        call_within([graph = graph_, &node] { return node.component->start(); },
                    clock_.mono_ns() + options_.start_limit_ns, give_up, clock_);
    if (!status) {
        return give_up.stop_requested()
                   ? Status(Code::cancelled, "'" + node.name + "' was interrupted while starting")
                   : Status(Code::timeout, "'" + node.name + "' did not start in time");
    }
    return status->with_context("'" + node.name + "' did not start");
}

Status GraphSupervisor::start() {
    Lock lock(mutex_);
    const ComponentState before = phase_.state();
    if (busy_ || (before != ComponentState::created && before != ComponentState::stopped)) {
        return Status(Code::invalid_state,
                      "the supervisor cannot be started: it is " + std::string(name_of(state())));
    }
    SYNCLINE_TRY(phase_.enter(ComponentState::starting));
    const Turn turn(*this);
    give_up_ = std::stop_source();
    const std::stop_token give_up = give_up_.get_token();
    lock.unlock();

    for (RestartTracker& tracker : trackers_) {
        tracker.reset();
    }
    for (std::size_t at = 0; at < nodes().size(); ++at) {
        const Status status =
            give_up.stop_requested()
                ? Status(Code::cancelled, "stopped before '" + nodes()[at].name + "' was started")
                : start_node(at, give_up);
        if (status.ok()) {
            continue;
        }
        if (give_up.stop_requested()) {
            return status; // the stop that interrupts stops the rest, within its own deadline
        }
        (void)phase_.enter(ComponentState::stopping);
        StopReport report = stop_nodes(started_in_reverse(),
                                       clock_.mono_ns() + options_.rollback_limit_ns, give_up);
        (void)phase_.enter(ComponentState::stopped);
        lock.lock();
        report_ = std::move(report);
        lock.unlock();
        return status;
    }
    health_ = ComponentState::running;
    next_restart_ = kNoDeadline;
    SYNCLINE_TRY(phase_.enter(ComponentState::running));
    if (options_.check_every_ns > 0) {
        watcher_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
    }
    return {};
}

std::vector<std::size_t> GraphSupervisor::started_in_reverse() const {
    std::vector<std::size_t> order;
    for (std::size_t at = nodes().size(); at-- > 0;) {
        if (started_[at]) {
            order.push_back(at);
        }
    }
    return order;
}

StopReport GraphSupervisor::stop_nodes(const std::vector<std::size_t>& order,
                                       std::int64_t deadline_mono_ns,
                                       const std::stop_token& give_up) {
    StopReport report;
    const std::int64_t began_ns = clock_.mono_ns();
    // Half of the budget is set aside, an equal share for each, so that one that hangs cannot leave
    // nothing to those after it.
    const std::int64_t share = deadline_mono_ns == kNoDeadline || order.empty()
                                   ? 0
                                   : std::max<std::int64_t>(deadline_mono_ns - began_ns, 0) /
                                         (2 * static_cast<std::int64_t>(order.size()));
    std::int64_t later = static_cast<std::int64_t>(order.size());
    std::int64_t now_ns = began_ns;
    for (const std::size_t at : order) {
        --later;
        const ComponentGraph::Node& node = nodes()[at];
        const std::int64_t limit =
            std::min(now_ns + options_.stop_limit_ns, deadline_mono_ns - later * share);
        std::optional<Status> status =
            call_within([graph = graph_, &node, limit] { return node.component->stop(limit); },
                        limit, give_up, clock_);
        const std::int64_t ended_ns = clock_.mono_ns();
        ComponentStop stop;
        stop.name = node.name;
        stop.took_ns = ended_ns - now_ns;
        stop.status = status ? *status : Status(Code::timeout, "it did not return in time");
        stop.result = stop.status.ok()                      ? StopResult::stopped
                      : stop.status.code() == Code::timeout ? StopResult::abandoned
                                                            : StopResult::not_well;
        started_[at] = stop.result == StopResult::abandoned;
        if (stop.result != StopResult::stopped) {
            log(LogLevel::warning, "lifecycle",
                "'" + node.name + "' " + std::string(name_of(stop.result)) + ": " +
                    stop.status.message());
        }
        report.components.push_back(std::move(stop));
        now_ns = ended_ns;
    }
    report.took_ns = now_ns - began_ns;
    return report;
}

StopReport GraphSupervisor::stop(std::int64_t deadline_mono_ns) {
    Lock lock(mutex_);
    give_up_.request_stop();
    free_.wait(lock, [this] { return !busy_; });
    const ComponentState before = phase_.state();
    if (before == ComponentState::created) {
        (void)phase_.enter(ComponentState::stopped);
    }
    if (before == ComponentState::created || before == ComponentState::stopped) {
        return report_;
    }
    (void)phase_.enter(ComponentState::stopping);
    const Turn turn(*this);
    lock.unlock();
    watcher_ = {}; // asked to end, and joined; it never waits for the turn
    StopReport report = stop_nodes(started_in_reverse(), deadline_mono_ns, {});
    (void)phase_.enter(ComponentState::stopped);
    lock.lock();
    report_ = report;
    lock.unlock();
    return report;
}

Status GraphSupervisor::restart(std::string_view name) {
    const auto found = std::find_if(nodes().begin(), nodes().end(),
                                    [&](const auto& node) { return node.name == name; });
    if (found == nodes().end()) {
        return Status(Code::not_found, "no component is called '" + std::string(name) + "'");
    }
    Lock lock(mutex_);
    free_.wait(lock, [this] { return !busy_; });
    if (phase_.state() != ComponentState::running) {
        return Status(Code::invalid_state, "the supervisor is " + std::string(name_of(state())));
    }
    const Turn turn(*this);
    const std::stop_token give_up = give_up_.get_token();
    lock.unlock();

    // Positions follow the order of starting, so those that need it come after it.
    const auto first = static_cast<std::size_t>(found - nodes().begin());
    std::vector<bool> concerned(nodes().size(), false);
    concerned[first] = true;
    std::vector<std::size_t> order;
    for (std::size_t at = first; at < nodes().size(); ++at) {
        for (const std::size_t needed : nodes()[at].needs) {
            concerned[at] = concerned[at] || concerned[needed];
        }
        if (concerned[at] && (at == first || started_[at])) {
            order.push_back(at);
        }
    }
    const StopReport report = stop_nodes({order.rbegin(), order.rend()}, kNoDeadline, give_up);
    Status status = report.status();
    if (status.code() != Code::timeout) { // one that still works cannot be started again
        status = {};
        for (const std::size_t at : order) {
            status = give_up.stop_requested()
                         ? Status(Code::cancelled, "the supervisor is being stopped")
                         : start_node(at, give_up);
            if (!status.ok()) {
                break;
            }
            trackers_[at].reset();
        }
    }
    judge_health();
    return status;
}

// With the turn.
void GraphSupervisor::check_node(std::size_t at, const std::stop_token& give_up) {
    const ComponentGraph::Node& node = nodes()[at];
    RestartTracker& tracker = trackers_[at];
    const std::int64_t now_ns = clock_.mono_ns();
    const ComponentState state = node.component->state();
    if (state == ComponentState::running || state == ComponentState::degraded) {
        tracker.on_running(now_ns);
        return;
    }
    if (state != ComponentState::failed) {
        return; // somebody stopped it on purpose
    }
    const bool given_up_before = tracker.given_up();
    switch (tracker.on_failed(now_ns)) {
    case RestartTracker::Verdict::wait:
        return;
    case RestartTracker::Verdict::give_up:
        if (!given_up_before) {
            log(LogLevel::error, "lifecycle",
                "'" + node.name + "' failed and is given up after " +
                    std::to_string(tracker.attempts()) + " restarts");
        }
        return;
    case RestartTracker::Verdict::restart:
        break;
    }
    log(LogLevel::warning, "lifecycle", "'" + node.name + "' failed and is started again");
    const StopReport stopped = stop_nodes({at}, kNoDeadline, give_up);
    if (stopped.status().code() == Code::timeout) {
        return; // it still holds on; the next attempt may find it gone
    }
    const Status status = start_node(at, give_up);
    if (!status.ok()) {
        log(LogLevel::error, "lifecycle", status.message());
        (void)tracker.on_failed(clock_.mono_ns()); // plans the next attempt
        return;
    }
    tracker.on_restarted(clock_.mono_ns());
    return;
}

std::int64_t GraphSupervisor::check() {
    Lock lock(mutex_);
    if (busy_ || phase_.state() != ComponentState::running || give_up_.stop_requested()) {
        return next_restart_;
    }
    const Turn turn(*this);
    const std::stop_token give_up = give_up_.get_token();
    lock.unlock();
    for (std::size_t at = 0; at < nodes().size() && !give_up.stop_requested(); ++at) {
        check_node(at, give_up);
    }
    judge_health();
    return next_restart_;
}

// With the turn.
void GraphSupervisor::judge_health() {
    ComponentState health = ComponentState::running;
    std::int64_t next = kNoDeadline;
    for (std::size_t at = 0; at < nodes().size(); ++at) {
        next = std::min(next, trackers_[at].due_ns());
        if (trackers_[at].given_up()) {
            health = ComponentState::failed;
        } else if (health == ComponentState::running &&
                   nodes()[at].component->state() != ComponentState::running) {
            health = ComponentState::degraded;
        }
    }
    next_restart_ = next;
    health_ = health;
}

void GraphSupervisor::watch(const std::stop_token& stop) {
    while (clock_.sleep_until(clock_.mono_ns() + options_.check_every_ns, stop)) {
        (void)check();
    }
}

} // namespace

Result<std::unique_ptr<Supervisor>> Supervisor::make(std::vector<ComponentSpec> components,
                                                     const SupervisorOptions& options,
                                                     const Clock& clock) {
    Result<ComponentGraph> graph = ComponentGraph::make(std::move(components));
    if (!graph.ok()) {
        return graph.status();
    }
    return std::unique_ptr<Supervisor>(
        std::make_unique<GraphSupervisor>(*std::move(graph), options, clock));
}

} // namespace syncline
