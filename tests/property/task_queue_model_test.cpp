// The pool's queue against a model that is a plain list: whatever is pushed, taken, finished and
// re-limited in whatever order, both agree on what is next.
#include "pool/task_queue.hpp"

#include <algorithm>
#include <array>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <optional>
#include <rapidcheck.h>
#include <vector>

using namespace syncline;

namespace {

constexpr std::size_t kPassOver = 3;
constexpr std::size_t kLanes = 3; // the first without limit

struct Waiting {
    std::uint64_t sequence;
    std::size_t level;
    std::size_t lane;
};

struct Model {
    std::vector<Waiting> waiting; // by sequence
    std::array<std::size_t, kLanes> limits{kNoLimit, 1, 2};
    std::array<std::size_t, kLanes> active{};
    std::array<std::size_t, kPriorities> passed{};

    std::optional<Waiting> first_of(std::size_t level) const {
        for (const Waiting& task : waiting) {
            if (task.level == level && active[task.lane] < limits[task.lane]) {
                return task;
            }
        }
        return std::nullopt;
    }

    std::optional<Waiting> take() {
        std::optional<Waiting> next;
        std::size_t most_passed = 0;
        for (std::size_t level = 0; level < kPriorities; ++level) {
            const std::optional<Waiting> first = first_of(level);
            if (!first) {
                continue;
            }
            const bool overdue = passed[level] >= std::max(kPassOver, most_passed);
            if (!next || overdue) {
                next = first;
                most_passed = passed[level];
            }
        }
        if (!next) {
            return next;
        }
        for (std::size_t level = 0; level < kPriorities; ++level) {
            passed[level] += level != next->level && first_of(level) ? 1 : 0;
        }
        passed[next->level] = 0;
        std::erase_if(waiting, [&](const Waiting& w) { return w.sequence == next->sequence; });
        ++active[next->lane];
        return next;
    }

    std::size_t ready() const {
        std::size_t sum = 0;
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const auto here = static_cast<std::size_t>(std::count_if(
                waiting.begin(), waiting.end(), [&](const Waiting& w) { return w.lane == lane; }));
            sum += std::min(here, limits[lane] > active[lane] ? limits[lane] - active[lane] : 0);
        }
        return sum;
    }
};

} // namespace

BOOST_AUTO_TEST_SUITE(task_queue_model)

BOOST_AUTO_TEST_CASE(the_queue_does_what_a_list_would) {
    const bool held = rc::check("queue = list", [] {
        TaskQueue queue(kPassOver);
        Lane one("one", 1, nullptr);
        Lane two("two", 2, nullptr);
        const std::array<Lane*, kLanes> lanes{&queue.unlimited(), &one, &two};
        // The order is that of acceptance, whether a task is of a group or not.
        Line groups[kLanes]{{queue.unlimited(), true}, {one, true}, {two, true}};
        std::vector<std::unique_ptr<TaskNode>> nodes;
        Model model;
        const int steps = *rc::gen::inRange(0, 200);
        for (int step = 0; step < steps; ++step) {
            const int what = *rc::gen::inRange(0, 10);
            const auto lane = *rc::gen::inRange<std::size_t>(0, kLanes);
            if (what < 5) {
                const auto level = *rc::gen::inRange<std::size_t>(0, kPriorities);
                nodes.push_back(std::make_unique<TaskNode>());
                nodes.back()->sequence = nodes.size();
                nodes.back()->priority = static_cast<Priority>(level);
                Line& line = *rc::gen::arbitrary<bool>() ? groups[lane] : lanes[lane]->line;
                nodes.back()->line = &line;
                NodeList list;
                list.push(nodes.back().get());
                queue.append(line, nodes.back()->priority, list, 1);
                model.waiting.push_back({nodes.size(), level, lane});
            } else if (what < 8) {
                const TaskNode* const taken = queue.take();
                const std::optional<Waiting> expected = model.take();
                RC_ASSERT((taken != nullptr) == expected.has_value());
                if (taken != nullptr) {
                    RC_ASSERT(taken->sequence == expected->sequence);
                }
            } else if (what == 8 && model.active[lane] > 0) {
                queue.finished(*lanes[lane], 1);
                --model.active[lane];
            } else if (what == 9 && lane > 0) {
                const auto limit = *rc::gen::inRange<std::size_t>(1, 5);
                queue.set_limit(*lanes[lane], limit);
                model.limits[lane] = limit;
            }
            RC_ASSERT(queue.ready() == model.ready());
            RC_ASSERT(queue.size() == model.waiting.size());
            // Nobody is passed over for ever: only another overdue level may come in between.
            for (const std::size_t passed : model.passed) {
                RC_ASSERT(passed <= kPassOver + kPriorities - 2);
            }
        }
        std::size_t left = 0;
        for (NodeList all = queue.take_all(); !all.empty(); ++left) {
            (void)all.pop();
        }
        RC_ASSERT(left == model.waiting.size());
        RC_ASSERT(queue.size() == 0U);
        RC_ASSERT(queue.ready() == 0U);
    });
    BOOST_TEST(held);
}

BOOST_AUTO_TEST_SUITE_END()
