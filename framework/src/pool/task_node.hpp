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

// Has the processor fetch a node that will be written to. What compilers make of the builtin for
// the oldest x86-64 asks for reading only, and the writer would wait after all.
inline void ask_for(const TaskNode* node) {
    for (const char* line = reinterpret_cast<const char*>(node);
         line < reinterpret_cast<const char*>(node + 1); line += 64) {
#if defined(__x86_64__)
        asm volatile("prefetchw %0" : : "m"(*line));
#else
        __builtin_prefetch(line, 1);
#endif
    }
}

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
            ask_for(head_);
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

// Nodes that are not in use. They come back from the cores that used them, which takes as long as
// several submissions; hence not a list, in which only the next one is known.
class NodeStack {
public:
    bool empty() const { return nodes_.empty(); }
    void push(TaskNode* node) { nodes_.push_back(node); }
    TaskNode* pop() {
        TaskNode* const node = nodes_.back();
        nodes_.pop_back();
        if (nodes_.size() >= kAhead) {
            ask_for(nodes_[nodes_.size() - kAhead]);
        }
        return node;
    }
    void append(NodeStack& other) {
        nodes_.insert(nodes_.end(), other.nodes_.begin(), other.nodes_.end());
        other.nodes_.clear();
    }

private:
    static constexpr std::size_t kAhead = 8;
    std::vector<TaskNode*> nodes_;
};

// Makes nodes; they live as long as it.
class NodeStore {
public:
    void refill(NodeStack& spare) {
        chunks_.push_back(std::make_unique<std::array<TaskNode, 64>>());
        for (TaskNode& node : *chunks_.back()) {
            spare.push(&node);
        }
    }

private:
    std::vector<std::unique_ptr<std::array<TaskNode, 64>>> chunks_;
};

} // namespace syncline
