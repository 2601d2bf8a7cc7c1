// A task on its way through the pool, and lists of such. Nodes are reused, so that a task costs no
// allocation once as many were under way before.
#pragma once

#include "syncline/pool/task_submitter.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace syncline {

struct Line;

inline constexpr std::int64_t kNotTimed = -1;

struct alignas(64) TaskNode {
    TaskNode* next = nullptr;
    Line* line = nullptr;
    std::uint64_t sequence = 0;    // order of acceptance
    std::uint64_t epoch = 0;       // accepted before how many drains
    std::int64_t submitted_ns = 0; // kNotTimed: nobody looked at the clock
    Priority priority = Priority::normal;
    Task task;
};

class NodeList {
public:
    bool empty() const { return head_ == nullptr; }
    TaskNode* front() const { return head_; }
    void push(TaskNode* node) {
        node->next = nullptr;
        (head_ == nullptr ? head_ : tail_->next) = node;
        tail_ = node;
    }
    void push_front(TaskNode* node) {
        node->next = head_;
        (head_ == nullptr ? tail_ : head_) = node;
        head_ = node;
    }
    TaskNode* pop() {
        TaskNode* const node = head_;
        head_ = node->next;
        if (head_ != nullptr) {
            // Written by another core; its way here overlaps with what is done with `node`.
            __builtin_prefetch(head_, 1);
            __builtin_prefetch(reinterpret_cast<const char*>(head_) + 64, 1);
        }
        return node;
    }
    void append(NodeList& other) {
        if (!other.empty()) {
            (head_ == nullptr ? head_ : tail_->next) = other.head_;
            tail_ = other.tail_;
            other.head_ = nullptr;
        }
    }

private:
    TaskNode* head_ = nullptr;
    TaskNode* tail_ = nullptr; // meaningful while head_ is not null
};

// Makes nodes; they live as long as it.
class NodeStore {
public:
    void refill(NodeList& list) {
        chunks_.push_back(std::make_unique<std::array<TaskNode, 64>>());
        for (TaskNode& node : *chunks_.back()) {
            list.push(&node);
        }
    }

private:
    std::vector<std::unique_ptr<std::array<TaskNode, 64>>> chunks_;
};

} // namespace syncline
