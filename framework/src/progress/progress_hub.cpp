#include "syncline/progress/progress_hub.hpp"

#include "progress/progress_channel.hpp"

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace syncline {

ProgressSubscription::ProgressSubscription(std::shared_ptr<ProgressChannel> channel)
    : channel_(std::move(channel)) {}

ProgressSubscription::~ProgressSubscription() { close(); }

ProgressSubscription::ProgressSubscription(ProgressSubscription&& other) noexcept = default;

ProgressSubscription& ProgressSubscription::operator=(ProgressSubscription&& other) noexcept {
    if (this != &other) {
        close();
        channel_ = std::move(other.channel_);
    }
    return *this;
}

std::optional<ProgressMessage> ProgressSubscription::next(const std::stop_token& stop,
                                                          std::int64_t deadline_mono_ns) {
    return channel_->next(stop, deadline_mono_ns);
}

std::optional<ProgressMessage> ProgressSubscription::poll() { return channel_->poll(); }

bool ProgressSubscription::is_closed() const { return channel_->is_closed(); }

std::uint64_t ProgressSubscription::dropped() const { return channel_->dropped(); }

void ProgressSubscription::close() {
    if (channel_) {
        channel_->close(true);
    }
}

namespace {

// Where a run's events go. Its lock orders subscribing, events and the end, so that every channel
// sees the end once and nothing after it.
class RunHub final : public RunEventSink {
public:
    RunHub(RunId id, const RunProgress& progress)
        : source_(std::make_shared<RunSource>(id, progress)) {}

    bool wanted() const override { return wanted_.load(std::memory_order_relaxed); }

    void report(RunEvent event) override {
        const auto shared = std::make_shared<const RunEvent>(std::move(event));
        const std::lock_guard lock(mutex_);
        bool some_left = false;
        for (const auto& channel : channels_) {
            channel->event(source_->id(), shared);
            some_left = some_left || channel->is_abandoned();
        }
        if (some_left) {
            forget_abandoned();
            wanted_.store(!channels_.empty(), std::memory_order_relaxed);
        }
    }

    void subscribe(const std::shared_ptr<ProgressChannel>& channel) {
        const std::lock_guard lock(mutex_);
        forget_abandoned();
        channel->add_run(source_);
        if (const std::optional<RunFinished> end = source_->end()) {
            channel->finished(source_->id(), *end);
            return;
        }
        channels_.push_back(channel);
        wanted_.store(true, std::memory_order_relaxed);
    }

    bool finish(const Status& status) {
        const std::lock_guard lock(mutex_);
        if (source_->end()) {
            return false;
        }
        const RunFinished end = source_->finish(status);
        for (const auto& channel : channels_) {
            channel->finished(source_->id(), end);
        }
        channels_.clear();
        wanted_.store(false, std::memory_order_relaxed);
        return true;
    }

private:
    void forget_abandoned() {
        std::erase_if(channels_, [](const auto& channel) { return channel->is_abandoned(); });
    }

    const std::shared_ptr<RunSource> source_;
    std::atomic<bool> wanted_{false};
    std::mutex mutex_;
    std::vector<std::shared_ptr<ProgressChannel>> channels_;
};

// Shared by the hub and its feeds, which may outlive it.
struct Runs {
    std::mutex mutex; // before that of a RunHub
    std::map<RunId, std::shared_ptr<RunHub>> open;
    std::map<RunId, std::shared_ptr<RunHub>> ended;
    std::deque<RunId> ended_order; // oldest first
    std::vector<std::shared_ptr<ProgressChannel>> all_runs;
    std::size_t remembered = 0;
};

class Feed final : public RunFeed {
public:
    Feed(RunId id, RunProgress& progress, std::shared_ptr<RunHub> run, std::shared_ptr<Runs> runs)
        : id_(id), progress_(progress), run_(std::move(run)), runs_(std::move(runs)) {
        progress_.attach(run_.get());
    }
    ~Feed() override {
        (void)Feed::finish(Status(Code::aborted, "the run was given up without a result"));
        progress_.attach(nullptr);
    }
    Feed(const Feed&) = delete;
    Feed& operator=(const Feed&) = delete;

    bool finish(const Status& status) override {
        const std::lock_guard lock(runs_->mutex);
        if (!run_->finish(status)) {
            return false;
        }
        runs_->open.erase(id_);
        runs_->ended[id_] = run_;
        std::erase(runs_->ended_order, id_);
        runs_->ended_order.push_back(id_);
        while (runs_->ended_order.size() > runs_->remembered) {
            runs_->ended.erase(runs_->ended_order.front());
            runs_->ended_order.pop_front();
        }
        return true;
    }

private:
    const RunId id_;
    RunProgress& progress_;
    const std::shared_ptr<RunHub> run_;
    const std::shared_ptr<Runs> runs_;
};

class Hub final : public ProgressHub {
public:
    Hub(const HubOptions& options, const Clock& clock)
        : clock_(clock), runs_(std::make_shared<Runs>()) {
        runs_->remembered = options.remembered_runs;
    }
    ~Hub() override {
        const std::lock_guard lock(runs_->mutex);
        for (const auto& [id, run] : runs_->open) {
            (void)run->finish(Status(Code::aborted, "progress is not shown any more"));
        }
        for (const auto& channel : runs_->all_runs) {
            channel->close(false);
        }
    }
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    Result<std::unique_ptr<RunFeed>> open(RunId run, RunProgress& progress) override {
        const std::lock_guard lock(runs_->mutex);
        const auto hub = std::make_shared<RunHub>(run, progress);
        if (!runs_->open.emplace(run, hub).second) {
            return Status(Code::already_exists, "run " + std::to_string(run) + " is already shown");
        }
        forget_abandoned();
        for (const auto& channel : runs_->all_runs) {
            hub->subscribe(channel);
        }
        return std::unique_ptr<RunFeed>(std::make_unique<Feed>(run, progress, hub, runs_));
    }

    Result<ProgressSubscription> subscribe(RunId run, const SubscribeOptions& options) override {
        const std::lock_guard lock(runs_->mutex);
        const auto open = runs_->open.find(run);
        const auto ended = runs_->ended.find(run);
        if (open == runs_->open.end() && ended == runs_->ended.end()) {
            return Status(Code::not_found, "run " + std::to_string(run) + " is not known");
        }
        auto channel = std::make_shared<ProgressChannel>(options, true, clock_);
        (open != runs_->open.end() ? open : ended)->second->subscribe(channel);
        return ProgressSubscription(std::move(channel));
    }

    ProgressSubscription subscribe_all(const SubscribeOptions& options) override {
        const std::lock_guard lock(runs_->mutex);
        auto channel = std::make_shared<ProgressChannel>(options, false, clock_);
        for (const auto& [id, run] : runs_->open) {
            run->subscribe(channel);
        }
        forget_abandoned();
        runs_->all_runs.push_back(channel);
        return ProgressSubscription(std::move(channel));
    }

private:
    void forget_abandoned() {
        std::erase_if(runs_->all_runs, [](const auto& channel) { return channel->is_abandoned(); });
    }

    const Clock& clock_;
    const std::shared_ptr<Runs> runs_;
};

} // namespace

std::unique_ptr<ProgressHub> make_progress_hub(const HubOptions& options, const Clock& clock) {
    return std::make_unique<Hub>(options, clock);
}

} // namespace syncline
