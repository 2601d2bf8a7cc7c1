// A conflict strategy that is a lambda.
//
//     FakeStrategy newest([](const Conflict&) {
//         Decision decision;
//         decision.action = DecisionAction::keep_source;
//         return decision;
//     });
#pragma once

#include "syncline/plugin/conflict_strategy.hpp"

#include <atomic>
#include <functional>
#include <string>

namespace syncline::fakes {

class FakeStrategy : public ConflictStrategy {
public:
    using Answer = std::function<Result<Decision>(const CallContext&, const Conflict&)>;

    explicit FakeStrategy(Answer answer, std::string plugin_id = "test.strategy.lambda")
        : answer_(std::move(answer)), plugin_id_(std::move(plugin_id)) {}
    explicit FakeStrategy(std::function<Decision(const Conflict&)> answer,
                          std::string plugin_id = "test.strategy.lambda")
        : FakeStrategy(
              Answer([answer = std::move(answer)](const CallContext&, const Conflict& conflict) {
                  return Result<Decision>(answer(conflict));
              }),
              std::move(plugin_id)) {}

    const std::string& plugin_id() const override { return plugin_id_; }
    Result<Decision> decide(const CallContext& call, const Conflict& conflict) override {
        ++questions_;
        return answer_(call, conflict);
    }
    std::uint64_t questions() const { return questions_; }

private:
    const Answer answer_;
    const std::string plugin_id_;
    std::atomic<std::uint64_t> questions_ = 0;
};

} // namespace syncline::fakes
