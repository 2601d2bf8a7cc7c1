// Which task is next: the highest priority first, first come first served within one, lanes that
// are full passed by, and nobody passed over for ever. Knows nothing of threads; the pool's lock
// guards it.
#pragma once

#include "pool/task_node.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace syncline {

inline constexpr std::size_t kPriorities = 3;
inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

// Tasks that share a limit. Those without a lane are one without limit.
class Lane final : public PoolLane {
public:
    Lane(std::string name, std::size_t limit, const void* pool)
        : PoolLane(std::move(name)), pool(pool), limit(limit) {}

    // How many of its waiting tasks may begin now.
    std::size_t ready() const {
        const std::size_t room = limit > active ? limit - active : 0;
        return queued < room ? queued : room;
    }

    const void* const pool; // whose it is
    std::size_t limit;
    std::size_t active = 0;
    std::size_t queued = 0;
    std::array<NodeList, kPriorities> waiting;
};

class TaskQueue {
public:
    explicit TaskQueue(std::size_t pass_over_limit) : pass_over_limit_(pass_over_limit) {}

    Lane& unlimited() { return unlimited_; }

    void push(TaskNode* node);
    // All of one priority, without a lane, in order of acceptance.
    void append(Priority priority, NodeList& nodes, std::size_t count);
    // The next task that may begin, null if there is none. It counts to its lane until finished().
    TaskNode* take();
    void finished(Lane& lane);
    void set_limit(Lane& lane, std::size_t limit);
    // Every waiting task, in no order that matters.
    NodeList take_all();

    std::size_t ready() const { return ready_; } // tasks that may begin now
    std::size_t size() const { return size_; }
    // Whether no task of normal priority that is pushed now could be due before what is here.
    bool has_normal_ahead() const {
        return !unlimited_.waiting[0].empty() || !unlimited_.waiting[1].empty();
    }

private:
    TaskNode* first_of(std::size_t level, Lane*& lane);

    // Runs `change` and keeps ready_ right.
    template <typename F>
    void changing(Lane& lane, F change) {
        ready_ -= lane.ready();
        change();
        ready_ += lane.ready();
    }

    const std::size_t pass_over_limit_;
    Lane unlimited_{"", kNoLimit, nullptr};
    std::vector<Lane*> limited_; // those with waiting tasks
    std::array<std::size_t, kPriorities> waiting_{};
    std::array<std::size_t, kPriorities> passed_over_{}; // since a task of this level was taken
    std::size_t ready_ = 0;
    std::size_t size_ = 0;
};

} // namespace syncline
