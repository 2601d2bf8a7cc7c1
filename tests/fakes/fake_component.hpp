// A component that does as told and writes down what happened to it.
#pragma once

#include "syncline/lifecycle/component_base.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <vector>

namespace syncline::fakes {

// What happened to several components, in order.
class Journal {
public:
    void note(std::string line) {
        const std::lock_guard lock(mutex_);
        lines_.push_back(std::move(line));
        changed_.notify_all();
    }
    std::vector<std::string> lines() const {
        const std::lock_guard lock(mutex_);
        return lines_;
    }
    void wait_for(const std::string& line) {
        std::unique_lock lock(mutex_);
        changed_.wait(
            lock, [&] { return std::find(lines_.begin(), lines_.end(), line) != lines_.end(); });
    }
    void clear() {
        const std::lock_guard lock(mutex_);
        lines_.clear();
    }

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::string> lines_;
};

// A door that a test opens.
class Gate {
public:
    void open() {
        const std::lock_guard lock(mutex_);
        is_open_ = true;
        changed_.notify_all();
    }
    void pass() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_open_; });
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_open_ = false;
};

class FakeComponent final : public ComponentBase {
public:
    FakeComponent(std::string name, const std::shared_ptr<Journal>& journal, const Clock& clock)
        : ComponentBase(std::move(name), clock), journal_(journal) {}
    ~FakeComponent() override { journal_->note("gone " + std::string(component_name())); }

    using ComponentBase::degrade;
    using ComponentBase::fail;
    using ComponentBase::recover;

    std::atomic<int> failing_starts = 0; // so many fail, then it starts
    std::atomic<bool> fails_to_stop = false;
    std::atomic<bool> throws = false;
    std::shared_ptr<Gate> start_gate; // hangs there, deaf to the stop token
    std::shared_ptr<Gate> stop_gate;
    std::atomic<bool> waits_for_stop_token = false; // while starting
    std::atomic<int> starts = 0;

protected:
    Status on_start(const std::stop_token& stop) override {
        ++starts;
        journal_->note("start " + std::string(component_name()));
        if (throws) {
            throw std::runtime_error("on purpose");
        }
        if (start_gate) {
            start_gate->pass();
        }
        if (waits_for_stop_token) {
            std::mutex mutex;
            std::condition_variable_any never;
            std::unique_lock lock(mutex);
            never.wait(lock, stop, [] { return false; });
            return Status(Code::cancelled, "told to give up");
        }
        if (failing_starts > 0) {
            --failing_starts;
            return Status(Code::unavailable, "fails on purpose");
        }
        return {};
    }
    Status on_stop(std::int64_t) override {
        journal_->note("stop " + std::string(component_name()));
        if (throws) {
            throw std::runtime_error("on purpose");
        }
        if (stop_gate) {
            stop_gate->pass();
        }
        return fails_to_stop ? Status(Code::io, "could not save") : Status();
    }

private:
    const std::shared_ptr<Journal> journal_;
};

} // namespace syncline::fakes
