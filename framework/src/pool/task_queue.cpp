#include "pool/task_queue.hpp"

#include <algorithm>

namespace syncline {

void TaskQueue::push(TaskNode* node) {
    Lane& lane = *node->lane;
    const auto level = static_cast<std::size_t>(node->priority);
    if (&lane != &unlimited_ && lane.queued == 0) {
        limited_.push_back(&lane);
    }
    changing(lane, [&] {
        lane.waiting[level].push(node);
        ++lane.queued;
    });
    ++waiting_[level];
    ++size_;
}

void TaskQueue::append(Priority priority, NodeList& nodes, std::size_t count) {
    const auto level = static_cast<std::size_t>(priority);
    unlimited_.waiting[level].append(nodes);
    unlimited_.queued += count;
    waiting_[level] += count;
    ready_ += count;
    size_ += count;
}

TaskNode* TaskQueue::first_of(std::size_t level, Lane*& lane) {
    if (waiting_[level] == 0) {
        return nullptr;
    }
    TaskNode* first = unlimited_.waiting[level].front();
    lane = &unlimited_;
    for (Lane* other : limited_) {
        TaskNode* const node = other->waiting[level].front();
        if (node != nullptr && other->active < other->limit &&
            (first == nullptr || node->sequence < first->sequence)) {
            first = node;
            lane = other;
        }
    }
    return first;
}

TaskNode* TaskQueue::take() {
    if (ready_ == 0) {
        return nullptr;
    }
    std::array<Lane*, kPriorities> lanes{};
    std::size_t chosen = kPriorities;
    for (std::size_t level = 0; level < kPriorities; ++level) {
        if (first_of(level, lanes[level]) == nullptr) {
            lanes[level] = nullptr;
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
        if (level != chosen && lanes[level] != nullptr) {
            ++passed_over_[level];
        }
    }
    Lane& lane = *lanes[chosen];
    TaskNode* node = nullptr;
    changing(lane, [&] {
        node = lane.waiting[chosen].pop();
        --lane.queued;
        ++lane.active;
    });
    --waiting_[chosen];
    --size_;
    if (lane.queued == 0 && &lane != &unlimited_) {
        std::erase(limited_, &lane);
    }
    return node;
}

void TaskQueue::finished(Lane& lane) {
    changing(lane, [&] { --lane.active; });
}

void TaskQueue::set_limit(Lane& lane, std::size_t limit) {
    changing(lane, [&] { lane.limit = limit; });
}

NodeList TaskQueue::take_all() {
    NodeList all;
    const auto empty = [&all](Lane& lane) {
        for (NodeList& list : lane.waiting) {
            all.append(list);
        }
        lane.queued = 0;
    };
    empty(unlimited_);
    for (Lane* lane : limited_) {
        empty(*lane);
    }
    limited_.clear();
    waiting_ = {};
    passed_over_ = {};
    ready_ = 0;
    size_ = 0;
    return all;
}

} // namespace syncline
