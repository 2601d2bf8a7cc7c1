// Which task is next: the highest priority first, first come first served within one, lanes that
// are full passed by, and nobody passed over for ever. Knows nothing of threads; the pool's lock
// guards it.
#pragma once

#include "pool/task_node.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace syncline {

inline constexpr std::size_t kPriorities = 3;
inline constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();

class Lane;

// Waiting tasks in order of acceptance. A lane has a line, and each group has its own within its
// lane, so that who waits for a group finds its tasks.
struct Line {
    Line(Lane& its_lane, bool is_of_group) : lane(its_lane), of_group(is_of_group) {}

    Lane& lane;
    const bool of_group;
    std::size_t size = 0;
    std::array<NodeList, kPriorities> waiting;
    std::array<std::size_t, kPriorities> counts{};

    // The rest is not the queue's business. First what is the business of groups:
    bool may_batch = false;                 // several may be taken at once
    std::atomic<std::uint64_t> finished{0}; // written under the pool's lock
    Status failure;                         // the first one

    // Accepted, and not in the queue yet; guarded by the lock of the way in.
    struct alignas(64) Inbox {
        std::uint64_t accepted = 0;
        std::size_t size = 0;
        std::array<NodeList, kPriorities> tasks;
        std::array<std::size_t, kPriorities> counts{};
    } inbox;
};

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
    Line line{*this, false}; // of the tasks without a group
};

class TaskQueue {
public:
    explicit TaskQueue(std::size_t pass_over_limit) : pass_over_limit_(pass_over_limit) {}

    Lane& unlimited() { return unlimited_; }

    // All of one priority and line, in order of acceptance, and later than what it holds.
    void append(Line& line, Priority priority, NodeList& nodes, std::size_t count);
    // A task that was taken did not begin. Of several of a line, the last goes back first.
    void put_back(TaskNode* node);
    // The next task that may begin, null if there is none. It counts to its lane until finished().
    TaskNode* take();
    // Whether nothing but tasks of this line and of normal priority waits.
    bool is_alone(const Line& line) const;
    // Up to `most` of the line that may begin, whatever else waits. How many there were.
    std::size_t take_from(Line& line, TaskNode** nodes, std::size_t most);
    void finished(Lane& lane, std::size_t count);
    void set_limit(Lane& lane, std::size_t limit);
    // Every waiting task, in no order that matters.
    NodeList take_all();

    std::size_t ready() const { return ready_; } // tasks that may begin now
    std::size_t size() const { return size_; }
    // Whether no task of normal priority that is pushed now could be due before what is here.
    bool has_normal_ahead() const {
        for (const Line* line : lines_) {
            if (line->lane.limit == kNoLimit &&
                !(line->waiting[0].empty() && line->waiting[1].empty())) {
                return true;
            }
        }
        return false;
    }

private:
    Line* first_of(std::size_t level);
    void pop(Line& line, std::size_t level, TaskNode** nodes, std::size_t count);

    // Runs `change` and keeps ready_ right.
    template <typename F>
    void changing(Lane& lane, F change) {
        ready_ -= lane.ready();
        change();
        ready_ += lane.ready();
    }

    const std::size_t pass_over_limit_;
    Lane unlimited_{"", kNoLimit, nullptr};
    std::vector<Line*> lines_; // those with waiting tasks
    std::array<std::size_t, kPriorities> waiting_{};
    std::array<std::size_t, kPriorities> passed_over_{}; // since a task of this level was taken
    std::size_t ready_ = 0;
    std::size_t size_ = 0;
};

} // namespace syncline
