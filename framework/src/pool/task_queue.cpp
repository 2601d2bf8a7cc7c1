#include "pool/task_queue.hpp"

#include <algorithm>

namespace syncline {

void TaskQueue::append(Line& line, Priority priority, NodeList& nodes, std::size_t count) {
    const auto level = static_cast<std::size_t>(priority);
    if (line.size == 0) {
        lines_.push_back(&line);
    }
    line.waiting[level].append(nodes);
    line.counts[level] += count;
    line.size += count;
    changing(line.lane, [&] { line.lane.queued += count; });
    waiting_[level] += count;
    size_ += count;
}

void TaskQueue::put_back(TaskNode* node) {
    Line& line = *node->line;
    const auto level = static_cast<std::size_t>(node->priority);
    if (line.size == 0) {
        lines_.push_back(&line);
    }
    line.waiting[level].push_front(node);
    ++line.counts[level];
    ++line.size;
    changing(line.lane, [&] {
        ++line.lane.queued;
        --line.lane.active;
    });
    ++waiting_[level];
    ++size_;
}

// The line with the oldest task of the level that may begin, null if there is none.
Line* TaskQueue::first_of(std::size_t level) {
    if (waiting_[level] == 0) {
        return nullptr;
    }
    Line* first = nullptr;
    for (Line* line : lines_) {
        const TaskNode* const node = line->waiting[level].front();
        if (node != nullptr && line->lane.active < line->lane.limit &&
            (first == nullptr || node->sequence < first->waiting[level].front()->sequence)) {
            first = line;
        }
    }
    return first;
}

void TaskQueue::pop(Line& line, std::size_t level, TaskNode** nodes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        nodes[i] = line.waiting[level].pop();
    }
    changing(line.lane, [&] {
        line.lane.queued -= count;
        line.lane.active += count;
    });
    line.counts[level] -= count;
    waiting_[level] -= count;
    size_ -= count;
    line.size -= count;
    if (line.size == 0) {
        std::erase(lines_, &line);
    }
}

TaskNode* TaskQueue::take() {
    if (ready_ == 0) {
        return nullptr;
    }
    std::array<Line*, kPriorities> lines{};
    std::size_t chosen = kPriorities;
    for (std::size_t level = 0; level < kPriorities; ++level) {
        lines[level] = first_of(level);
        if (lines[level] == nullptr) {
            continue;
        }
        const bool overdue = chosen != kPriorities && passed_over_[level] >= pass_over_limit_ &&
                             passed_over_[level] >= passed_over_[chosen];
        if (chosen == kPriorities || overdue) {
            chosen = level;
        }
    }
    passed_over_[chosen] = 0;
    for (std::size_t level = 0; level < kPriorities; ++level) {
        if (level != chosen && lines[level] != nullptr) {
            ++passed_over_[level];
        }
    }
    TaskNode* node = nullptr;
    pop(*lines[chosen], chosen, &node, 1);
    return node;
}

bool TaskQueue::is_alone(const Line& line) const {
    return line.counts[static_cast<std::size_t>(Priority::normal)] == size_;
}

std::size_t TaskQueue::take_from(Line& line, TaskNode** nodes, std::size_t most) {
    const std::size_t room = line.lane.limit - std::min(line.lane.active, line.lane.limit);
    most = std::min({most, room, line.size});
    std::size_t taken = 0;
    for (std::size_t level = 0; taken < most; ++level) {
        const std::size_t count = std::min(most - taken, line.counts[level]);
        if (count > 0) {
            pop(line, level, nodes + taken, count);
            taken += count;
        }
    }
    return taken;
}

void TaskQueue::finished(Lane& lane, std::size_t count) {
    changing(lane, [&] { lane.active -= count; });
}

void TaskQueue::set_limit(Lane& lane, std::size_t limit) {
    changing(lane, [&] { lane.limit = limit; });
}

NodeList TaskQueue::take_all() {
    NodeList all;
    for (Line* line : lines_) {
        for (NodeList& list : line->waiting) {
            all.append(list);
        }
        line->counts = {};
        line->size = 0;
        line->lane.queued = 0;
    }
    lines_.clear();
    waiting_ = {};
    passed_over_ = {};
    ready_ = 0;
    size_ = 0;
    return all;
}

} // namespace syncline
